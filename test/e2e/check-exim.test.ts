/**
 * What `postern check` says about Exim's statements, and what that Exim does: the same message is sent for real, by a
 * submitter whose line is in the real file. They must agree, whatever the configuration.
 */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { parseConfig } from '../../src/config/load.ts';
import { checkEximWiring } from '../../src/setup/exim/wiring.ts';
import { type EximServer, eximProgram, hasExim, startExim } from '../support/exim.ts';
import { until } from '../support/folder.ts';
import { available, missingParts } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const LOGIN = 'alice';
const ALICE = { user: LOGIN, password: 'secret' };
const SENDER = 'app@example.net';
const MESSAGE = 'Subject: x\n\nx\n';
const PLAIN = Buffer.from(`\0${LOGIN}\0secret`).toString('base64');

let sink: Sink;
let server: EximServer;
let serial = 0;

const dialogue = (recipient: string, ...first: string[]) =>
  [
    'EHLO localhost',
    ...first,
    `MAIL FROM:<${SENDER}>`,
    `RCPT TO:<${recipient}>`,
    'DATA',
    ...MESSAGE.trimEnd().split('\n'),
    '.',
    'QUIT',
  ].map((line) => `${line}\r\n`);

/** The ways of src/setup/exim/ways.ts as a client or a program uses them, and the line that is to stop each. */
const REAL: Readonly<Record<string, { line: string; send(to: string): Promise<unknown> }>> = {
  'mail of a blocked user': {
    line: LOGIN,
    send: (to) =>
      sendMail({ port: server.port, auth: ALICE }, { sender: SENDER, recipients: [to] }),
  },
  'mail of a blocked user who logs in to sendmail -bs': {
    line: LOGIN,
    send: (to) =>
      server.exim(['-oMt', 'backup', '-bs'], dialogue(to, `AUTH PLAIN ${PLAIN}`).join('')),
  },
  'mail of a blocked relay client': {
    line: '127.0.0.2',
    send: (to) =>
      sendMail(
        { port: server.port, localAddress: '127.0.0.2' },
        { sender: SENDER, recipients: [to] },
      ),
  },
  'mail of a blocked local account': {
    line: 'www-data',
    send: (to) => server.sendmail('www-data', ['-oMai', 'www-data', '-f', SENDER, to], MESSAGE),
  },
  'mail of a blocked local account by sendmail -bs': {
    line: 'www-data',
    send: (to) =>
      server.exim(['-oMt', 'www-data', '-oMai', 'www-data', '-bs'], dialogue(to).join('')),
  },
};
const WAYS = Object.keys(REAL);

/** Whether the message of a listed submitter reaches its recipient. */
async function passes(way: string): Promise<boolean> {
  const { line, send } = REAL[way] as (typeof REAL)[string];
  writeFileSync(server.blockedUsers, `${line}\n`);
  const recipient = `r${++serial}@example.org`;
  await send(recipient);
  const isFrozen = async () =>
    (await server.queue()).some(
      ({ frozen, recipients }) => frozen && recipients.includes(recipient),
    );
  const arrived = () => server.log().includes(` for ${recipient}\n`);
  if (!arrived()) return false;
  const fate = await until('the message to be frozen or sent', async () =>
    sink.recipients.includes(recipient) ? 'sent' : (await isFrozen()) && 'frozen',
  );
  rmSync(server.blockedUsers);
  return fate === 'sent';
}

async function check() {
  const config = parseConfig(
    `mta: exim
logs: [ ${server.logFile} ]
targets: { exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} } }
commands: { exim: [ ${eximProgram()}, -C, ${server.configuration} ] }`,
    server.folder.at('postern.yaml'),
  );
  return await checkEximWiring(config, config.commands.exim);
}

/** Replaces the statements for DATA and for local programs. */
const own =
  (statements: string, forLocal = statements) =>
  (text: string) => {
    const include = /^\.include .*\/acl-blocked\.conf$/m;
    const local = /^\.include .*\/acl-local\.conf$/m;
    return text
      .replace(include, () => statements)
      .replace(local, () => `acl_postern_local:\n${forLocal}\n  accept\n`);
  };
const freeze = (variable: string, file = 'FILE') =>
  `  warn\n    condition = \${if exists{${file}}}\n    condition = \${lookup{${variable}}lsearch{${file}}{yes}{no}}\n    control = freeze/no_tell\n`;

const [USER, USER_BS, CLIENT, ACCOUNT, ACCOUNT_BS] = WAYS as [
  string,
  string,
  string,
  string,
  string,
];
const EVERYBODY =
  freeze('$authenticated_id') + freeze('$sender_host_address') + freeze('$sender_ident');

/** Name, change of the configuration, whose mail passes. */
const CASES: readonly [string, (text: string) => string, readonly string[]][] = [
  ['as docs/mta/exim.md has it', (text) => text, []],
  ['none', own(''), WAYS],
  ['for users alone', own(freeze('$authenticated_id')), [CLIENT]],
  [
    'for users alone, of the network',
    own(
      freeze('$authenticated_id').replace(
        'warn\n',
        (warn) => `${warn}    condition = \${if def:sender_host_address}\n`,
      ),
    ),
    [USER_BS, CLIENT, ACCOUNT, ACCOUNT_BS],
  ],
  [
    'for relay clients alone',
    own(freeze('$sender_host_address')),
    [USER, USER_BS, ACCOUNT, ACCOUNT_BS],
  ],
  ['for local accounts alone', own(freeze('$sender_ident')), [USER, USER_BS, CLIENT]],
  ['that refuse', own(EVERYBODY.replaceAll('warn', 'deny').replaceAll(/^.*freeze.*\n/gm, '')), []],
  [
    'that tell the postmaster',
    (text) => own(EVERYBODY.replaceAll('/no_tell', ''))(`freeze_tell = postmaster\n${text}`),
    [],
  ],
  ['that only log', own(EVERYBODY.replaceAll('control = freeze/no_tell', 'logwrite = seen')), WAYS],
  [
    'behind an accept of users',
    own(`  accept authenticated = *\n${EVERYBODY}`, EVERYBODY),
    [USER, USER_BS],
  ],
  ['behind an accept of everybody', own(`  accept\n${EVERYBODY}`), WAYS],
  [
    'behind a condition that is never true',
    own(EVERYBODY.replaceAll('warn\n', 'warn\n    condition = no\n')),
    WAYS,
  ],
  ['as comments', own(EVERYBODY.replaceAll(/^/gm, '#')), WAYS],
  ['with a mistake in the path', own(EVERYBODY.replaceAll('FILE', 'FILEs')), WAYS],
  ['with the path of a link', own(EVERYBODY.replaceAll('FILE', '/LINK/blocked_users')), []],
  [
    'in a branch for a macro that is not set',
    own(`.ifdef WITH_POSTERN\n${EVERYBODY}.endif\n`),
    WAYS,
  ],
  [
    'in a branch for a macro that is set',
    (text) => `WITH_POSTERN = yes\n${own(`.ifdef WITH_POSTERN\n${EVERYBODY}.endif\n`)(text)}`,
    [],
  ],
  [
    'in an ACL that no setting names',
    (text) => own('')(text).replace('begin acl\n', () => `begin acl\nunused:\n${EVERYBODY}\n`),
    WAYS,
  ],
  [
    'in an ACL that another one calls',
    (text) =>
      own('  require acl = called\n')(text).replace(
        'begin acl\n',
        () => `begin acl\ncalled:\n${EVERYBODY}\n  accept\n`,
      ),
    [],
  ],
  [
    'in an ACL that the setting chooses',
    (text) =>
      text.replace('acl_smtp_data = acl_check_data', (line) =>
        line.replace(/\w+$/, (acl) => `\${if eq{1}{1}{${acl}}{no}}`),
      ),
    [],
  ],
  [
    'in the RCPT ACL, behind the accept of relay clients',
    (text) =>
      own('')(text).replace(
        '  accept authenticated = *',
        () => `${EVERYBODY}  accept authenticated = *`,
      ),
    [USER_BS, CLIENT, ACCOUNT, ACCOUNT_BS],
  ],
  [
    'beside refusals of what looks like no real mail',
    (text) =>
      text
        .replace('begin acl\n', (line) => `hide timezone = UTC\nacl_smtp_helo = helo\n${line}`)
        .replace(
          'begin acl\n',
          (line) =>
            `${line}helo:\n  drop condition = \${if match{$sender_helo_name}{^localhost|^.[0-9]}}\n  accept\n`,
        )
        .replace(
          /^acl_check_data:$/m,
          (line) =>
            `${line}\n  deny condition = \${if !def:h_message-id:}\n  deny condition = \${if !def:h_date:}\n`,
        ),
    [],
  ],
  [
    'behind a callout, and with mail that passes through at once',
    (text) =>
      text.replace(
        '  accept authenticated = *',
        (line) =>
          `  warn\n    control = cutthrough_delivery\n    verify = recipient/callout=5s,use_sender\n${line}`,
      ),
    [USER],
  ],
  ['without acl_not_smtp', (text) => text.replace('acl_not_smtp =', '#'), [ACCOUNT]],
  [
    'of the recipe of the mailing list',
    own(
      `  warn\n    set acl_m_user = $sender_host_address\n  warn\n    condition = \${if !def:sender_host_address}\n    set acl_m_user = $sender_ident\n  warn\n    authenticated = *\n    set acl_m_user = \${sg{$authenticated_id}{\\N\\W.*$\\N}{}}\n${freeze('$acl_m_user')}`,
      freeze('$sender_ident'),
    ),
    [],
  ],
];

describe.runIf(hasExim())('statements', () => {
  const options = (edit: (text: string) => string) => ({
    sinkPort: sink.port,
    users: { [LOGIN]: 'secret' },
    main: 'log_selector = +received_recipients',
    rcpt: '  accept hosts = :',
    edit: (text: string) =>
      edit(text)
        .replaceAll('/LINK', server?.folder.at('link') ?? '')
        .replaceAll('FILE', server?.blockedUsers ?? ''),
  });
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim(options((text) => text));
    symlinkSync(server.folder.path, server.folder.at('link'));
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  it.each(CASES)('%s', async (_name, edit, expected) => {
    await server.reconfigure(options(edit));
    const arrivals = () => server.log().split(' <= ').length;
    const before = arrivals();
    const findings = await check();
    const claimed = WAYS.filter((way) =>
      findings.some(
        ({ level, text }) => level === 'wrong' && text.startsWith(`${way} passes (tried): `),
      ),
    );
    expect(claimed).toEqual(expected);
    for (const way of WAYS.filter((each) => !expected.includes(each)))
      expect(findings).toContainEqual({
        level: 'ok',
        area: 'mta',
        text: `${way} is stopped (tried)`,
      });
    // It has left no trace: no line in the log, no message.
    expect(arrivals()).toBe(before);
    expect(server.log()).not.toMatch(/postern-?(?:check|other)/);
    expect(sink.recipients).not.toContainEqual(expect.stringContaining('postern'));

    const real: string[] = [];
    for (const way of WAYS) if (await passes(way)) real.push(way);
    expect(real).toEqual(expected);
  });
});

describe.runIf(hasExim())('a command in an ACL', () => {
  beforeAll(async () => {
    sink = await startSink();
    const command = '/bin/touch $spool_directory/ran';
    const edit = (text: string) =>
      text.replace(
        /^acl_check_data:$/m,
        (line) =>
          `${line}\n  warn\n    condition = \${run{${command}}{yes}{no}}\n    set acl_m_x = \${run{${command}}}\n`,
      );
    server = await startExim({ sinkPort: sink.port, users: { [LOGIN]: 'secret' }, edit });
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  it('runs for mail, but not for a trial', async () => {
    const ran = () =>
      readdirSync(server.folder.at('spool')).filter((name) => name.startsWith('ran'));
    const findings = await check();
    expect(findings.map(({ text }) => text)).toContain(`${USER} is stopped (tried)`);
    expect(ran()).toEqual([]);
    await REAL[USER]?.send('somebody@example.org');
    expect(ran()).toEqual(['ran']);
  });
});

describe.runIf(hasExim())('a daemon', () => {
  const options = (main = '') => ({ sinkPort: sink.port, main });
  const changed = async () =>
    (await check()).flatMap(({ level, text }) =>
      text.includes('daemon was started') ? [level, text] : [],
    );
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim(options());
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  it('is told to start anew when its configuration has changed since', async () => {
    expect(await changed()).toEqual([]);
    server.folder.write('included.conf', '# nothing\n');
    await server.reconfigure(options(`.include ${server.folder.at('included.conf')}`));
    expect(await changed()).toEqual([]);
    const inAMinute = Date.now() / 1000 + 60;
    utimesSync(server.folder.at('included.conf'), inAMinute, inAMinute);
    expect(await changed()).toEqual([
      'wrong',
      expect.stringMatching(
        /^Exim's daemon was started before \S+\/included\.conf was changed \(\S+Z\), so the change is not in effect$/,
      ),
    ]);
    await server.reconfigure(options());
    expect(await changed()).toEqual([]);
    utimesSync(server.configuration, inAMinute, inAMinute);
    expect(await changed()).toEqual(['wrong', expect.stringContaining('/exim.conf was changed')]);
  });

  it('is not missed where none runs', async () => {
    server.folder.write('exim.pid', '4194999\n');
    expect(await changed()).toEqual([]);
  });
});

describe.runIf(hasExim())('a block file', () => {
  const from = { sender: SENDER, recipients: ['x@example.org'] };
  const send = async () => (await sendMail({ port: server.port, auth: ALICE }, from)).data?.code;
  const said = async () =>
    (await check()).flatMap(({ level, text }) =>
      / as Debian-exim/.test(text) ? [level, text] : [],
    );
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port, users: { [LOGIN]: 'secret' } });
    server.folder.write('below/blocked_users', `${LOGIN}\n`);
    symlinkSync(server.folder.at('below/blocked_users'), server.blockedUsers);
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  it('that Exim can read is no news', async () => {
    expect(await said()).toEqual([]);
    expect(await send()).toBe(250);
    await until('frozen mail', async () => (await server.queue()).some(({ frozen }) => frozen));
  });

  it('that Exim cannot read stops all mail', async () => {
    chmodSync(server.blockedUsers, 0o600);
    expect(await send()).toBe(451);
    expect(await said()).toEqual([
      'wrong',
      expect.stringMatching(/cannot read .* 451 to everybody$/),
    ]);
    chmodSync(server.blockedUsers, 0o644);
  });

  it('in a folder that Exim cannot enter blocks nobody', async () => {
    chmodSync(server.folder.at('below'), 0o700);
    expect(await send()).toBe(250);
    await until('mail that goes out', () => sink.messages.length > 0);
    expect(await said()).toEqual([
      'wrong',
      expect.stringMatching(/enter the folder .* blocks nobody in it$/),
    ]);
  });
});

describe.runIf(
  hasExim() && available('check as another account', missingParts(['/usr/bin/setpriv'], [])),
)('check as another account', () => {
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port });
    mkdirSync(server.folder.at('tmp'));
    chmodSync(server.folder.at('tmp'), 0o1777);
    server.folder.write(
      'postern.yaml',
      `mta: exim
logs: [ ${server.logFile} ]
targets: { exim: { blockedUsers: ${server.blockedUsers}, blockedSenders: ${server.blockedSenders} } }
commands: { exim: [ ${eximProgram()}, -C, ${server.configuration} ] }`,
    );
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  const checkAs = async (user: string, group: string) => {
    const account = [`--reuid=${user}`, `--regid=${group}`, '--clear-groups'];
    const program = [process.execPath, resolve('dist/cli/main.js'), 'check'];
    const options = ['--config', server.folder.at('postern.yaml')];
    const argv = ['setpriv', ...account, ...program, ...options];
    const env = { ...process.env, TMPDIR: server.folder.at('tmp') };
    return (await runCommand(argv, { timeout: 30_000, env })).stdout;
  };

  it('tries as the user of Exim, with which the service runs', async () => {
    const text = await checkAs('Debian-exim', 'Debian-exim');
    for (const way of WAYS) expect(text).toContain(` mta: ${way} is stopped (tried)\n`);
    expect(readdirSync(server.folder.at('tmp'))).toEqual([]);
  });

  it('reads the ACLs as anybody else, and says why', async () => {
    const text = await checkAs('nobody', 'nogroup');
    expect(text).toContain(
      'warning  mta: the ACLs were read, but not tried: only root and Debian-exim can try it\n',
    );
    for (const way of WAYS) expect(text).toContain(` mta: ${way} is stopped, by the text of acl_`);
  });
});
