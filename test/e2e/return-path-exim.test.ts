/** docs/mta/exim/return-path*.conf on a real Exim: what it signs, what it takes back, what it refuses and when. */
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { type EximServer, hasExim, startExim } from '../support/exim.ts';
import {
  type SigningOptions,
  signingConfiguration,
  writeKeys,
} from '../support/exim-return-path.ts';
import { until } from '../support/folder.ts';
import { idOf } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const { prvs, 'exim-hash': hash } = RETURN_PATH_SCHEMES;
const OLD = { number: '3', secret: 'the old one' };
const KEY = { number: '4', secret: 'correct horse "battery" staple' };
const RETIRED = { number: '5', secret: 'gone' };
const KEYS = `# comment\n3 ${OLD.secret}\n4 ${KEY.secret}\n# retired 2026-01-01T00:00:00Z\n5 ${RETIRED.secret}\n`;
const ALICE = { user: 'alice@example.net', password: 'secret' };
const DAY = 86_400_000;

let sink: Sink;
let server: EximServer;

async function start(options: SigningOptions = {}): Promise<void> {
  sink = await startSink();
  server = await startExim({ sinkPort: sink.port, configuration: signingConfiguration(options) });
  writeKeys(server.folder.at('return-path.keys'), KEYS);
  mkdirSync(server.folder.at('mail'));
  chownSync(server.folder.at('mail'), idOf('/etc/passwd', 'Debian-exim') as number, 0);
}
async function stop(): Promise<void> {
  await server?.stop();
  await sink?.stop();
}
function clear(): void {
  sink.clear();
  for (const user of ['alice', 'bob', 'postmaster']) rmSync(mailbox(user), { force: true });
}

const mailbox = (user: string) => server.folder.at(`mail/${user}`);
const received = async (user: string): Promise<string> => {
  await until(`mail for ${user}`, () => existsSync(mailbox(user)), {
    evidence: () => server.log(),
  });
  return readFileSync(mailbox(user), 'utf8');
};
const submit = (...recipients: string[]) =>
  sendMail({ port: server.port, auth: ALICE }, { sender: ALICE.user, recipients });
/** From a stranger. */
const bounce = (...recipients: string[]) =>
  sendMail({ port: server.port }, { sender: '', recipients, subject: 'Undelivered' });
const signed = (address: string, key = KEY, now = Date.now(), recipient = 'friend@example.org') =>
  (prvs.sign(address, { key, now, recipient }) as { address: string }).address;

const TO_LIST = 'members@lists.example.org';

describe.runIf(hasExim())('prvs', () => {
  beforeAll(() =>
    start({
      settings: [
        'POSTERN_UNSIGNED_SENDERS = list@example.net',
        `POSTERN_UNSIGNED_RECIPIENTS = *@lists.example.org`,
        'POSTERN_OPEN_RECIPIENTS = bot@example.net',
      ],
    }),
  );
  afterEach(clear);
  afterAll(stop);

  it('signs mail of a user with the last key that is not retired', async () => {
    await submit('friend@example.org', 'other@example.org');
    const { sender, recipients } = await sink.messageTo('friend@example.org');
    expect(sender).toBe(signed('alice@example.net'));
    // Still one transaction for one server.
    expect(recipients).toEqual(['friend@example.org', 'other@example.org']);
  });

  it.each([
    ['alice@example.org', 'of another domain'],
    ['', 'the null sender'],
    ['prvs=0730576ed6=alice@example.net', 'that is signed'],
    ['SRS0=ab=cd=example.org=eve@example.net', 'of a forwarder'],
    [`${'a'.repeat(49)}@example.net`, 'that would be too long'],
  ])('leaves the sender %s alone: %s', async (sender) => {
    await sendMail(
      { port: server.port, auth: ALICE },
      { sender, recipients: ['friend@example.org'] },
    );
    expect((await sink.messageTo('friend@example.org')).sender).toBe(sender);
  });

  it.each([
    ['a relay host of ours', { localAddress: '127.0.0.2' }],
    ['a stranger', {}],
  ])('mail that %s sends with our domain', async (who, from) => {
    await sendMail(
      { port: server.port, ...from },
      { sender: 'alice@example.net', recipients: ['friend@example.org'] },
    );
    if (who === 'a stranger') return expect(sink.recipients).toEqual([]);
    const { sender } = await sink.messageTo('friend@example.org');
    expect(sender).toBe(signed('alice@example.net'));
  });

  it('signs mail of local programs', async () => {
    await server.sendmail(
      'alice',
      ['-f', 'alice@example.net', 'friend@example.org'],
      'Subject: x\n\nx\n',
    );
    const { sender } = await sink.messageTo('friend@example.org');
    expect(sender).toBe(signed('alice@example.net'));
  });

  it('delivers between our users without a signature', async () => {
    await submit('bob@example.net');
    expect(await received('bob')).toContain('Return-path: <alice@example.net>');
  });

  it.each([
    ['the newest key', () => signed('alice@example.net')],
    ['an older key', () => signed('alice@example.net', OLD)],
    ['seven days ago', () => signed('alice@example.net', KEY, Date.now() - 7 * DAY)],
    ['in capitals by a relay', () => signed('alice@example.net').toUpperCase()],
  ])('a bounce to what was signed by %s comes back to the person', async (_title, address) => {
    const { recipients, data } = await bounce(address());
    expect(recipients[0]?.code).toBe(250);
    expect(data?.code).toBe(250);
    expect(await received('alice')).toContain(`Envelope-to: ${address()}`);
  });

  it.each([
    ['eight days ago', () => signed('alice@example.net', KEY, Date.now() - 8 * DAY)],
    ['tomorrow', () => signed('alice@example.net', KEY, Date.now() + DAY)],
    ['by another server', () => signed('alice@example.net', { ...KEY, secret: 'guessed' })],
    [
      'with a key number that is free',
      () => signed('alice@example.net', { number: '9', secret: '' }),
    ],
    ['for another person', () => signed('alice@example.net').replace('alice', 'bob')],
  ])('what was signed %s is refused at RCPT', async (_title, address) => {
    const { recipients } = await bounce(address());
    expect(recipients[0]).toEqual({
      code: 550,
      text: 'We did not send the message that this is about',
    });
    expect(server.log()).toContain('return path with a wrong or expired signature');
  });

  it('a bogus notification is refused at DATA, when another server that asks at RCPT has its answer', async () => {
    const { recipients, data } = await bounce('alice@example.net', 'bob@example.net');
    expect(recipients.map(({ code }) => code)).toEqual([250, 250]);
    expect(data).toEqual({ code: 550, text: 'We did not send the message that this is about' });
    expect((await bounce('nobody@example.net')).recipients[0]?.code).toBe(550);
  });

  it.each(['postmaster@example.net', 'Postmaster@Example.NET'])('%s takes all', async (address) => {
    expect((await bounce(address)).data?.code).toBe(250);
  });

  it('one recipient with a signature lets the message through', async () => {
    const { data } = await bounce('bob@example.net', signed('alice@example.net'));
    expect(data?.code).toBe(250);
    await received('bob');
  });

  it.each([
    ['a relay host of ours', { localAddress: '127.0.0.2' }],
    ['a user', { auth: ALICE }],
  ])('the null sender of %s is not checked', async (_title, from) => {
    const { data } = await sendMail(
      { port: server.port, ...from },
      { sender: '', recipients: ['bob@example.net'] },
    );
    expect(data?.code).toBe(250);
  });

  it('mail with a sender is not a notification', async () => {
    const { data } = await sendMail(
      { port: server.port },
      { sender: 'friend@example.org', recipients: ['bob@example.net'] },
    );
    expect(data?.code).toBe(250);
  });

  it('a real bounce that Exim makes itself reaches the person', async () => {
    await submit('nobody@example.org');
    const mail = await received('alice');
    expect(mail).toContain('nobody@example.org');
    expect(mail).toContain(`Envelope-to: ${signed('alice@example.net')}`);
  });

  it('a list that knows its members by the sender gets the plain one, in the same message too', async () => {
    await submit(TO_LIST, 'friend@example.org');
    expect((await sink.messageTo(TO_LIST)).sender).toBe('alice@example.net');
    expect((await sink.messageTo('friend@example.org')).sender).toBe(signed('alice@example.net'));
  });

  it('a sender that is exempt keeps its address', async () => {
    const mail = { sender: 'list@example.net', recipients: ['friend@example.org'] };
    await sendMail({ port: server.port, auth: ALICE }, mail);
    expect((await sink.messageTo('friend@example.org')).sender).toBe('list@example.net');
  });

  it('a recipient that is exempt takes notifications', async () => {
    expect((await bounce('bot@example.net')).data?.code).toBe(250);
  });

  it.each([
    ['does not exist', () => rmSync(server.folder.at('return-path.keys'))],
    ['cannot be read', () => chownSync(server.folder.at('return-path.keys'), 0, 0)],
    ['is empty', () => writeKeys(server.folder.at('return-path.keys'), '')],
  ])('when the key file %s, mail goes out unsigned and nothing is lost', async (_title, spoil) => {
    spoil();
    try {
      await submit('friend@example.org');
      expect((await sink.messageTo('friend@example.org')).sender).toMatch(/alice@example\.net$/);
      const { recipients, data } = await bounce(signed('alice@example.net'));
      expect([recipients[0]?.code, data?.code]).not.toContain(550);
    } finally {
      writeKeys(server.folder.at('return-path.keys'), KEYS);
    }
  });
});

describe.runIf(hasExim())('exim-hash', () => {
  const FRIEND = 'Friend.X@example.org';
  const sign = (recipient: string, key = KEY) =>
    (hash.sign('alice@example.net', { key, now: 0, recipient }) as { address: string }).address;

  beforeAll(() => start({ byHash: true }));
  afterEach(clear);
  afterAll(stop);

  it('gives each recipient a sender of its own', async () => {
    await submit(FRIEND, 'other@example.org');
    const senders = ['friend.x@example.org', 'other@example.org'];
    for (const recipient of senders) {
      const { sender } = await sink.messageTo(recipient === senders[0] ? FRIEND : recipient);
      expect(sender.toLowerCase()).toBe(sign(recipient));
    }
  });

  it.each([
    ['', () => sign('friend@example.org'), 250],
    ['', () => sign('friend@example.org', OLD), 250],
    ['friend@example.org', () => sign('friend@example.org'), 250],
    ['FRIEND@example.ORG', () => sign('friend@example.org'), 250],
    ['eve@example.org', () => sign('friend@example.org'), 550],
    ['', () => sign('friend@example.org', { number: '4', secret: 'guessed' }), 550],
    ['', () => sign('friend@example.org', { number: '4', secret: 'comment' }), 550],
    ['', () => sign('friend@example.org').replace('alice', 'bob'), 550],
  ])('mail from <%s> to a signed address (%s): %i', async (sender, address, code) => {
    const mail = { sender, recipients: [address()] };
    const { recipients } = await sendMail({ port: server.port }, mail);
    expect(recipients[0]?.code).toBe(code);
    if (code === 250) await received('alice');
  });

  it('a bogus notification is refused at DATA', async () => {
    expect((await bounce('alice@example.net')).data?.code).toBe(550);
  });
});

describe.runIf(hasExim()).each(['warn', 'defer'] as const)('POSTERN_SIGN_VERB = %s', (verb) => {
  beforeAll(() => start({ verb }));
  afterEach(clear);
  afterAll(stop);

  it('a bogus notification', async () => {
    const { recipients, data } = await bounce('alice@example.net');
    expect(recipients[0]?.code).toBe(250);
    expect(data?.code).toBe(verb === 'warn' ? 250 : 451);
    expect(server.log()).toContain('bogus notification: no recipient has a signed return path');
    if (verb === 'warn') expect(await received('alice')).not.toContain('We did not send');
  });

  it('a wrong signature', async () => {
    const { recipients } = await bounce(signed('alice@example.net', { ...KEY, secret: 'guessed' }));
    expect(recipients[0]?.code).toBe(verb === 'warn' ? 250 : 451);
    expect(server.log()).toContain('return path with a wrong or expired signature');
  });
});
