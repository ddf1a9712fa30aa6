/**
 * A newcomer with nothing but the documents, beside Postfix: every command of docs/install.md, docs/mta/postfix.md and
 * docs/mta/postfix-policy.md in the order in which it is printed, on a fresh machine; the stolen account; and back.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { runPrinted } from '../support/machine-install.ts';
import { POSTFIX } from '../support/machine-postfix.ts';
import { hasPostfix } from '../support/postfix.ts';
import { type PageBlock, pageBlocks } from '../support/recipes.ts';

const PAGES = ['install.md', 'mta/postfix.md', 'mta/postfix-policy.md'];
const SUPPORT = join(import.meta.dirname, '../support');

/** Blocks that no scenario runs, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^systemctl edit postern +# and each/, 'a Node in a prefix of its own: an alternative'],
  [/^systemctl edit postern +# or postern-single/, 'a log of another group: no such group here'],
  [/^postern init --notify/, 'run, but with the address of the story'],
  [/^cp .*Debian-exim|postern-exim\.conf|spool\/exim4/, 'beside Exim: install-exim.test.ts'],
  [/socat - UNIX-CONNECT/, 'there is no socat; the answer is tested in test/policy/daemon.test.ts'],
];

const blocks = PAGES.flatMap(pageBlocks).filter(({ isCommand }) => isCommand);
const done = new Set<string>();
const canRun = hasMachine() && hasPostfix();

describe.runIf(canRun).each(['4a', '4b'] as const)('form %s', (form) => {
  let machine: Machine;
  const before: Record<string, string> = {};
  let printed = '';

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: form !== '4a' });
    await machine.must(POSTFIX);
  }, 120_000);
  afterAll(() => machine?.stop());

  /** The command blocks below a heading. */
  function below(page: string, heading: string): PageBlock[] {
    const found = blocks.filter(
      (block) => block.page === page && block.heading.startsWith(heading),
    );
    if (found.length === 0) throw new Error(`${page}: no commands below "${heading}"`);
    return found;
  }

  async function follow(page: string, heading: string, choose = (_: PageBlock) => true) {
    let output = '';
    for (const block of below(page, heading).filter(choose)) {
      done.add(block.text);
      output += await runPrinted(machine, block.text);
    }
    return output;
  }

  const client = (port: number, login: string, ...recipients: string[]) =>
    machine.must(`node ${SUPPORT}/machine-client.ts ${port} '${login}' ${recipients.join(' ')}`);
  const delivered = async () => (await machine.shell('cat /run/delivered')).output;
  const units = form === '4a' ? ['postern', 'postern-enforce'] : ['postern-single'];
  const log = async () => (await machine.shell('tail -n 30 /var/log/units-*.log')).output;
  const settled = (what: string, question: () => Promise<boolean>) =>
    until(what, question, { timeout: 40_000 });
  /** The settings and the lines of main.cf that are not empty. */
  const configuration = () =>
    machine.must("postconf -n; postconf -M; postconf -P; grep -v '^ *$' /etc/postfix/main.cf");

  /** A block of a page that is text for a file. */
  const fileText = (page: string, word: string) =>
    pageBlocks(page).find(({ isCommand, text }) => !isCommand && text.startsWith(word))?.text ?? '';
  const isHeld = async (login: string) =>
    new RegExp(`!.*${login}@example\\.net`).test(
      (await machine.must('postqueue -p')).replaceAll('\n', ' '),
    );

  it.runIf(form === '4b')(
    'the tables by hand, before Postern',
    async () => {
      await follow('mta/postfix.md', 'Before you start');
      const lines = `${fileText('mta/postfix.md', 'smtpd_data')}\n${fileText('mta/postfix.md', 'authorized')}`;
      await machine.must(
        'cp -p /etc/postfix/main.cf /root/main.cf; cat >>/etc/postfix/main.cf',
        `\n${lines}\n`,
      );
      await machine.must('postfix reload; sleep 1');
      await follow('mta/postfix.md', 'Try it');
      expect(await client(587, 'alice@example.net', 'by-hand@example.org')).toMatch(/^250 /);
      expect(await isHeld('alice')).toBe(true);
      await machine.must(
        'postsuper -d ALL; mv /root/main.cf /etc/postfix/main.cf; postfix reload; rm -r /etc/postfix/postern',
      );
    },
    60_000,
  );

  it('the package and the configuration', async () => {
    before.configuration = await configuration();
    before.etc = await machine.must('ls -R /etc/systemd/system /etc/postfix /etc/cron.d');
    await follow('install.md', '1. Node.js', ({ text }) => !text.startsWith('systemctl'));
    await follow('install.md', '2. The package');
    // An administrator's shell may have this umask.
    printed = await machine.must('umask 027; postern init --notify abuse@example.net');
    expect(printed).toContain('Wrote /etc/postern/postern.yaml.');
    await follow('install.md', '3. The configuration', ({ text }) => !text.includes(' init '));
  }, 120_000);

  it('the units start, each as its account', async () => {
    await follow('install.md', form);
    await settled(
      'the maps',
      async () => (await machine.shell('ls /etc/postfix/postern/submit_users')).status === 0,
    );
    const accounts = await machine.must('ps -eo user:20,args');
    for (const unit of units) {
      const command = unit === 'postern-enforce' ? 'enforce' : 'run';
      const user = unit === 'postern' ? 'postern' : 'root';
      expect(accounts).toMatch(new RegExp(`^${user} +node .* ${command} --config`, 'm'));
    }
  }, 60_000);

  it('a folder of maps of another account: check says whose it has to be', async () => {
    const folder = '/etc/postfix/postern';
    await machine.must(`chown nobody ${folder}`);
    const { status, output } = await machine.shell('postern check');
    expect(status).toBe(2);
    expect(output).toContain(
      `wrong    files: targets.postfix.user.file: the folder ${folder} cannot be written by root`,
    );
    expect(output).toContain(`         fix: chown root ${folder}\n`);
    await machine.must(`chown root ${folder}`);
    expect((await machine.shell('postern check')).output).not.toContain('cannot be written');
  }, 30_000);

  it.runIf(form === '4a')(
    'a package that was installed with umask 027: every part says what to do',
    async () => {
      const root = '/usr/local/lib/node_modules/postern';
      await machine.must(`systemctl stop ${units.join(' ')}; chmod -R o= ${root}`);
      await machine.must('rm /var/log/units-*.log; systemctl start postern-enforce');
      const check = await machine.shell('postern check');
      expect(check.status).toBe(2);
      expect(check.output).toMatch(
        new RegExp(
          `wrong +files: ${root}/package.json cannot be read by postern \\(postern.service`,
        ),
      );
      expect(check.output).toContain(`fix: chmod -R a+rX ${root}\n`);
      const uid = (await machine.must('id -u postern')).trim();
      const said = `uid ${uid} cannot read ${root}, where Postern is installed: chmod -R a+rX ${root}`;
      for (const command of ['status', 'blocks', 'block carol@example.net'])
        expect(await machine.shell(`postern ${command}`)).toEqual({
          status: 1,
          output: `postern: ${said}\n`,
        });
      const queue = await machine.shell('postern queue carol@example.net');
      expect(queue).toMatchObject({ status: 1, output: expect.stringContaining(said) });
      await settled('the log', async () => (await log()).includes(said));
      expect(await log()).not.toMatch(/^ {4}at |node:internal/m);
      await machine.must(`chmod -R a+rX ${root}; systemctl start postern`);
      await settled('all well', async () => (await machine.shell('postern status')).status === 0);
    },
    90_000,
  );

  it('the lines for main.cf make check content', async () => {
    const [copy] = below('install.md', '5. The mail server');
    done.add(copy?.text ?? '');
    await machine.must(copy?.text ?? '');
    const start = printed.indexOf('    smtpd_data_restrictions');
    const lines = printed.slice(start, printed.indexOf('\n\n', start)).replaceAll(/^ {4}/gm, '');
    await machine.must('cat >>/etc/postfix/main.cf', `\n${lines}\n`);
    await machine.must('postfix reload; sleep 1');
    const check = await machine.shell('postern check');
    done.add('postern check');
    expect(check).toEqual({ status: 0, output: expect.stringMatching(/No problems found\.\n$/) });
    const service = form === '4a' ? 'postern (postern.service)' : 'root (postern-single.service)';
    expect(check.output).toContain(`/var/log/mail.log is readable by ${service}`);
    await follow('install.md', '6. The daily and the weekly summary');
    await follow('install.md', '7. The manual');
  }, 60_000);

  it.runIf(form === '4a')(
    'the policy service as its page says',
    async () => {
      const [yaml] = pageBlocks('mta/postfix-policy.md');
      await machine.must('cat >>/etc/postern/postern.yaml', `${yaml?.text}\n`);
      await follow('mta/postfix-policy.md', 'Set up');
      await machine.must(`systemctl restart ${units.join(' ')}`);
      const lines = fileText('mta/postfix-policy.md', 'smtpd_end_of_data');
      await machine.must('cat >>/etc/postfix/main.cf; postfix reload; sleep 1', `\n${lines}\n`);
      const check = await machine.shell('postern check');
      expect(check).toEqual({
        status: 0,
        output: expect.stringContaining('unix:postern/policy is in use'),
      });
    },
    60_000,
  );

  it('mail flows, and the stolen account is blocked and its mail held', async () => {
    expect(await client(587, 'bob@example.net', 'good@example.org')).toMatch(/^250 /);
    expect(await client(25, '', 'app@example.org')).toMatch(/^250 /);
    await machine.must(
      "printf 'Subject: x\\n\\nx\\n' | setpriv --reuid=33 --regid=33 --clear-groups sendmail local@example.org",
    );
    await settled('the good mail', async () =>
      /good[\s\S]*app|app[\s\S]*good/.test(await delivered()),
    );
    await settled('local mail', async () => (await delivered()).includes('local@example.org'));
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 40 }, (_, index) => `nobody${part}-${index}@example.org`);
      await client(587, 'alice@example.net', ...names);
    }
    await settled('the block', async () =>
      (await machine.shell('postern blocks')).output.includes('alice@example.net'),
    );
    await settled('the map', async () =>
      (await machine.shell('cat /etc/postfix/postern/sasl_access')).output.includes('alice@'),
    );
    expect(await client(587, 'alice@example.net', 'victim@example.org')).toMatch(/^250 /);
    await settled('the held mail', () => isHeld('alice'));
    expect(await client(587, 'bob@example.net', 'after@example.org')).toMatch(/^250 /);
    await settled("bob's mail", async () => (await delivered()).includes('after@example.org'));
    expect(await delivered()).not.toContain('victim@example.org');
    const explained = await machine.must('postern explain alice@example.net');
    expect(explained).toContain('User unknown');
    expect((await machine.shell('postern status')).output).toMatch(/blocks: 1/);
    // Whom the operator lets go again.
    await machine.must('postern unblock alice@example.net');
    await settled(
      'the end of the block',
      async () =>
        !(await machine.shell('cat /etc/postfix/postern/sasl_access')).output.includes('alice@'),
    );
    await machine.must('postern queue alice@example.net --release');
    expect(await client(587, 'alice@example.net', 'again@example.org')).toMatch(/^250 /);
    await settled("alice's mail", async () => (await delivered()).includes('again@example.org'));
  }, 120_000);

  it('a log that cannot be read when it starts is waited for, and reported', async () => {
    await machine.must(
      `systemctl stop ${units.join(' ')}; chown nobody /var/log/mail.log; chmod 600 /var/log/mail.log`,
    );
    await machine.must(`systemctl start ${units.join(' ')}`);
    await settled('the report', async () =>
      (await machine.shell('postern status')).output.includes('/var/log/mail.log: cannot be read'),
    );
    const check = await machine.shell('postern check');
    expect(check.status).toBe(2);
    expect(check.output).toMatch(/wrong +files: logs: \/var\/log\/mail\.log cannot be read by /);
    await machine.must('chmod 644 /var/log/mail.log; chown root /var/log/mail.log');
    await settled('all well', async () => (await machine.shell('postern status')).status === 0);
  }, 90_000);

  it('a folder of maps that is gone is waited for', async () => {
    await machine.must(`systemctl stop ${units.join(' ')}`);
    await machine.must('mv /etc/postfix/postern /etc/postfix/gone');
    await machine.must(`systemctl start ${units.join(' ')}`);
    await settled('the report', async () =>
      /the folder does not exist|not in force|cannot write/.test(
        (await machine.shell('postern status')).output,
      ),
    );
    await machine.must('mv /etc/postfix/gone /etc/postfix/postern');
    await settled('all well', async () => (await machine.shell('postern status')).status === 0);
    expect(await log()).not.toMatch(/ended with status 2/);
  }, 90_000);

  it('and back: Postfix is as it was, and nothing of Postern is left', async () => {
    const [first, ...rest] = below('install.md', 'Removing Postern');
    await machine.must(first?.text ?? '');
    done.add(first?.text ?? '');
    expect(await client(587, 'bob@example.net', 'removed@example.org')).toMatch(/^250 /);
    for (const { text } of rest) {
      if (text.startsWith('userdel') && form !== '4a') continue;
      done.add(text);
      await runPrinted(machine, text);
    }
    expect(await configuration()).toBe(before.configuration);
    expect(await machine.must('ls -R /etc/systemd/system /etc/postfix /etc/cron.d')).toBe(
      before.etc,
    );
    const places = '/etc /usr/local /var/lib /var/spool /run -xdev';
    const left = await machine.must(`find ${places} -iname '*postern*' -not -path '/run/units*'`);
    expect(left).toBe('');
    expect((await machine.must('getent passwd')).includes('postern')).toBe(false);
    expect(
      (await machine.must('ps -eo args')).split('\n').filter((args) => /node .*postern/.test(args)),
    ).toEqual([]);
    expect(await client(587, 'bob@example.net', 'last@example.org')).toMatch(/^250 /);
    await settled('the last mail', async () => (await delivered()).includes('last@example.org'));
  }, 60_000);
});

describe.runIf(canRun)('every command of these pages', () => {
  it('was run above, or is in the list of those that are not', () => {
    const open = blocks.filter(
      ({ text }) => !done.has(text) && !NOT_RUN.some(([pattern]) => pattern.test(text)),
    );
    expect(open.map(({ page, text }) => `${page}: ${text}`)).toEqual([]);
    const useless = NOT_RUN.filter(([pattern]) => !blocks.some(({ text }) => pattern.test(text)));
    expect(useless).toEqual([]);
  });
});
