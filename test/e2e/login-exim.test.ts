/** Whose mail it is when logins hold colons and clients send AUTH= (RFC 4954 5), on a real Exim. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { toLoggedLogin } from '../../src/cli/account-forms.ts';
import { readEvents } from '../../src/interpret/files.ts';
import { checkEximLogSettings, readEximLogSettings } from '../../src/setup/exim/log-settings.ts';
import { type EximServer, eximProgram, hasExim, startExim } from '../support/exim.ts';
import { scratchFolder } from '../support/folder.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const USERS = { 'alice@example.net': 'secret', a: 'secret', 'a:b': 'secret', 'q"uote': 'secret' };

/** The ACL of docs/mta/exim.md, without its indentation there. */
function documentedAcl(): string {
  const text = readFileSync('docs/mta/exim.md', 'utf8');
  return /(?<=\n {4})acl_postern_mailauth:\n.*/.exec(text)?.[0] ?? '';
}

/** What a client sends: login and argument of MAIL. */
const SENT = [
  ['alice@example.net', ''],
  ['alice@example.net', ' AUTH=<>'],
  ['alice@example.net', ' AUTH=bob@example.net'],
  ['alice@example.net', ' AUTH=bob'],
  ['alice@example.net', ' AUTH=x:bob@example.net'],
  ['alice@example.net', ' AUTH=x+20A+3Dplain:bob@example.net'],
  ['alice@example.net', ' AUTH=x+0Abob@example.net'],
  ['a:b', ''],
  ['a:b', ' AUTH=bob@example.net'],
  ['a', ' AUTH=b'],
  ['q"uote', ''],
] as const;

async function send(server: EximServer, user: string, argument: string): Promise<void> {
  const client = await SmtpClient.open({ port: server.port, auth: { user, password: 'secret' } });
  await client.command(`MAIL FROM:<x@example.net>${argument}`);
  await client.command('RCPT TO:<y@example.com>');
  await client.command('DATA');
  expect((await client.command('Subject: x\r\n\r\nx\r\n.')).code).toBe(250);
  await client.quit();
}

/** The users of all messages, as the service would read the log of this Exim, and what `postern check` says. */
async function read(server: EximServer) {
  const exim = [eximProgram(), '-C', server.configuration];
  const logSettings = await readEximLogSettings(exim);
  const found: (string | undefined)[] = [];
  const options = { mta: 'exim' as const, logSettings, now: Date.now() };
  for await (const { events } of readEvents([server.logFile], options)) {
    for (const { kind, submitter } of events) if (kind === 'accepted') found.push(submitter?.id);
  }
  return { logSettings, found, findings: await checkEximLogSettings(exim) };
}

async function play(main: string, acls = ''): Promise<Awaited<ReturnType<typeof read>>> {
  const options = { sinkPort: 9, recipes: [], users: USERS, main: `queue_only\n${main}`, acls };
  const server = await startExim(options);
  try {
    for (const [user, argument] of SENT) await send(server, user, argument);
    return await read(server);
  } finally {
    await server.stop();
  }
}

describe.runIf(hasExim())('smtp_mailauth', () => {
  const folder = scratchFolder();
  afterAll(folder.remove);

  it.each([
    ['', false],
    ['log_selector = +subject -queue_run', false],
    ['log_selector = +smtp_mailauth', true],
    ['log_selector = +all', true],
    ['log_selector = +subject+all-smtp_mailauth', false],
    ['log_selector = -all +smtp_mailauth', true],
    ['log_selector = +no_such_word', undefined],
  ])('is read from %s', async (line, logsMailAuth) => {
    const exim = [eximProgram(), '-C', folder.write('exim.conf', `keep_environment =\n${line}\n`)];
    expect((await readEximLogSettings(exim)).logsMailAuth).toBe(logsMailAuth);
  });
});

const ALICE = 'alice@example.net';

it.runIf(hasExim())('all behind the driver is the login without smtp_mailauth', async () => {
  const { logSettings, found, findings } = await play('log_selector = +all -smtp_mailauth');
  expect(logSettings).toEqual({ logsMailAuth: false });
  expect(found).toEqual([
    ALICE,
    ALICE,
    ALICE,
    ALICE,
    ALICE,
    ALICE,
    ALICE,
    'a:b',
    'a:b',
    'a',
    'q"uote',
  ]);
  expect(findings).toEqual([]);
});

it.runIf(hasExim())('an address behind the last colon is AUTH= with smtp_mailauth', async () => {
  const { logSettings, found, findings } = await play('log_selector = +smtp_mailauth');
  expect(logSettings).toEqual({ logsMailAuth: true });
  // The lines with ` A=` and a line break in AUTH= are none of Exim's for Postern.
  const lies = [undefined, undefined];
  const unclear = [undefined, undefined, undefined, undefined];
  expect(found.filter((login) => login !== undefined && login !== ALICE)).toEqual([]);
  expect(found.slice(0, 5)).toEqual([ALICE, ALICE, ALICE, ...lies]);
  expect(found.slice(-4)).toEqual(unclear);
  expect(findings.map(({ level }) => level)).toEqual(['warning']);
});

it.runIf(hasExim())('nobody hides behind AUTH= with the documented ACL', async () => {
  const main = 'log_selector = +smtp_mailauth\nacl_smtp_mailauth = acl_postern_mailauth';
  const { found, findings } = await play(main, documentedAcl());
  expect(findings).toEqual([]);
  expect(found.slice(0, 7)).toEqual([ALICE, ALICE, ALICE, ALICE, ALICE, ALICE, ALICE]);
});

it.runIf(hasExim())('a login that is not ASCII is typed as people write it', async () => {
  const typed = ['größe@example.net', 'back\\slash', 'naïve 日本'];
  const options = { sinkPort: 9, recipes: [], main: 'queue_only' };
  // As text that Exim expands.
  const users = Object.fromEntries(typed.map((login) => [login.replace('\\', '\\\\'), 'secret']));
  const server = await startExim({ ...options, users });
  try {
    for (const login of typed) await send(server, login, '');
    const { found } = await read(server);
    const logged = typed.map((id) => toLoggedLogin({ type: 'user', id }, { mta: 'exim' }).id);
    expect(found).toEqual(logged);
    expect(logged[1]).toBe(typed[1]);
  } finally {
    await server.stop();
  }
});
