/**
 * The Debian package: what is in it, built twice with the same bytes, and its life beside a real Postfix by the real dpkg:
 * installed over nothing and over an installation by npm, upgraded, removed and purged.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { hasPostfix } from '../support/postfix.ts';
import { available, missingParts } from '../support/server.ts';

const hasDpkg = available('packages', missingParts(['/usr/bin/dpkg-deb', '/usr/bin/npm'], []));
const isHost = process.arch === 'x64' || process.arch === 'arm64';
const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

let folder: Folder;
let file = '';

beforeAll(() => {
  if (!hasDpkg) return;
  folder = scratchFolder('postern-package-');
  file = build();
}, 120_000);
afterAll(() => folder?.remove());

function build(umask = 0o022): string {
  const before = process.umask(umask);
  try {
    const argv = ['packaging/build.ts', `--arch=${ARCH}`, '--fast', `--out=${folder.path}`];
    return execFileSync(process.execPath, argv, { encoding: 'utf8' }).trim();
  } finally {
    process.umask(before);
  }
}

describe.runIf(hasDpkg && isHost)('the package', () => {
  it('is the same, byte for byte, when it is built again by somebody with another umask', () => {
    const first = `${file}.first`;
    renameSync(file, first);
    build(0o077);
    expect(readFileSync(file).equals(readFileSync(first))).toBe(true);
  }, 120_000);

  it('holds one binary of SQLite, belongs to root, and can be written by root alone', () => {
    const lines = execFileSync('dpkg-deb', ['-c', file], { encoding: 'utf8', maxBuffer: 1 << 26 })
      .trim()
      .split('\n');
    expect(lines.filter((line) => line.endsWith('.node'))).toHaveLength(1);
    const isSound = /^(?:-rw-r--r--|-rwxr-xr-x|drwxr-xr-x|lrwxrwxrwx) root\/root /;
    expect(lines.filter((line) => !isSound.test(line))).toEqual([]);
    const paths = lines.map((line) => line.replace(/^.*? \.\//, '/').replace(/ -> .*/, ''));
    for (const path of [
      '/usr/bin/postern',
      '/usr/lib/postern/node/bin/node',
      '/usr/lib/systemd/system/postern.service',
      '/usr/lib/systemd/system/postern-report.timer',
      '/usr/lib/sysusers.d/postern.conf',
      '/usr/share/doc/postern/copyright',
      '/etc/cron.d/postern',
      '/usr/lib/postern/dist/cli/LICENSES.txt',
      '/usr/lib/postern/dist/help/topics',
      '/usr/share/man/man8/postern.8.gz',
      '/usr/share/man/man8/postern-milter.8.gz',
      '/usr/share/man/man5/postern.yaml.5.gz',
      '/usr/share/man/man7/postern-rules.7.gz',
      '/usr/share/bash-completion/completions/postern',
      '/usr/share/zsh/vendor-completions/_postern',
      '/usr/share/fish/vendor_completions.d/postern.fish',
    ])
      expect(paths).toContain(path);
    expect(paths.filter((path) => /\.(?:ts|cpp|gypi?)$/.test(path))).toEqual([]);
    expect(paths.filter((path) => path.includes('node-addon-api'))).toEqual([]);
  });

  it.each(['postinst', 'prerm', 'postrm'])('has a %s that sh can read', (name) => {
    execFileSync('sh', ['-n', `packaging/scripts/${name}`]);
  });

  it('stops all units when it is removed, and restarts all services when it is upgraded', () => {
    const read = (name: string) => readFileSync(`packaging/scripts/${name}`, 'utf8');
    const units = readdirSync('systemd').filter((name) => /\.(?:service|timer)$/.test(name));
    const lasting = units.filter(
      (name) => !/^Type=oneshot/m.test(readFileSync(`systemd/${name}`, 'utf8')),
    );
    const words = (text: string) => new Set(text.split(/[\s;\\]+/));
    expect(lasting.filter((name) => !words(read('prerm')).has(name))).toEqual([]);
    const services = lasting.flatMap((name) => /^(.*)\.service$/.exec(name)?.[1] ?? []);
    expect(services.filter((name) => !words(read('postinst')).has(name))).toEqual([]);
  });
});

/** Postfix as Debian installs it, with its log in a file. */
const POSTFIX = `
set -e
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf -e compatibility_level=3.6 myhostname=mx.example.net mydestination=example.net alias_maps= alias_database= \\
  inet_interfaces=loopback-only inet_protocols=ipv4 disable_dns_lookups=yes maillog_file=/var/log/mail.log
touch /var/log/mail.log
`;
/** No Node.js beside that of the package. */
const NO_NODE =
  'rm -f /usr/local/bin/node; ! command -v node || mv $(command -v node) /root/node.away';
const PURGE = 'dpkg --purge postern';
const AS_POSTERN = 'setpriv --reuid=postern --regid=postern --groups=adm';
/** Everything on the machine that has its name. */
const FIND = `find /etc /usr /var -path /var/log -prune -o -path '*postern*' -print`;

describe.runIf(hasDpkg && isHost && hasMachine() && hasPostfix())('beside Postfix', () => {
  let machine: Machine;
  let before = '';
  const copy = () =>
    machine.must(
      'cat >/tmp/postern.deb.b64 && base64 -d /tmp/postern.deb.b64 >/tmp/postern.deb && rm /tmp/postern.deb.b64',
      readFileSync(file).toString('base64'),
    );
  const INSTALL = 'dpkg -i /tmp/postern.deb';

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: true });
    await machine.must(POSTFIX);
    await machine.must(NO_NODE);
    before = await machine.must(FIND);
    await copy();
  }, 120_000);
  afterAll(() => machine?.stop());

  it('installs without a question, makes accounts and folders, and says what is next', async () => {
    const output = await machine.must(`${INSTALL} </dev/null`);
    expect(output).toContain('next, run: postern init --notify abuse@YOUR.DOMAIN');
    expect(
      await machine.must(
        'stat -c "%U:%G %a %n" /var/lib/postern /etc/postfix/postern /var/spool/postfix/postern /var/spool/postfix/postern-milter',
      ),
    ).toBe(
      `postern:postern 750 /var/lib/postern
root:root 755 /etc/postfix/postern
postern:postfix 750 /var/spool/postfix/postern
postern-milter:postfix 2750 /var/spool/postfix/postern-milter
`,
    );
    expect(await machine.must('postern --version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('replays a log, and runs as the user of the unit', async () => {
    await machine.must('postern init --notify abuse@example.net');
    expect(await machine.must('postern replay demo/mail.log')).toMatch(/block/);
    await machine.must(`chgrp adm /var/log/mail.log && chmod 640 /var/log/mail.log
      echo 'enforcer: separate' >>/etc/postern/postern.yaml
      timeout 5 ${AS_POSTERN} postern run || test $? = 124`);
    expect(await machine.must('stat -c %U /var/lib/postern/postern.db')).toBe('postern\n');
  });

  it('an upgrade keeps database and blocks', async () => {
    // The service does not run: written down, but not in force.
    await machine.must('postern block alice@example.net --note test || test $? = 1');
    const blocks = await machine.must('postern blocks --format json');
    expect(blocks).toContain('alice@example.net');
    await machine.must(INSTALL);
    expect(await machine.must('postern blocks --format json')).toBe(blocks);
  });

  it('says that an installation by npm comes first', async () => {
    await machine.must(
      'printf "#!/bin/sh\\n" >/usr/local/bin/postern; chmod 755 /usr/local/bin/postern; cp /usr/lib/systemd/system/postern.service /etc/systemd/system/',
    );
    const output = await machine.must(INSTALL);
    expect(output).toContain('npm uninstall --global postern');
    expect(output).toContain('rm /etc/systemd/system/postern.service');
    await machine.must('rm /usr/local/bin/postern /etc/systemd/system/postern.service');
  });

  it('stays while Postfix would refuse mail without it, and names the lines', async () => {
    await machine.must("postconf -e 'smtpd_milters = unix:postern-milter/milter'");
    const refused = await machine.shell('dpkg --remove postern');
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain('    smtpd_milters = unix:postern-milter/milter');
    await machine.must('postern --version');
    await machine.must('postconf -X smtpd_milters');
    // Postfix goes on without an answer here.
    await machine.must(
      "postconf -e 'smtpd_end_of_data_restrictions = check_policy_service { unix:postern/policy, default_action=DUNNO }'",
    );
    await machine.must('dpkg --remove postern');
    await machine.must('test -e /etc/postern/postern.yaml && test -d /var/lib/postern');
    await machine.must('postconf -X smtpd_end_of_data_restrictions');
    await machine.must(INSTALL);
  });

  it('a purge empties the maps that Postfix still names, says so, and leaves nothing else', async () => {
    await machine.must(`cd /etc/postfix/postern
      echo 'alice@example.net HOLD' >sasl_access && postmap lmdb:sasl_access && echo '192.0.2.7 HOLD' >client_access
      postconf -e 'smtpd_data_restrictions = check_sasl_access lmdb:/etc/postfix/postern/sasl_access'`);
    const output = await machine.must(PURGE);
    expect(output).toContain('take out');
    expect(output).toContain(
      'smtpd_data_restrictions = check_sasl_access lmdb:/etc/postfix/postern/sasl_access',
    );
    const left = (await machine.must(FIND))
      .split('\n')
      .filter((line) => !before.includes(line))
      .sort();
    expect(left).toEqual([
      '/etc/postfix/postern',
      '/etc/postfix/postern/sasl_access',
      '/etc/postfix/postern/sasl_access.lmdb',
    ]);
    expect(
      await machine.must(
        'postmap -s lmdb:/etc/postfix/postern/sasl_access; cat /etc/postfix/postern/sasl_access',
      ),
    ).toBe('');
    expect((await machine.shell('getent passwd postern postern-milter')).output).toBe('');
  });

  it('goes over a half-removed one, and a purge without Postfix leaves nothing', async () => {
    await machine.must('postconf -X smtpd_data_restrictions');
    await machine.must(
      'dpkg --unpack /tmp/postern.deb && rm -rf /usr/lib/postern/dist /usr/bin/postern',
    );
    await machine.must(INSTALL);
    await machine.must('postern --version');
    await machine.must('mv /usr/sbin/postconf /root/; mv /etc/postfix /root/');
    await machine.must(PURGE);
    await machine.must('mv /root/postfix /etc/; rm -rf /etc/postfix/postern');
    expect(await machine.must(FIND)).toBe(before);
  });
});
