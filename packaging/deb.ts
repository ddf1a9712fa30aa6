/** A .deb by dpkg-deb, as Debian's policy wants it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { CONFIGURATION_FILES, type Package } from './tree.ts';

export interface PackageOptions {
  readonly out: string;
  readonly work: string;
  readonly fast: boolean;
}

export const SUMMARY = 'shuts out stolen mail accounts before the server is blocklisted';
export const DESCRIPTION = `Postern follows the log of Postfix or Exim, works out who handed in each
message, and recognises the pattern of a stolen password or an infected
machine: many recipients that do not exist. Such a submitter is shut out,
its mail is held for a human, and the abuse address gets the evidence.`;

/** Returns the path of the package. */
export function buildDeb(made: Package, { out, fast }: PackageOptions): string {
  const control = join(made.root, 'DEBIAN');
  mkdirSync(control);
  write('control', describe(made), 0o644);
  write('conffiles', CONFIGURATION_FILES.map((path) => `${path}\n`).join(''), 0o644);
  // Postfix that comes later gets its folders then.
  write('triggers', 'interest-noawait /usr/sbin/postfix\n', 0o644);
  write('md5sums', sums(made.root), 0o644);
  for (const name of ['postinst', 'prerm', 'postrm'])
    write(name, readFileSync(join('packaging/scripts', name), 'utf8'), 0o755);
  const file = join(out, `postern_${made.version}_${made.arch}.deb`);
  const compression = fast ? ['-Zgzip', '-z1'] : ['-Zxz'];
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', made.root, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(made.time) },
  });
  return file;

  function write(name: string, text: string, mode: number): void {
    const path = join(control, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    lutimesSync(path, made.time, made.time);
  }
}

/** The libraries are those that Node.js is linked with. */
function describe({ root, arch, version }: Package): string {
  const size = listFiles(root).reduce(
    (sum, path) => sum + Math.ceil(readFileSync(path).length / 1024),
    0,
  );
  return `Package: postern
Version: ${version}
Architecture: ${arch}
Maintainer: The Postern authors <postern@example.org>
Installed-Size: ${size}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 11), passwd
Recommends: postfix | exim4-daemon-light | exim4-daemon-heavy | sendmail-bin
Suggests: systemd
Section: mail
Priority: optional
Description: ${SUMMARY}
${DESCRIPTION.split('\n')
  .map((line) => ` ${line}`)
  .join('\n')}
`;
}

function sums(root: string): string {
  return listFiles(root)
    .filter((path) => !CONFIGURATION_FILES.includes(`/${relative(root, path)}` as never))
    .map(
      (path) =>
        `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${relative(root, path)}\n`,
    )
    .join('');
}

/** All files but those about the package itself, in order. */
function listFiles(root: string): string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !relative(root, path).startsWith('DEBIAN'))
    .sort();
}
