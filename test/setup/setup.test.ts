/** `postern init` and `postern check` on scratch installations of the real mail servers. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { EXIT } from '../../src/base/errors.ts';
import { type CheckOptions, runCheck } from '../../src/cli/check.ts';
import { main } from '../../src/cli/commands.ts';
import { type InitOptions, runInit } from '../../src/cli/init.ts';
import { type Config, loadConfig, parseConfig } from '../../src/config/load.ts';
import { eximPolicyStatements } from '../../src/setup/exim/recipe.ts';
import { findProgram } from '../../src/setup/programs.ts';
import { recipeText } from '../../src/setup/recipe.ts';
import { eximProgram } from '../support/exim.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder('postern-setup-');
});
afterEach(() => folder.remove());

async function init(options: InitOptions) {
  let text = '';
  const status = await runInit(
    { output: folder.at('postern.yaml'), ...options },
    { stdout: (more) => (text += more), stderr: () => {} },
  );
  return { status, text };
}

interface Found {
  readonly level: string;
  readonly text: string;
  readonly fix?: string;
}

async function check(options: CheckOptions = {}) {
  let text = '';
  const status = await runCheck(
    { config: folder.at('postern.yaml'), format: 'json', ...options },
    { stdout: (more) => (text += more), stderr: () => {} },
  );
  const { ok, findings } = JSON.parse(text) as { ok: boolean; findings: Found[] };
  const wrong = findings.filter(({ level }) => level === 'wrong');
  return { status, ok, findings, wrong };
}

/** What the daemon does at its first start: log and database folder are there, so are the maps. */
async function firstStart(config: Config): Promise<void> {
  for (const log of config.logs)
    if (!existsSync(log)) folder.write(log.slice(folder.path.length + 1), '');
  const { postfix } = config.targets;
  for (const map of [postfix.user, postfix.client, postfix.sender, postfix.uid]) {
    if (map === undefined || config.mta !== 'postfix') continue;
    mkdirSync(dirname(map.file), { recursive: true });
    writeFileSync(map.file, '', { mode: 0o644 });
    if (map.type === 'lmdb' || map.type === 'hash') {
      const { status } = await runCommand([...postfix.postmap, `${map.type}:${map.file}`], {
        timeout: 10_000,
      });
      expect(status).toBe(0);
    }
  }
}

/** The file that init wrote, whose database is in the scratch folder as well. */
function loadWritten(): Config {
  return loadConfig(folder.at('postern.yaml'));
}

function available(name: string, path: string | undefined): boolean {
  if (path !== undefined && existsSync(path)) return true;
  if (process.env.POSTERN_E2E === 'required')
    throw new Error(`POSTERN_E2E=required, but no ${name}`);
  process.stderr.write(`NOT RUN: setup beside a real ${name}: it is not here\n`);
  return false;
}

describe.runIf(available('Postfix', findProgram('postconf')))('beside Postfix', () => {
  let etc: string;
  const mainCf = (more = '') => {
    folder.write(
      'etc/main.cf',
      `compatibility_level = 3.6\nmyhostname = mx.example.net\nmyorigin = example.net\n` +
        `maillog_file = ${folder.at('mail.log')}\nmaillog_file_prefixes = ${folder.path}\n` +
        `mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [2001:db8::]/32 192.0.2.0/24\n${more}\n`,
    );
  };
  beforeEach(() => {
    etc = folder.at('etc');
    mainCf();
    folder.write(
      'etc/master.cf',
      'smtp inet n - n - - smtpd\n' +
        'submission inet n - n - - smtpd\n' +
        '  -o smtpd_sasl_auth_enable=yes\n' +
        '  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n' +
        '127.0.0.1:10025 inet n - n - - smtpd\n' +
        '  -o content_filter= -o smtpd_data_restrictions=\n' +
        'smtp unix - - n - - smtp\n',
    );
  });

  /** Everything between `start` and the next empty line of what init printed, without the margin. */
  function printedLines(text: string): string {
    const start = text.indexOf('    smtpd_data_restrictions');
    return text.slice(start, text.indexOf('\n\n', start)).replaceAll(/^ {4}/gm, '');
  }

  it('writes the preset, and check says that it is in force', async () => {
    await init({ postfixConfig: etc, preset: 'hosting' });
    expect(readFileSync(folder.at('postern.yaml'), 'utf8')).toMatch(/^preset: hosting$/m);
    const { findings } = await check();
    expect(findings.map(({ text }) => text)).toContain(
      'preset hosting is in force for invalid-share, login-networks, many-client-addresses, messages, recipients',
    );
  });

  it('init writes what it finds, and the recipe makes check content', async () => {
    const { status, text } = await init({ postfixConfig: etc });
    expect(status).toBe(EXIT.done);
    const config = loadWritten();
    expect(config).toMatchObject({
      mta: 'postfix',
      logs: [folder.at('mail.log')],
      trustedNetworks: ['127.0.0.0/8', '2001:db8::/32', '192.0.2.0/24'],
      notify: { to: ['postmaster@example.net'], from: 'postern@mx.example.net' },
      targets: { postfix: { user: { file: join(etc, 'postern/sasl_access') } } },
    });
    expect(config.commands.postsuper.slice(1)).toEqual(['-c', etc]);

    await firstStart(config);
    const before = await check();
    expect(before.status).toBe(EXIT.usage);
    expect(before.wrong.map((finding) => finding.text)).toEqual([
      expect.stringMatching(/^smtp\/inet does not use check_client_access cidr:/),
      expect.stringMatching(/^submission\/inet does not use check_sasl_access /),
      expect.stringMatching(/^authorized_submit_users does not have !texthash:/),
    ]);
    for (const finding of before.wrong) expect(finding.fix).toContain(join(etc, 'postern'));

    mainCf(printedLines(text));
    const after = await check();
    expect(after.wrong).toEqual([]);
    expect(after).toMatchObject({ status: EXIT.done, ok: true });
  });

  it('init keeps what the settings held', async () => {
    mainCf(
      'smtpd_data_restrictions = reject_unauth_pipelining, permit_mynetworks\n' +
        'authorized_submit_users = !www, static:all',
    );
    const { text } = await init({ postfixConfig: etc });
    const config = loadWritten();
    await firstStart(config);
    mainCf(printedLines(text));
    expect((await check()).wrong).toEqual([]);
    const main = readFileSync(join(etc, 'main.cf'), 'utf8');
    expect(main).toMatch(/reject_unauth_pipelining,\s+check_sasl_access/);
    expect(main).toMatch(/permit_mynetworks/);
    expect(main).toMatch(/submit_users, !www, static:all/);
  });

  const BROKEN: readonly [string, string, (c: Config) => string, RegExp][] = [
    [
      'a map behind a permit',
      'smtp',
      ({ targets: { postfix: p } }) =>
        `smtpd_data_restrictions = permit_mynetworks, check_client_access cidr:${p.client?.file}`,
      /smtp\/inet does not use .*in smtpd_data_restrictions it comes after permit_mynetworks/,
    ],
    [
      'a map of another type',
      'smtp',
      ({ targets: { postfix: p } }) =>
        `smtpd_data_restrictions = check_client_access hash:${p.client?.file}`,
      /smtp\/inet does not use .*smtpd_data_restrictions has check_client_access hash:/,
    ],
    [
      'HOLD behind a proxy filter',
      'smtp',
      () => 'smtpd_proxy_filter = 127.0.0.1:10024',
      /smtp\/inet has an smtpd_proxy_filter, with which Postfix ignores the action HOLD/,
    ],
    [
      'an account list behind everybody',
      'uid',
      ({ targets: { postfix: p } }) =>
        `authorized_submit_users = static:anyone, !texthash:${p.uid?.file}`,
      /authorized_submit_users has static:anyone before !texthash:/,
    ],
    [
      'another log',
      'log',
      () => 'maillog_file = /var/log/elsewhere.log',
      /logs to \/var\/log\/elsewhere\.log, which is not one of logs/,
    ],
  ];
  it.each(BROKEN)('check finds %s', async (_name, _area, lines, expected) => {
    const { text } = await init({ postfixConfig: etc });
    const config = loadWritten();
    await firstStart(config);
    mainCf(`${printedLines(text)}\n${lines(config)}`);
    const texts = (await check()).wrong.map((finding) => finding.text);
    expect(texts.join('\n')).toMatch(expected);
  });

  /** A queue directory of its own, where the policy service has its socket. */
  async function initWithPolicy(): Promise<{ text: string; queue: string }> {
    const queue = folder.at('queue');
    mkdirSync(join(queue, 'postern'), { recursive: true });
    mainCf(`queue_directory = ${queue}`);
    const { text } = await init({ postfixConfig: etc, policy: true });
    await firstStart(loadWritten());
    return { text, queue };
  }

  it('init --policy prints what makes Postfix ask the policy service', async () => {
    const { text, queue } = await initWithPolicy();
    const listen = { kind: 'unix', path: `${queue}/postern/policy` };
    expect(loadConfig(folder.at('postern.yaml')).policy).toEqual({ listen });
    mainCf(`queue_directory = ${queue}\n${printedLines(text)}`);
    const { wrong, findings } = await check();
    expect(wrong).toEqual([]);
    const texts = findings.map((finding) => finding.text);
    expect(texts).toContain('check_policy_service unix:postern/policy is in use');
    expect(texts).toContain(`policy.listen: the folder ${queue}/postern is writable`);
  });

  const SERVICE = 'check_policy_service { unix:postern/policy, default_action=DUNNO }';
  const DOWN =
    /smtp\/inet uses check_policy_service .* while Postern is down, Postfix answers 451 /;
  const ASKED: readonly [string, string, RegExp | undefined][] = [
    [
      'nowhere',
      'end_of_data_restrictions =',
      /^smtp\/inet does not use check_policy_service unix:postern\/policy$/m,
    ],
    [
      'at RCPT',
      `recipient_restrictions = ${SERVICE}, permit_mynetworks, reject`,
      /submission\/inet does not use/,
    ],
    ['at the end of data', `end_of_data_restrictions = ${SERVICE}`, undefined],
    [
      'in a class',
      `end_of_data_restrictions = own\nsmtpd_restriction_classes = own\nown = ${SERVICE}`,
      undefined,
    ],
    [
      'in a class that is written otherwise, and that Postfix does not know',
      `end_of_data_restrictions = Own\nsmtpd_restriction_classes = own\nown = ${SERVICE}`,
      /smtp\/inet does not use/,
    ],
    [
      'behind a permit',
      `end_of_data_restrictions = permit_mynetworks, ${SERVICE}`,
      /in smtpd_end_of_data_restrictions it comes after permit_mynetworks/,
    ],
    [
      'by another name',
      'end_of_data_restrictions = check_policy_service unix:private/policy',
      /smtp\/inet does not use/,
    ],
    [
      'without default_action',
      'end_of_data_restrictions = check_policy_service unix:postern/policy',
      DOWN,
    ],
    [
      'with the attributes of another',
      `end_of_data_restrictions = check_policy_service { unix:postern/policy, timeout=2s }, check_policy_service { inet:127.0.0.1:1, default_action=DUNNO }`,
      DOWN,
    ],
    [
      'with default_action for all',
      'end_of_data_restrictions = check_policy_service unix:postern/policy\nsmtpd_policy_service_default_action = dunno',
      undefined,
    ],
  ];
  it.each(ASKED)(
    'check knows a policy service that is asked %s',
    async (_name, lines, expected) => {
      const { text, queue } = await initWithPolicy();
      const recipe = printedLines(text).split('smtpd_end_of_data')[0];
      mainCf(`queue_directory = ${queue}\n${recipe}\nsmtpd_${lines}`);
      const { wrong } = await check();
      if (expected === undefined) return expect(wrong).toEqual([]);
      expect(wrong.map((finding) => finding.text).join('\n')).toMatch(expected);
      const asking = /check_policy_service[ ,]\{ ?unix:postern\/policy, ?default_action=DUNNO,/;
      for (const { fix } of wrong) expect(fix).toMatch(asking);
    },
  );

  it('check finds Postfix asking a policy service that the configuration does not have', async () => {
    const { text, queue } = await initWithPolicy();
    const recipe = printedLines(text);
    const path = folder.at('postern.yaml');
    const without = folder.read('postern.yaml').replace(/^policy:\n(?: .*\n)*|^policy: .*\n/m, '');
    writeFileSync(path, without);
    expect(loadConfig(path).policy).toBeUndefined();
    const unanswered = async (lines: string) => {
      mainCf(`queue_directory = ${queue}\n${lines}`);
      const { findings, status } = await check();
      const found = findings.filter(({ text }) => text.includes('nobody answers'));
      return { found, status };
    };
    const mild = await unanswered(recipe);
    expect(mild.status).toBe(EXIT.done);
    expect(mild.found).toMatchObject(
      ['smtp/inet', 'submission/inet', '127.0.0.1:10025/inet'].map((name) => ({
        level: 'warning',
        text: expect.stringMatching(
          `^${name} uses check_policy_service unix:postern/policy in .* mail passes, but each question costs warnings in the log$`,
        ),
      })),
    );
    const bare = recipe.replace(
      /check_policy_service \{.*\}/,
      'check_policy_service unix:postern/policy',
    );
    const harsh = await unanswered(bare);
    expect(harsh.status).toBe(EXIT.usage);
    expect(harsh.found.map(({ level }) => level)).toEqual(['wrong', 'wrong', 'wrong']);
    expect(harsh.found[0]?.text).toMatch(/ gets 451 4\.3\.5 Server configuration problem$/);

    const section = harsh.found[0]?.fix?.split('\n').at(-1);
    writeFileSync(path, `${without}${section}\n`);
    expect((await unanswered(recipe)).found).toEqual([]);
    expect((await check()).wrong).toEqual([]);
  });

  it('check finds a socket that a chrooted service cannot reach, and a list in master.cf', async () => {
    const { text, queue } = await initWithPolicy();
    mainCf(`queue_directory = ${queue}\n${printedLines(text)}`);
    const master = folder.read('etc/master.cf');
    const withChroot = master.replace('submission inet n - n', 'submission inet n - y');
    folder.write('etc/master.cf', withChroot);
    expect((await check()).wrong).toEqual([]);
    folder.write(
      'etc/master.cf',
      withChroot.replace('_enable=yes\n', '_enable=yes -o smtpd_end_of_data_restrictions=\n'),
    );
    const { wrong } = await check();
    expect(wrong.map((finding) => finding.text)).toEqual([
      'submission/inet does not use check_policy_service unix:postern/policy',
    ]);
    await doAsTold(wrong[0]?.fix);
    expect((await check()).wrong).toEqual([]);

    const yaml = folder
      .read('postern.yaml')
      .replace(/^policy: .*$/m, `policy: { listen: "unix:${folder.at('p')}" }`);
    folder.write('postern.yaml', yaml);
    const texts = (await check()).wrong.map((finding) => finding.text);
    expect(texts).toContain(
      `submission/inet is chrooted to ${queue} and cannot reach ${folder.at('p')}`,
    );
  });

  it('check finds a map that Postfix asks and that is not there', async () => {
    const { text } = await init({ postfixConfig: etc });
    const config = loadWritten();
    folder.write('mail.log', '');
    mainCf(printedLines(text));
    const texts = (await check()).wrong.map((finding) => finding.text);
    expect(texts).toContain(
      `Postfix looks up ${config.targets.postfix.user?.file}, which does not exist`,
    );
  });

  it('check proposes no line for main.cf before the maps are there', async () => {
    await init({ postfixConfig: etc, policy: true });
    const config = loadWritten();
    folder.write('mail.log', '');
    const first = /^first start Postern, which writes the maps; then set this in \S+\/main\.cf/;
    const fixesOf = async () =>
      (await check()).findings
        .filter(({ text }) => /does not (?:use check_\w+_access|have)/.test(text))
        .map(({ fix }) => fix ?? '');
    const before = await fixesOf();
    expect(before.length).toBeGreaterThan(3);
    for (const fix of before) expect(fix).toMatch(first);
    await firstStart(config);
    for (const fix of await fixesOf()) expect(fix).toMatch(/^set this in \S+\/main\.cf/);
    // A map whose index is gone is no map either.
    rmSync(`${config.targets.postfix.user?.file}.${config.targets.postfix.user?.type}`);
    for (const fix of await fixesOf()) expect(fix).toMatch(first);
  });

  it('check proposes nothing for main.cf to who only observes, maps or none', async () => {
    const { text } = await init({ postfixConfig: etc, observe: true, policy: true });
    const config = loadWritten();
    folder.write('mail.log', '');
    const enforceFirst =
      /^set mode: enforce and restart Postern first(?:, which writes the maps)?; then /;
    const asked = async () =>
      (await check()).findings.filter(({ text }) => /does not (?:use|have)/.test(text));
    expect((await asked()).length).toBeGreaterThan(4);
    for (const { level, fix } of await asked()) {
      expect(level).toBe('warning');
      expect(fix).toMatch(enforceFirst);
    }
    await firstStart(config);
    for (const { fix } of await asked()) expect(fix).toMatch(enforceFirst);

    // Who adds the lines all the same has a mail server that answers 451, and is told the two ways out.
    rmSync(dirname(config.targets.postfix.user?.file ?? ''), { recursive: true });
    mainCf(printedLines(text));
    const { wrong } = await check();
    const maps = wrong.filter(({ text }) => text.startsWith('Postfix looks up '));
    expect(maps).toHaveLength(4);
    for (const { fix } of maps)
      expect(fix).toMatch(/^remove the line from main\.cf, or set mode: enforce /);
  });

  it('check tells lines for main.cf once, however many services lack them', async () => {
    await init({ postfixConfig: etc });
    await firstStart(loadWritten());
    let text = '';
    await runCheck(
      { config: folder.at('postern.yaml') },
      { stdout: (more) => (text += more), stderr: () => {} },
    );
    expect(text.match(/does not use/g)).toHaveLength(4);
    expect(text.match(/^ +smtpd_data_restrictions =$/gm)).toHaveLength(1);
    expect(text.match(/^ +fix: the same$/gm)).toHaveLength(3);
    expect(text.match(/^ +or, if you do not want to block senders: /gm)).toHaveLength(2);
  });

  /** Runs the `postconf -P` that a finding proposes. */
  async function doAsTold(fix = ''): Promise<void> {
    const [, named, setting = ''] =
      /^postconf -c (\S+) -P '(.*)', then run postfix -c \S+ reload$/m.exec(fix) ?? [];
    expect(named).toBe(etc);
    const argv = ['postconf', '-c', etc, '-P', setting];
    expect(await runCommand(argv, { timeout: 10_000 })).toMatchObject({ status: 0, stderr: '' });
  }

  it('check finds a service of master.cf with a list of its own', async () => {
    const { text } = await init({ postfixConfig: etc });
    await firstStart(loadWritten());
    mainCf(printedLines(text));
    const master = folder.read('etc/master.cf');
    folder.write(
      'etc/master.cf',
      master.replace('_auth_enable=yes\n', '_auth_enable=yes -o smtpd_data_restrictions=\n'),
    );
    const { wrong } = await check();
    expect(wrong).toHaveLength(1);
    expect(wrong[0]?.fix).toContain("-P 'submission/inet/smtpd_data_restrictions=check_sasl");
    await doAsTold(wrong[0]?.fix);
    expect((await check()).wrong).toEqual([]);
  });

  it('init replaces nothing without --force, and leaves nothing half-written', async () => {
    folder.write('postern.yaml', 'mine\n');
    await expect(init({ postfixConfig: etc })).rejects.toThrow(/exists already; --force/);
    expect(folder.read('postern.yaml')).toBe('mine\n');
    await init({ postfixConfig: etc, force: true, observe: true, notify: 'abuse@example.org' });
    expect(loadWritten()).toMatchObject({
      mode: 'observe',
      notify: { to: ['abuse@example.org'] },
    });
    expect(readdirSync(folder.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('init --config names the file to write, as everywhere', async () => {
    const argv = ['init', '--postfix-config', etc, '--config', folder.at('own.yaml')];
    let text = '';
    const io = {
      stdout: (more: string) => (text += more),
      stderr: (more: string) => (text += more),
    };
    expect(await main(argv, io)).toBe(EXIT.done);
    expect(text).toContain(`Wrote ${folder.at('own.yaml')}.`);
    const file = folder.at('own.yaml');
    expect(text).toContain(
      `1. The units read /etc/postern/postern.yaml. When you are content with ${file}`,
    );
    expect(text).toContain(`    install -D -m 0644 ${file} /etc/postern/postern.yaml\n`);
    // Every other file that is named is one that exists, or that the steps make.
    expect(text.replaceAll(/.*(?:Wrote|content with|install -D).*/g, '')).not.toContain('own.yaml');
    expect(loadConfig(folder.at('own.yaml'))).toMatchObject({
      mta: 'postfix',
      database: folder.at('postern.db'),
    });
    // Where the units read it, the database is theirs.
    expect(text).toContain("    sed -i '/^database:/d' /etc/postern/postern.yaml\n");
    const moved = folder.read('own.yaml').replaceAll(/^database:.*\n/gm, '');
    expect(parseConfig(moved, file).database).toBe('/var/lib/postern/postern.db');
    expect(existsSync(folder.at('postern.yaml'))).toBe(false);
    text = '';
    expect(await main(argv, io)).not.toBe(EXIT.done);
    expect(text).toMatch(/own\.yaml: exists already/);
  });

  it('init --milter writes its section, and prints how to install and connect it', async () => {
    const { text } = await init({ postfixConfig: etc, milter: true });
    expect(text).toMatch(
      /systemd-tmpfiles --create[\s\S]*smtpd_milters = \{ unix:postern-milter\/milter, /,
    );
    expect(loadConfig(folder.at('postern.yaml')).milter?.listen).toEqual([
      { kind: 'unix', path: '/var/spool/postfix/postern-milter/milter' },
    ]);
  });

  // /proc takes no folder and says ENOENT: mkdirSync with `recursive` never came back from there.
  it.each([
    ...(existsSync('/proc/self') ? ['/proc/none/more/p.yaml', '/proc/self/none/p.yaml'] : []),
    '/dev/null/none/p.yaml',
  ])('init ends at once where it cannot make %s', async (output) => {
    const attempt = init({ postfixConfig: etc, output });
    await expect(attempt).rejects.toThrow(`${output}: cannot be written: ENO`);
    await expect(attempt).rejects.toMatchObject({ code: 'init', exitStatus: EXIT.failed });
  });

  it('init makes the folders that are missing', async () => {
    const output = folder.at('new/and/newer/postern.yaml');
    expect((await init({ postfixConfig: etc, output })).status).toBe(EXIT.done);
    expect(loadConfig(output).mta).toBe('postfix');
  });

  it('init says what is missing where there is no mail server', async () => {
    const attempt = init({ mta: 'postfix', postfixConfig: folder.at('nowhere') });
    await expect(attempt).rejects.toThrow(/found no mail server \(postfix: .*main\.cf/);
    expect(existsSync(folder.at('postern.yaml'))).toBe(false);
  });
});

describe.runIf(available('Exim', eximProgram()))('beside Exim', () => {
  const acl = (name: string, statements = '') => `${name}:\n${statements}\n  accept\n`;
  function configure(main: string, acls: string): string {
    return folder.write(
      'exim.conf',
      'exim_user = root\nexim_group = root\nprimary_hostname = mx.example.net\nkeep_environment =\n' +
        `spool_directory = ${folder.at('spool')}\nlog_file_path = ${folder.at('log')}/%slog\n` +
        'NETS = <; 192.0.2.0/24 ; 2001:db8::/32\nhostlist relay_from_hosts = NETS\n' +
        `${main}\nbegin acl\n${acls}`,
    ) as unknown as string;
  }
  const SET = 'acl_smtp_data = acl_check_data\nacl_not_smtp = acl_local';
  const options = () => ({ eximBinary: eximProgram(), eximConfig: folder.at('exim.conf') });
  /** The statements as init prints them. */
  const printed = (text: string) =>
    text.slice(text.indexOf('  # Authenticated users.')).replace(/\n\d\. [\s\S]*/, '');

  beforeEach(() => {
    mkdirSync(folder.at('spool'));
    folder.write('log/mainlog', '');
  });

  it('init writes what it finds, and the recipe makes check content', async () => {
    configure(SET, acl('acl_check_data') + acl('acl_local'));
    const { text } = await init({ mta: 'exim', ...options() });
    expect(loadWritten()).toMatchObject({
      mta: 'exim',
      logs: [folder.at('log/mainlog')],
      trustedNetworks: ['192.0.2.0/24', '2001:db8::/32'],
      targets: { exim: { blockedUsers: folder.at('spool/blocked_users') } },
    });
    const before = await check();
    expect(before.status).toBe(EXIT.usage);
    expect(before.wrong.map((finding) => finding.text)).toEqual([
      // Without an RCPT ACL no message comes in by SMTP, so nothing of this can be tried.
      expect.stringMatching(
        /^nothing stops mail of a blocked user, by the text of the ACLs: no ACL \(acl_smtp_data, .*\) looks up \$authenticated_id in .*blocked_users \(Exim answers everybody: 550 Administrative prohibition\)$/,
      ),
      expect.stringMatching(/^nothing stops mail of a blocked user who logs in to sendmail -bs, /),
      expect.stringMatching(/^nothing stops mail of a blocked relay client, /),
      expect.stringMatching(
        /^mail of a blocked local account passes \(tried\): no ACL \(acl_not_smtp\) looks up \$sender_ident in .*blocked_users$/,
      ),
      expect.stringMatching(/^nothing stops mail of a blocked local account by sendmail -bs, /),
    ]);
    configure(SET, acl('acl_check_data', printed(text)) + acl('acl_local', printed(text)));
    expect(await check()).toMatchObject({ status: EXIT.done, ok: true, wrong: [] });
  });

  it('check tells the statements once, and in observe mode none as a thing to do now', async () => {
    configure(SET, acl('acl_check_data') + acl('acl_local'));
    await init({ mta: 'exim', observe: true, policy: true, ...options() });
    loadWritten();
    let text = '';
    await runCheck(
      { config: folder.at('postern.yaml') },
      { stdout: (more) => (text += more), stderr: () => {} },
    );
    expect(text.match(/no ACL \(.*\) looks up/g)?.length).toBeGreaterThanOrEqual(3);
    expect(text.match(/# Authenticated users\.$/gm)).toHaveLength(1);
    const fixes = (await check()).findings.filter(({ text }) => text.includes('no ACL '));
    expect(fixes).toHaveLength(9);
    for (const { level, fix } of fixes) {
      expect(level).toBe('warning');
      expect(fix).toMatch(/^set mode: enforce and restart Postern first; then /);
    }
  });

  it('init --policy prints what makes Exim ask the policy service', async () => {
    const listen = folder.at('policy');
    const rcpt = 'acl_smtp_rcpt = acl_check_rcpt';
    const blocked = (text: string) =>
      acl('acl_check_data', printed(text)) + acl('acl_local', printed(text));
    configure(`${SET}\n${rcpt}`, acl('acl_check_data') + acl('acl_local') + acl('acl_check_rcpt'));
    await init({ mta: 'exim', policy: true, ...options() });
    const path = folder.at('postern.yaml');
    writeFileSync(
      path,
      readFileSync(path, 'utf8').replace(/^policy: .*$/m, `policy: { listen: "unix:${listen}" }`),
    );
    const text = recipeText(loadWritten());
    const asking = text.slice(
      text.indexOf('  warn\n    set acl_m_postern_answer'),
      text.indexOf('\n5. '),
    );
    configure(`${SET}\n${rcpt}`, blocked(text) + acl('acl_check_rcpt'));
    const before = await check();
    expect(before.wrong.map((finding) => finding.text)).toEqual([
      expect.stringMatching(/^no ACL \(acl_smtp_rcpt, .*\) asks the policy service .*policy$/),
    ]);
    configure(`${SET}\n${rcpt}`, blocked(text) + acl('acl_check_rcpt', asking));
    expect((await check()).wrong).toEqual([]);
  });

  it.each<[string, string, 'warning' | 'wrong', number]>([
    ['as told', 'warn', 'warning', 250],
    ['alone in a warn', 'warn', 'warning', 250],
    ['alone in a deny', 'deny', 'wrong', 451],
  ])(
    'check says what becomes of mail that nobody answers for, asked %s',
    async (how, verb, ...expected) => {
      const rcpt = 'acl_smtp_rcpt = acl_check_rcpt';
      const socket = '/run/postern/policy-of-nobody';
      const asking =
        how === 'as told'
          ? eximPolicyStatements({ kind: 'unix', path: socket })
          : `  ${verb}\n    condition = \${readsocket{${socket}}{x\\n}{2s}}\n`;
      configure(rcpt, acl('acl_check_rcpt', asking));
      await init({ mta: 'exim', observe: true, ...options() });
      loadWritten();
      const { findings } = await check();
      const found = findings.filter(({ text }) => text.includes('nobody answers'));
      expect(found).toMatchObject([
        {
          level: expected[0],
          text: expect.stringContaining(
            `acl_check_rcpt (acl_smtp_rcpt) asks the policy service ${socket}, but ${folder.at('postern.yaml')} has no policy`,
          ),
        },
      ]);
      const session = 'HELO a\nMAIL FROM:<a@example.net>\nRCPT TO:<b@example.net>\nQUIT\n';
      const exim = [eximProgram() as string, '-C', folder.at('exim.conf'), '-bh', '192.0.2.1'];
      const { stdout } = await runCommand(exim, { timeout: 20_000, input: session });
      const codes = stdout.split('\n').flatMap((line) => /^\d{3}(?= )/.exec(line)?.[0] ?? []);
      expect(codes).toEqual(['220', '250', '250', `${expected[1]}`, '221']);
    },
  );

  const OWN_LINE = '2026-11-10 09:05:39 exim 4.96 daemon started: pid=1\n';
  const SYSLOG_LINE = 'Nov 10 09:05:39 mx exim[82]: 2026-11-10 09:05:39 Start queue run: pid=82\n';
  const FROM_SYSLOG = 'and DIR/mainlog has no line of exim from there near its end';
  const DATED = 'and Postern follows a fixed name';
  const LOGS: readonly [string, string, Record<string, string>, string | undefined][] = [
    ['a file', 'DIR/%slog', { mainlog: OWN_LINE }, undefined],
    [
      'another file',
      'DIR/other-%s',
      { mainlog: OWN_LINE },
      'Exim logs to DIR/other-main, which is not one of logs',
    ],
    [
      'syslog',
      'syslog',
      { mainlog: OWN_LINE },
      `Exim logs only to syslog (log_file_path, facility mail), ${FROM_SYSLOG}`,
    ],
    [
      'another facility of syslog',
      'syslog\nsyslog_facility = local1',
      { mainlog: '' },
      `Exim logs only to syslog (log_file_path, facility local1), ${FROM_SYSLOG}`,
    ],
    ['syslog, whose file is named', 'syslog', { mail: SYSLOG_LINE }, undefined],
    [
      'syslog, by another name',
      'syslog\nsyslog_processname = smtpd',
      { mail: SYSLOG_LINE.replace('exim[', 'smtpd[') },
      undefined,
    ],
    ['a file and syslog', 'DIR/%slog : syslog', { mainlog: OWN_LINE }, undefined],
    [
      'a file and syslog, and both are named',
      'syslog : DIR/%slog',
      { mainlog: OWN_LINE, mail: SYSLOG_LINE },
      'Exim logs to DIR/mainlog and to syslog (log_file_path), and logs also has DIR/mail: its lines would count twice',
    ],
    [
      'the built-in file, and syslog',
      ': syslog',
      { mainlog: OWN_LINE },
      'Exim logs to BUILT-IN, which is not one of logs',
    ],
    [
      'a file each day',
      'DIR/%slog-%D',
      { mainlog: OWN_LINE },
      `Exim changes the name of its log each day or month (DIR/mainlog-%D), ${DATED}`,
    ],
    [
      'a file each month',
      'syslog : DIR/%slog-%M',
      { mainlog: OWN_LINE },
      `Exim changes the name of its log each day or month (DIR/mainlog-%M), ${DATED}`,
    ],
  ];
  /** Where an Exim writes that no configuration tells anything. */
  async function findBuiltInLog(): Promise<string> {
    const spool = folder.write('spool-only.conf', `spool_directory = ${folder.at('own')}\n`);
    const { stdout } = await runCommand([eximProgram(), '-C', spool, '-bP', 'log_file_path'], {
      timeout: 20_000,
    });
    return stdout.replace(/^log_file_path = (.*)\n$/, '$1').replace('%s', 'main');
  }

  it.each(LOGS)('check knows a log in %s', async (_name, setting, logs, expected) => {
    const place = folder.at('log');
    const option = () => `log_file_path = ${setting.replaceAll('DIR', place)}`;
    configure(SET, acl('acl_check_data') + acl('acl_local'));
    folder.write('exim.conf', folder.read('exim.conf').replace(/^log_file_path = .*$/m, option));
    await init({ mta: 'exim', ...options() });
    loadWritten();
    const names = Object.entries(logs).map(([name, text]) => folder.write(`log/${name}`, text));
    const yaml = folder
      .read('postern.yaml')
      .replace(/^logs: .*$/m, `logs: [ ${names.join(', ')} ]`);
    folder.write('postern.yaml', yaml);
    const { findings } = await check();
    const about = findings.filter(({ text }) => /^Exim (?:logs|changes)/.test(text));
    expect(about.map(({ text }) => text)).toEqual(
      expected === undefined
        ? []
        : [expected.replaceAll('DIR', place).replace('BUILT-IN', await findBuiltInLog())],
    );
  });

  it("check reads the ACLs when Exim takes nobody's mail", async () => {
    const file = '$spool_directory/blocked_users';
    const lookup = (variable: string) =>
      `  deny condition = \${lookup{${variable}}lsearch{${file}}{1}{0}}\n`;
    const all = ['$authenticated_id', '$sender_host_address', '$sender_ident'].map(lookup);
    const texts = async (statements: string) => {
      configure(SET, acl('acl_check_data', statements) + acl('acl_local', all.join('')));
      await init({ mta: 'exim', force: true, ...options() });
      loadWritten();
      const { findings } = await check();
      return findings
        .filter(({ text }) => text.includes('mail of a blocked user'))
        .map(({ text }) => text)[0];
    };
    expect(await texts(all.join(''))).toMatch(
      /^mail of a blocked user is stopped, by the text of acl_check_data \(acl_smtp_data\) \(Exim answers/,
    );
    expect(await texts(`  accept authenticated = *\n${all.join('')}`)).toMatch(
      /acl_check_data \(acl_smtp_data\) uses .*, but only after a statement that accepts the mail/,
    );
    expect(await texts(all.join('').replaceAll('deny', 'warn'))).toMatch(
      /acl_check_data \(acl_smtp_data\) uses .*, but neither freezes nor refuses mail/,
    );
    expect(await texts(all.join('').replaceAll('_users', '_users_old'))).toMatch(
      /no ACL .* looks up \$authenticated_id/,
    );
    expect(await texts(all.slice(1).join(''))).toMatch(/no ACL .* looks up \$authenticated_id/);
  });
});

describe('limits', () => {
  it('of a table with a broken line, and a rule that defers without a policy service', async () => {
    folder.write('table', 'a@example.net 5\nb@example.net\n');
    folder.write(
      'rules/few.yaml',
      'name: few\ncount: recipients\nper: user\nlimit: 5\nperiod: 1h\naction: defer\n',
    );
    folder.write('postern.yaml', 'rules: rules\noverrides: { file: table }\n');
    const { findings } = await check();
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        text: expect.stringContaining(`${folder.at('table')}:2: expected a limit`),
      }),
    );
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'wrong',
        text: 'few: nobody is put off, since there is no policy service',
      }),
    );
  });
});

describe('check of a configuration file', () => {
  it('gives one finding for each mistake, and exit status 2', async () => {
    folder.write('postern.yaml', 'mta: postfx\nretention: 3\n');
    const { status, wrong } = await check();
    expect(status).toBe(EXIT.usage);
    expect(wrong.map(({ text }) => text)).toEqual([
      `${folder.at('postern.yaml')}:1: mta: expected one of postfix, exim, found "postfx"`,
      `${folder.at('postern.yaml')}:2: retention: expected a duration such as 30d, found 3`,
    ]);
  });

  it('finds what cannot be read or written', async () => {
    folder.write('secret', '\n');
    folder.write(
      'postern.yaml',
      'mta: exim\nlogs: [none.log]\ndatabase: missing/postern.db\n' +
        'targets: { exim: { blockedUsers: gone/users, blockedSenders: gone/senders } }\n' +
        'commands: { exim: [./no-such-exim] }\n' +
        'notify: { to: a@example.net, smtp: { port: 1, user: u, passwordFile: secret } }\n',
    );
    const texts = (await check()).wrong.map((finding) => finding.text).join('\n');
    for (const part of [
      'none.log does not exist',
      `database: the folder ${folder.at('missing')} does not exist`,
      `targets.exim.blockedUsers: the folder ${folder.at('gone')} does not exist`,
      'there is no program ./no-such-exim',
      'the first line of',
    ])
      expect(texts).toContain(part);
  });

  it('reads as text', async () => {
    folder.write('postern.yaml', 'mta: postfx\n');
    let text = '';
    await runCheck(
      { config: folder.at('postern.yaml') },
      { stdout: (more) => (text += more), stderr: () => {} },
    );
    expect(text).toMatch(/^wrong {4}configuration: .*\n1 problem found\.\n$/);
  });
});
