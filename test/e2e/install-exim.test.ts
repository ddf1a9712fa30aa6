/**
 * A newcomer with nothing but the documents, beside Exim: every command of docs/install.md and docs/mta/exim.md in the
 * order in which it is printed, on a fresh machine with Debian's configuration; the stolen account; and back.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasExim } from '../support/exim.ts';
import { hasDebianConfiguration } from '../support/exim-debian.ts';
import { until } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { runPrinted } from '../support/machine-install.ts';
import { type PageBlock, pageBlocks } from '../support/recipes.ts';

const PAGES = ['install.md', 'mta/exim.md', 'mta/exim-open-session.md'];
const SUPPORT = join(import.meta.dirname, '../support');
const UNPACKED = join(tmpdir(), 'postern-exim');

/** Debian's packages in place of Postfix, with what their installer asks, logins, and a route to the Internet. */
const EXIM = `
set -e
rm -rf /etc/postfix /usr/sbin/post* /usr/lib/postfix /var/spool/postfix
cp -a ${UNPACKED}/config/. /
cp -a ${UNPACKED}/root/usr/. /usr/
cp -a ${UNPACKED}/root/lib/. /usr/lib/
chmod 4755 /usr/sbin/exim4
echo mx.example.net >/etc/mailname
echo "Debian-exim: root" >/etc/aliases
cat >/etc/exim4/update-exim4.conf.conf <<'END'
dc_eximconfig_configtype='internet'
dc_other_hostnames='mx.example.net'
dc_local_interfaces='127.0.0.1'
dc_readhost=''
dc_relay_domains=''
dc_minimaldns='false'
dc_relay_nets='127.0.0.0/8'
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='true'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
END
cat >/etc/exim4/conf.d/auth/10_test <<'END'
test_plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if eq{$auth3}{secret}}
  server_set_id = $auth2
  server_advertise_condition = yes
END
cat >/etc/exim4/conf.d/router/050_internet <<'END'
internet:
  driver = manualroute
  domains = ! +local_domains
  transport = remote_smtp
  route_list = * 127.0.0.1::2525
  self = send
  no_more
END
for folder in /var/spool/exim4 /var/log/exim4 /var/lib/exim4; do install -d -o Debian-exim -g adm -m 2750 $folder; done
install -d -o Debian-exim -g Debian-exim -m 0750 /var/spool/exim4/input /var/spool/exim4/msglog /var/spool/exim4/db
chgrp Debian-exim /var/spool/exim4
update-exim4.conf
systemctl start exim4
setsid node ${SUPPORT}/machine-internet.mjs >/run/internet.log 2>&1 </dev/null &
`;

/** Blocks that this test does not run, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^systemctl edit postern +# and each/, 'a Node in a prefix of its own: an alternative'],
  [/^systemctl edit postern +# or postern-single/, 'a log of another group: no such group here'],
  [/postfix|postern-single|userdel|sysusers/, 'beside Postfix: install-postfix.test.ts'],
  [/^postern replay/, "the log of Postfix; Exim's is elsewhere"],
  [/^install -o root/, 'Postern as root: an alternative'],
  [/^install -d -o postern/, 'Postern as an account of its own: an alternative'],
];

const HEADINGS = { split: 'Debian, split configuration', single: 'Debian, single file' };

const blocks = PAGES.flatMap(pageBlocks).filter(({ isCommand }) => isCommand);
const done = new Set<string>();
const canRun = hasMachine() && hasExim() && hasDebianConfiguration();

describe.runIf(canRun).each(['split', 'single'] as const)("Debian's configuration, %s", (style) => {
  let machine: Machine;
  let before = '';

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: true });
    await machine.must(
      style === 'split'
        ? EXIM
        : EXIM.replace("dc_use_split_config='true'", "dc_use_split_config='false'").replace(
            'update-exim4.conf\nsystemctl',
            'update-exim4.conf.template -r\nupdate-exim4.conf\nsystemctl',
          ),
    );
  }, 120_000);
  afterAll(() => machine?.stop());

  /** Returns what the commands print. */
  async function follow(page: string, heading: string, choose = (_: PageBlock) => true) {
    const found = blocks.filter(
      (block) => block.page === page && block.heading.startsWith(heading) && choose(block),
    );
    if (found.length === 0) throw new Error(`${page}: no commands below "${heading}"`);
    const outputs: string[] = [];
    for (const { text } of found) {
      done.add(text);
      outputs.push(await runPrinted(machine, text));
    }
    return outputs.join('');
  }

  /** The commands of a section as init and check print them, with the folder of the package. */
  function printed(heading: string): string {
    const [found] = blocks.filter(
      (block) => block.page === 'mta/exim.md' && block.heading === heading,
    );
    const folder = '/usr/local/lib/node_modules';
    return (found?.text ?? '').replace('"$(npm root -g)"', folder);
  }

  const client = (login: string, ...recipients: string[]) =>
    machine.must(`node ${SUPPORT}/machine-client.ts 25 '${login}' ${recipients.join(' ')}`);
  const serviceLog = () => machine.must('cat /var/log/units-postern.log');
  const output = async (text: string) => (await machine.shell(text)).output;
  const settled = (what: string, question: () => Promise<boolean>) =>
    until(what, question, { timeout: 40_000 });
  const configuration = () =>
    machine.must(
      "find /etc/exim4 -type f | sort | xargs sha256sum; exim4 -bP config | grep -v '^#'",
    );

  it('the package, the configuration and the unit', async () => {
    before = await configuration();
    await follow('install.md', '1. Node.js', ({ text }) => !text.startsWith('systemctl'));
    await follow('install.md', '2. The package');
    const init = await follow('install.md', '3. The configuration', ({ text }) =>
      text.includes(' init '),
    );
    for (const command of printed(HEADINGS[style]).split('\n'))
      expect(init).toContain(`    ${command}\n`);
    expect(init).not.toContain('Authenticated users');
    await follow('install.md', '4c');
    await settled('the service', async () =>
      /^Debian-+exim +node .* run --config|^Debian-exim .* run --config/m.test(
        await output('ps -eo user:20,args'),
      ),
    );
  }, 120_000);

  it('the recipe makes check content', async () => {
    const before = await machine.shell('postern check');
    expect(before.status).toBe(2);
    expect(before.output).not.toContain('Authenticated users');
    for (const command of printed(HEADINGS[style]).split('\n'))
      expect(before.output.split(`           ${command}\n`)).toHaveLength(2); // once
    expect(await serviceLog()).toContain('networks cannot be blocked');
    await follow('mta/exim.md', HEADINGS[style]);
    await settled('the service to know of the statement', async () =>
      (await serviceLog()).includes('networks can be blocked now'),
    );
    const check = await machine.shell('postern check');
    done.add('postern check');
    expect(check).toEqual({ status: 0, output: expect.stringMatching(/No problems found\.\n$/) });
    expect(check.output).toContain('is readable by Debian-exim (postern.service)');
    await follow('install.md', '6. The daily and the weekly summary');
    await follow('install.md', '7. The manual');
  }, 60_000);

  it('mail flows, and the stolen account is blocked and its mail frozen', async () => {
    expect(await client('bob@example.net', 'good@example.org')).toMatch(/^250 /);
    await settled('the good mail', async () =>
      (await output('cat /run/delivered')).includes('good@'),
    );
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 40 }, (_, index) => `nobody${part}-${index}@example.org`);
      await client('alice@example.net', ...names);
    }
    await settled('the block', async () =>
      (await output('cat /var/spool/exim4/blocked_users')).includes('alice@example.net'),
    );
    expect(await client('alice@example.net', 'victim@example.org')).toMatch(/^250 /);
    await settled('frozen mail', async () =>
      /<alice@example\.net> \*\*\* frozen \*\*\*/.test(await output('exim4 -bp')),
    );
    expect(await client('bob@example.net', 'after@example.org')).toMatch(/^250 /);
    await settled("bob's mail", async () =>
      (await output('cat /run/delivered')).includes('after@'),
    );
    expect(await output('cat /run/delivered')).not.toContain('victim@');
    expect(await machine.must('postern explain alice@example.net')).toContain('User unknown');
    await machine.must('postern unblock alice@example.net');
    await settled(
      'the end of the block',
      async () => !(await output('cat /var/spool/exim4/blocked_users')).includes('alice@'),
    );
    expect(await client('alice@example.net', 'again@example.org')).toMatch(/^250 /);
    await settled("alice's mail", async () =>
      (await output('cat /run/delivered')).includes('again@'),
    );
  }, 120_000);

  it('and with the policy service, as check says, the header is there once', async () => {
    const yaml = '/etc/postern/postern.yaml';
    await machine.must(
      `cp ${yaml} /run/before.yaml; echo 'policy: { group: Debian-exim }' >>${yaml}; systemctl restart postern`,
    );
    await settled('the socket', async () => (await output('ls /run/postern')).includes('policy'));
    const { status, output: said } = await machine.shell('postern check');
    expect(status).toBe(2);
    const fix = /in (\S+) put this line in front of .*, then run: (.*)\n +(POSTERN_POLICY.*)/;
    const [, file = '', command = '', line = ''] = fix.exec(said) ?? [];
    await machine.must(`cp ${file} /run/before.conf; sed -i '1i ${line}' ${file}; ${command}`);
    expect((await machine.shell('postern check')).output).toMatch(/No problems found\.\n$/);
    await machine.must('postern block carol@example.net');
    expect(await client('carol@example.net', 'one@example.org', 'two@example.org')).toMatch(
      /^250 /,
    );
    await settled('frozen mail', async () => /frozen/.test(await output('exim4 -bp')));
    const list = "exim4 -bp | awk '/frozen/{print $3}'";
    const headers = await machine.must(`for id in $(${list}); do exim4 -Mvh $id; done`);
    expect(headers.match(/X-Authenticated-As: carol@example\.net/g)).toHaveLength(1);
    await machine.must('postern unblock carol@example.net');
    await machine.must('postern queue carol@example.net --release');
    await machine.must(`cp /run/before.conf ${file}; ${command}`);
    await machine.must(`cp /run/before.yaml ${yaml}; systemctl restart postern`);
  }, 60_000);

  it('and back: Exim is as it was, and nothing of Postern is left', async () => {
    await follow('mta/exim.md', 'Try it');
    await follow('mta/exim.md', 'Undo');
    await follow(
      'install.md',
      'Removing Postern',
      ({ text }) => !/^(?:postconf|userdel)/.test(text),
    );
    expect(await configuration()).toBe(before);
    const places = '/etc /usr/local /var/lib /var/spool /run -xdev';
    expect(await machine.must(`find ${places} -iname '*postern*' -not -path '/run/units*'`)).toBe(
      '',
    );
    expect(await machine.must('ls /var/spool/exim4')).not.toContain('blocked');
    expect(await client('bob@example.net', 'last@example.org')).toMatch(/^250 /);
    await settled('the last mail', async () =>
      (await output('cat /run/delivered')).includes('last@'),
    );
  }, 60_000);
});

describe.runIf(canRun)('every command of these pages', () => {
  it('was run above, or is in the list of those that are not', () => {
    const open = blocks.filter(
      ({ text }) => !done.has(text) && !NOT_RUN.some(([pattern]) => pattern.test(text)),
    );
    expect(open.map(({ page, text }) => `${page}: ${text}`)).toEqual([]);
  });
});
