/**
 * The packages on systems that have nothing else: bare Debian 12 and 13 made by debootstrap, an empty RPM system, and
 * arm64 under qemu. The long form of the tests (npm run torture), since each system is fetched.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { bootstrapDebian } from '../support/debian.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { available, missingParts } from '../support/server.ts';

const IS_LONG = process.env.POSTERN_TORTURE === 'long';
const has = (name: string, ...programs: string[]) =>
  IS_LONG && available(name, missingParts(['/usr/bin/dpkg-deb', ...programs], []));
const LONG = 1_200_000;

let folder: Folder;
beforeAll(() => {
  folder = scratchFolder('postern-systems-');
});
afterAll(() => folder?.remove());

function build(arch: string, format: string): string {
  const argv = [
    'packaging/build.ts',
    `--arch=${arch}`,
    `--format=${format}`,
    '--fast',
    `--out=${folder.path}`,
  ];
  return execFileSync(process.execPath, argv, { encoding: 'utf8' }).trim();
}

async function bootstrap(release: string, ...more: string[]): Promise<string> {
  const root = folder.at(`${release}-${more.length}`);
  await bootstrapDebian(root, release, ...more);
  return root;
}

/** Shell text in a system, as root; throws when it fails. */
async function inside(root: string, text: string): Promise<string> {
  const clean = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL=C', 'HOME=/root'];
  const script = `mount -t proc proc /proc\nset -e\n{ ${text}\n} 2>&1 </dev/null`;
  const argv = [
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    'chroot',
    root,
    ...clean,
    'sh',
    '-c',
    script,
  ];
  const { status, stdout } = await runCommand(argv, { timeout: LONG });
  if (status !== 0) throw new Error(`status ${status} of: ${text}\n${stdout}`);
  return stdout;
}

const STORY = `
  dpkg -i /tmp/postern.deb
  chgrp adm /var/log && mkdir -p /etc/postern && touch /var/log/mail.log && chgrp adm /var/log/mail.log
  cat >/etc/postern/postern.yaml <<END
mta: postfix
mode: observe
logs: [ /var/log/mail.log ]
END
  AS='setpriv --reuid=postern --regid=postern --groups=adm'
  timeout 5 $AS postern run || test $? = 124
  $AS postern blocks --format json
  dpkg -i /tmp/postern.deb
  $AS postern blocks --format json
  dpkg --remove postern && test -e /var/lib/postern/postern.db && test -e /etc/postern/postern.yaml
  dpkg --purge postern
`;

describe.runIf(has('bare Debian', '/usr/sbin/debootstrap')).each(['bookworm', 'trixie'])(
  'Debian %s with nothing in it',
  (release) => {
    it('installs, runs as the user of the unit, upgrades, and leaves nothing after a purge', {
      timeout: LONG,
    }, async () => {
      const root = await bootstrap(release);
      copyFileSync(build('amd64', 'deb'), join(root, 'tmp/postern.deb'));
      await inside(root, STORY);
      expect(
        await inside(root, 'find /etc /usr /var -path "*postern*"; getent passwd postern || true'),
      ).toBe('');
    });
  },
);

describe.runIf(has('lintian', '/usr/bin/lintian')).each(['amd64', 'arm64'])(
  'lintian, %s',
  (arch) => {
    it('finds nothing that packaging/scripts/lintian-overrides does not explain', {
      timeout: LONG,
    }, async () => {
      const argv = ['lintian', '--allow-root', '--display-info', '--pedantic', build(arch, 'deb')];
      const { stdout } = await runCommand(argv, { timeout: LONG });
      expect(stdout).toBe('');
    });
  },
);

describe.runIf(has('rpm', '/usr/bin/rpmbuild', '/usr/bin/rpm'))('an RPM system', () => {
  it('takes the package, and its program runs', { timeout: LONG }, async () => {
    const file = build('amd64', 'rpm');
    const root = folder.at('rpm');
    // Accounts and services are for a system with a shell: nothing but the files here.
    const argv = [
      'rpm',
      '--root',
      root,
      '--dbpath',
      '/var/lib/rpm',
      '--nodeps',
      '--noscripts',
      '-i',
      file,
    ];
    expect(await runCommand(argv, { timeout: LONG })).toMatchObject({ status: 0 });
    expect(existsSync(join(root, 'etc/cron.d/postern'))).toBe(true);
    const { stdout } = await runCommand([join(root, 'usr/lib/postern/bin/postern'), '--version'], {
      timeout: LONG,
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const first = readFileSync(file);
    build('amd64', 'rpm');
    expect(readFileSync(file).equals(first)).toBe(true);
  });
});

describe.runIf(has('arm64', '/usr/sbin/debootstrap', '/usr/bin/qemu-aarch64-static'))(
  'arm64 under qemu',
  () => {
    it('runs the program', { timeout: LONG }, async () => {
      const root = await bootstrap('bookworm', '--foreign', '--arch=arm64', '--include=libstdc++6');
      for (const deb of execFileSync(
        'sh',
        ['-c', 'ls "$0"/var/cache/apt/archives/lib*.deb', root],
        { encoding: 'utf8' },
      )
        .trim()
        .split('\n'))
        execFileSync('dpkg-deb', ['-x', deb, root]);
      execFileSync('dpkg-deb', ['-x', build('arm64', 'deb'), root]);
      const library = join(root, 'usr/lib/postern');
      const run = (...args: string[]) =>
        runCommand(
          [
            'qemu-aarch64-static',
            '-L',
            root,
            join(library, 'node/bin/node'),
            join(library, 'dist/cli/main.js'),
            ...args,
          ],
          { timeout: LONG },
        );
      expect(await run('replay', join(library, 'demo/mail.log'))).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('block'),
      });
      // SQLite's binding is of the right architecture.
      expect(await run('recipients', 'list', '--database', folder.at('none.db'))).toMatchObject({
        stderr: expect.not.stringContaining('wrong ELF class'),
      });
    });
  },
);
