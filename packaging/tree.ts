/**
 * Lays out what a package installs, below a folder that stands for `/`. The same tree makes a .deb and an .rpm. Files
 * belong to root in the package, whoever builds it, and all have the time of the last commit.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

export const ARCHITECTURES = ['amd64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

export interface Package {
  /** the folder that stands for `/` */
  readonly root: string;
  readonly arch: Architecture;
  readonly version: string;
  /** seconds since the epoch: the date of all files */
  readonly time: number;
}

/** Files that belong to the administrator once they are installed. */
export const CONFIGURATION_FILES = ['/etc/cron.d/postern'] as const;

const LIBRARY = 'usr/lib/postern';
/** What npm installs, too: `files` of package.json. */
const SHARED = ['rules', 'lists', 'demo'] as const;
const SQLITE = 'node_modules/better-sqlite3';
/** For a compiler: the program loads nothing of it. */
const HEADERS = 'node_modules/node-addon-api';
const PREBUILT: Readonly<Record<Architecture, string>> = {
  amd64: 'linux-x64.node',
  arm64: 'linux-arm64.node',
};

/** `node`: the folder of the Node.js that is to run it. Run it in the folder of the sources, after `npm run build`. */
export function layTree(made: Package, node: string): void {
  const at = (path: string) => join(made.root, path);
  layProgram(made, at);
  layNode(node, at);
  layUnits(at);
  layDocuments(made, node, at);
  layManual(at);
  lay('packaging/scripts/cron', at('etc/cron.d/postern'));
  mkdirSync(at('etc/postern'), { recursive: true });
  normalize(made.root, made.time);
}

function layProgram({ arch }: Package, at: (path: string) => string): void {
  for (const name of ['dist/cli', 'dist/help', ...SHARED]) lay(name, at(`${LIBRARY}/${name}`));
  for (const name of ['bin/postern', 'package.json']) lay(name, at(`${LIBRARY}/${name}`));
  for (const folder of listPackages()) lay(folder, at(`${LIBRARY}/${folder}`), isNeeded(arch));
  mkdirSync(at('usr/bin'), { recursive: true });
  symlinkSync(`../lib/postern/bin/postern`, at('usr/bin/postern'));
}

/** The packages that the program loads, as paths below this folder. */
function listPackages(): string[] {
  const list = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    encoding: 'utf8',
  });
  const [here = '', ...folders] = list.trim().split('\n');
  return folders.map((folder) => relative(here, folder)).filter((folder) => folder !== HEADERS);
}

/** No documents, types and maps; of SQLite's binding, one binary in eight, and no sources. */
function isNeeded(arch: Architecture): (path: string) => boolean {
  return (path) => {
    if (/\.(?:[cm]?ts|map|gypi?|h|md)$/.test(path)) return false;
    const inside = relative(SQLITE, path);
    if (inside.startsWith('..')) return true;
    if (dirname(inside) === 'prebuilds') return basename(inside) === PREBUILT[arch];
    return !/^(?:deps|src|binding\.gyp)/.test(inside);
  };
}

function layNode(node: string, at: (path: string) => string): void {
  lay(join(node, 'bin/node'), at(`${LIBRARY}/node/bin/node`));
}

/** The folders of tmpfiles.d are Postfix's, so that the maintainer script makes them, if Postfix is there. */
function layUnits(at: (path: string) => string): void {
  for (const name of readdirSync('systemd')) {
    if (/\.(?:service|timer)$/.test(name))
      lay(join('systemd', name), at(`usr/lib/systemd/system/${name}`));
    else if (name.endsWith('.sysusers.conf'))
      lay(join('systemd', name), at(`usr/lib/sysusers.d/${name.replace('.sysusers', '')}`));
    else lay(join('systemd', name), at(`usr/share/postern/systemd/${name}`));
  }
}

function layDocuments(made: Package, node: string, at: (path: string) => string): void {
  const folder = at('usr/share/doc/postern');
  lay('docs', folder);
  for (const name of ['README.md', 'CHANGELOG.md']) lay(name, join(folder, name));
  lay('packaging/scripts/copyright', join(folder, 'copyright'));
  lay('packaging/scripts/lintian-overrides', at('usr/share/lintian/overrides/postern'));
  pack(Buffer.from(debianChangelog(made)), join(folder, 'changelog.gz'));
  pack(readFileSync(join(node, 'LICENSE')), join(folder, 'node-LICENSE.gz'));
}

/** Where `man` and the shells look for it. */
function layManual(at: (path: string) => string): void {
  for (const page of readdirSync('dist/man'))
    pack(readFileSync(join('dist/man', page)), at(`usr/share/man/man${page.slice(-1)}/${page}.gz`));
  for (const [name, path] of Object.entries(COMPLETIONS))
    lay(join('dist/completion', name), at(`usr/share/${path}/${name}`));
}

/** The folder of each file of dist/completion. */
const COMPLETIONS = {
  postern: 'bash-completion/completions',
  _postern: 'zsh/vendor-completions',
  'postern.fish': 'fish/vendor_completions.d',
} as const;

/** In the form that Debian's tools read, deb-changelog(5). */
function debianChangelog({ version, time }: Package): string {
  const date = new Date(time * 1000).toUTCString().replace('GMT', '+0000');
  return `postern (${version}) unstable; urgency=medium

  * See CHANGELOG.md.

 -- The Postern authors <postern@example.org>  ${date}
`;
}

/** Without a name and a time in it. */
function pack(bytes: Buffer, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, gzipSync(bytes, { level: 9 }));
}

function lay(from: string, to: string, filter: (path: string) => boolean = () => true): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter });
}

/** Modes that do not depend on the umask of who builds, and one time for all. */
function normalize(path: string, time: number): void {
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    for (const name of readdirSync(path)) normalize(join(path, name), time);
    chmodSync(path, 0o755);
  } else if (!stats.isSymbolicLink()) {
    chmodSync(path, (stats.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
  lutimesSync(path, time, time);
}
