/** What docs/mta/postfix.md promises, on a real Postfix: somebody is listed by hand, and Postfix honours it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { optionsIn, postfixRecipe } from '../support/recipes.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { type ConnectOptions, sendMail } from '../support/smtp-client.ts';

const ALICE = { user: 'alice@example.net', password: 'secret' };
const BOB = { user: 'bob@example.net', password: 'secret' };
/** A login with a capital letter. */
const CAROL = { user: 'Carol@example.net', password: 'secret' };
const USERS = Object.fromEntries([ALICE, BOB, CAROL].map((who) => [who.user, who.password]));
const INDEXED = ['sasl_access', 'sender_access'];
const TABLES = [...INDEXED, 'client_access', 'submit_users'];

/** One table with its lines; an indexed one is compiled, the others are read anew after a reload. */
type List = (table: string, ...lines: string[]) => Promise<void>;

async function startWithRecipe(sink: Sink, place: 'main.cf.data' | 'main.cf.rcpt') {
  const type = await indexedMapType();
  const atRcpt = place === 'main.cf.rcpt';
  const server = await startPostfix({
    sinkPort: sink.port,
    users: USERS,
    ...(atRcpt ? { submission: optionsIn(postfixRecipe('master.cf.submission', '', type)) } : {}),
  });
  const list: List = async (table, ...lines) => {
    server.folder.write(`etc/postern/${table}`, lines.map((line) => `${line}\n`).join(''));
    if (INDEXED.includes(table))
      await server.postmap(`${type}:${server.folder.at(`etc/postern/${table}`)}`);
    if (table === 'client_access') await server.reload();
  };
  for (const table of TABLES) await list(table);
  const recipe = (name: typeof place | 'main.cf.local') =>
    postfixRecipe(name, server.configuration, type);
  await server.configure(`${recipe(place)}\n${recipe('main.cf.local')}`);
  return { server, list };
}

describe.runIf(hasPostfix()).each(['main.cf.data', 'main.cf.rcpt'] as const)('%s', (place) => {
  let sink: Sink;
  let server: PostfixServer;
  let list: List;

  beforeAll(async () => {
    sink = await startSink();
    ({ server, list } = await startWithRecipe(sink, place));
  });
  afterEach(async () => {
    sink.clear();
    if (server !== undefined) await server.postsuper('-d', 'ALL');
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
  });

  const submit = (auth: typeof ALICE, recipient: string, sender = auth.user) =>
    sendMail({ port: server.submissionPort, auth }, { sender, recipients: [recipient] });
  const relay = (from: Partial<ConnectOptions>, recipient: string) =>
    sendMail(
      { port: server.smtpPort, ...from },
      { sender: 'app@example.net', recipients: [recipient] },
    );
  const held = (recipient: string) =>
    server.queued((mail) => mail.queue === 'hold' && mail.recipients.includes(recipient));

  it('holds the mail of a listed user, and of nobody else', async () => {
    await list('sasl_access', 'alice@example.net HOLD');
    expect((await submit(ALICE, 'held@example.org')).data?.code).toBe(250);
    expect((await held('held@example.org')).sender).toBe('alice@example.net');
    await server.logged(
      /hold: .* from unknown\[127\.0\.0\.1\]: <alice@example\.net>: SASL login name/,
    );
    await submit(BOB, 'untouched@example.org');
    await sink.messageTo('untouched@example.org');
    expect(sink.recipients).not.toContain('held@example.org');
  });

  it('delivers again when the line is gone, also what was held', async () => {
    await list('sasl_access', 'alice@example.net HOLD');
    await submit(ALICE, 'before@example.org');
    const { queueId } = await held('before@example.org');
    await list('sasl_access');
    await submit(ALICE, 'after@example.org');
    await sink.messageTo('after@example.org');
    await server.postsuper('-H', queueId);
    await sink.messageTo('before@example.org');
  });

  it('finds the user whatever the case of the login', async () => {
    await list('sasl_access', 'carol@example.net HOLD');
    await submit(CAROL, 'case@example.org');
    await held('case@example.org');
  });

  it('refuses a listed user with REJECT', async () => {
    await list('sasl_access', 'alice@example.net REJECT Please call the help desk');
    const replies = await submit(ALICE, 'refused@example.org');
    const refusal = place === 'main.cf.rcpt' ? replies.recipients[0] : replies.data;
    expect(refusal).toEqual({
      code: 554,
      text: '5.7.1 <alice@example.net>: SASL login name rejected: Please call the help desk',
    });
    await list('sasl_access');
  });

  it('holds a sender', async () => {
    await list('sender_access', 'newsletter@example.net HOLD');
    await submit(BOB, 'letter@example.org', 'newsletter@example.net');
    await held('letter@example.org');
    await submit(BOB, 'own@example.org');
    await sink.messageTo('own@example.org');
    await list('sender_access');
  });

  it('holds a relay client by IPv4 address, and no other', async () => {
    await list('client_access', '127.0.0.2 HOLD');
    await relay({ localAddress: '127.0.0.2' }, 'infected@example.org');
    await held('infected@example.org');
    await relay({ localAddress: '127.0.0.3' }, 'healthy@example.org');
    await sink.messageTo('healthy@example.org');
  });

  it('holds a relay client by IPv6 address, and no other', async () => {
    await list('client_access', '2001:db8:1::7 HOLD');
    await relay({ xclient: 'ADDR=IPV6:2001:db8:1::7' }, 'infected@example.org');
    await held('infected@example.org');
    await relay({ xclient: 'ADDR=IPV6:2001:db8:1::8' }, 'healthy@example.org');
    await sink.messageTo('healthy@example.org');
  });

  it('judges an authenticated user by the account, not by the address', async () => {
    await list('client_access', '127.0.0.1 HOLD');
    await submit(BOB, 'shared@example.org');
    await sink.messageTo('shared@example.org');
    await list('client_access');
  });

  it('refuses a listed local account, and no other', async () => {
    const mail = (login: string, recipient: string) =>
      server.sendmail(login, ['-f', 'app@example.net', recipient], 'Subject: x\n\nx\n');
    await list('submit_users', 'www-data REJECT');
    const refused = await mail('www-data', 'shell@example.org');
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain('User www-data(33) is not allowed to submit mail');
    expect((await mail('nobody', 'other@example.org')).status).toBe(0);
    await sink.messageTo('other@example.org');
    await list('submit_users');
    expect((await mail('www-data', 'again@example.org')).status).toBe(0);
    await sink.messageTo('again@example.org');
  });
});

describe.runIf(hasPostfix())('without the tables', () => {
  it('Postfix answers 451 to everybody: the tables come first', async () => {
    const sink = await startSink();
    const server = await startPostfix({ sinkPort: sink.port });
    try {
      const recipe = postfixRecipe('main.cf.data', server.configuration, await indexedMapType());
      await server.configure(recipe);
      const mail = { sender: BOB.user, recipients: ['x@example.org'] };
      const outcome = await sendMail({ port: server.submissionPort, auth: BOB }, mail);
      expect(outcome.data?.code).toBe(451);
    } finally {
      await server.stop();
      await sink.stop();
    }
  });
});
