/** Verification against back ends on loopback: what each kind of answer means, and what happens around it. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  type BackEnd,
  type BackEndOptions,
  type Hostile,
  knowGood,
  script,
  startBackEnd,
  startHostile,
} from '../support/back-end.ts';
import { until } from '../support/folder.ts';
import { askPorts, type Changes, makeVerifier, STRANGER } from '../support/recipients.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function backEnd(options: BackEndOptions = {}): Promise<BackEnd> {
  const server = await startBackEnd(options);
  stops.push(server.stop);
  return server;
}

async function hostile(talk: Parameters<typeof startHostile>[0]): Promise<Hostile> {
  const server = await startHostile(talk);
  stops.push(server.stop);
  return server;
}

function verifierOf(changes: Changes, parts: Parameters<typeof makeVerifier>[1] = {}) {
  const made = makeVerifier(changes, parts);
  stops.push(async () => made.verifier.close());
  return made;
}

describe('a back end', () => {
  it('knows its recipients', async () => {
    const server = await backEnd();
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    expect(await verifier.verify('<good@example.net>', STRANGER)).toEqual({
      kind: 'valid',
      from: 'callout',
    });
    expect(await verifier.verify('<bad@example.net>', STRANGER)).toEqual({
      kind: 'invalid',
      from: 'callout',
    });
    expect(await verifier.verify('<good@example.org>', STRANGER)).toEqual({ kind: 'not-ours' });
  });

  it.each([
    ['250', 'valid'],
    ['550 no such user', 'invalid'],
    ['553 mailbox name not allowed', 'invalid'],
    ['550 5.1.1 User unknown', 'invalid'],
    ['554 5.1.1 User unknown', 'invalid'],
    ['550 5.1.10 RESOLVER.ADR.RecipientNotFound', 'invalid'],
    ['550 5.2.1 Mailbox disabled', 'invalid'],
    ['550 5.7.1 Client host rejected: Access denied', 'unknown'],
    ['554 5.7.1 Relay access denied', 'unknown'],
    ['552 5.2.2 Mailbox full', 'unknown'],
    ['450 4.2.0 Greylisted, see http://postgrey.example/', 'unknown'],
    ['451 4.3.0 Try again', 'unknown'],
    ['452 4.5.3 Too many recipients', 'unknown'],
    ['421 4.3.2 Going down', 'unknown'],
    ['501 5.1.3 Bad address syntax', 'invalid'],
  ])('says %s: %s', async (reply, kind) => {
    const server = await backEnd({ reply: () => reply });
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    const verdict = await verifier.verify('someone@example.net', STRANGER);
    expect(verdict).toMatchObject(kind === 'unknown' ? { kind, step: 'RCPT' } : { kind });
  });

  it('that refuses MAIL says nothing about the recipient', async () => {
    const server = await backEnd({ mail: () => '550 5.1.1 who are you' });
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({
      kind: 'unknown',
      step: 'MAIL',
    });
  });

  it('is asked over TLS when it offers STARTTLS, and in plain text when that fails', async () => {
    const server = await backEnd({ starttls: true });
    const first = verifierOf({ domains: askPorts(server.port) });
    expect(await first.verifier.verify('good@example.net', STRANGER)).toMatchObject({
      kind: 'valid',
    });
    expect(server.secured()).toBeGreaterThan(0);

    const broken = await hostile(
      script(
        '220 hello\r\n',
        '250-hello\r\n250 STARTTLS\r\n',
        '220 ready\r\n',
        'no TLS at all\r\n',
        '250 ok\r\n',
        '250 ok\r\n',
      ),
    );
    const plain = await hostile(
      script('220 hello\r\n', '250 hello\r\n', '250 ok\r\n', '250 ok\r\n'),
    );
    const second = verifierOf({ domains: askPorts(broken.port, plain.port) });
    expect(await second.verifier.verify('good@example.net', STRANGER)).toMatchObject({
      kind: 'valid',
    });
    expect(broken.connections()).toBe(2);
  });

  it('that knows only HELO is asked with HELO, without the words of EHLO', async () => {
    const server = await hostile(
      script('220 hi\r\n', '502 5.5.1 no EHLO\r\n', '250 hi\r\n', '250 ok\r\n', '250 ok\r\n'),
    );
    const { verifier } = verifierOf({
      domains: askPorts(server.port),
      callout: { sender: 'x@a.example' },
    });
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({ kind: 'valid' });
    expect(server.received().split('\r\n').slice(0, 4)).toEqual([
      'EHLO mx.example.org',
      'HELO mx.example.org',
      'MAIL FROM:<x@a.example>',
      'RCPT TO:<good@example.net>',
    ]);
  });

  it('is never asked for mail: no DATA follows', async () => {
    const server = await hostile(
      script(
        '220 hi\r\n',
        '250 hi\r\n',
        '250 ok\r\n',
        '250 ok\r\n',
        '250 ok\r\n',
        '250 ok\r\n',
        '550 5.1.1 no\r\n',
      ),
    );
    const { verifier } = verifierOf({
      domains: askPorts(server.port),
      callout: { greeting: 'HELO' },
    });
    await verifier.verify('good@example.net', STRANGER);
    await until('the made-up address', () => server.received().includes('postern-no-such-user'));
    verifier.close();
    expect(server.received()).not.toContain('DATA');
    expect(server.received()).toContain('MAIL FROM:<>\r\n');
  });

  it('gets international addresses only if it offers SMTPUTF8', async () => {
    const offers = await hostile(
      script('220 hi\r\n', '250-hi\r\n250 SMTPUTF8\r\n', '250 ok\r\n', '550 5.1.1 no\r\n'),
    );
    const { verifier } = verifierOf({ domains: askPorts(offers.port) });
    const address = Buffer.from('jörg@example.net').toString('latin1');
    expect(await verifier.verify(address, STRANGER)).toMatchObject({ kind: 'invalid' });
    expect(offers.received()).toContain('MAIL FROM:<> SMTPUTF8\r\n');
    const plain = await backEnd({ ascii: true });
    const other = verifierOf({ domains: askPorts(plain.port) });
    expect(await other.verifier.verify(address, STRANGER)).toMatchObject({
      kind: 'unknown',
      step: 'RCPT',
    });
    expect(plain.asked).toEqual([]);
  });
});

describe('a back end that is hostile or broken', () => {
  const FOREVER = 'x'.repeat(60_000);
  const cases: [string, Parameters<typeof startHostile>[0], string][] = [
    ['says nothing', () => {}, 'banner'],
    ['closes at once', (socket) => socket.destroy(), 'banner'],
    ['refuses to serve', script('554 5.3.2 no\r\n'), 'banner'],
    ['sends a line without an end', (socket) => socket.write(FOREVER), 'banner'],
    [
      'sends a banner without an end',
      (socket) => {
        const timer = setInterval(() => socket.write('220-more\r\n'.repeat(30)), 5);
        socket.on('close', () => clearInterval(timer));
      },
      'banner',
    ],
    [
      'sends one byte at a time',
      (socket) => {
        const timer = setInterval(() => socket.write('2'), 50);
        socket.on('close', () => clearInterval(timer));
      },
      'banner',
    ],
    ['speaks another protocol', script('SSH-2.0-OpenSSH_9.2\r\n'), 'banner'],
    ['answers before it is asked', script('220 hi\r\n250 ok\r\n250 ok\r\n'), 'banner'],
    ['closes after the banner', (socket) => socket.end('220 hi\r\n'), 'HELO'],
    ['has two codes in a reply', script('220 hi\r\n', '250-hi\r\n550 no\r\n'), 'HELO'],
    ['is silent after HELO', script('220 hi\r\n', '250 hi\r\n'), 'MAIL'],
    ['is silent after RCPT', script('220 hi\r\n', '250 hi\r\n', '250 ok\r\n'), 'RCPT'],
    [
      'adds an answer nobody asked for',
      script('220 hi\r\n', '250 hi\r\n', '250 ok\r\n', '250 ok\r\n250 ok\r\n'),
      'RCPT',
    ],
    ['sends binary', script('\x00\x01\x02\x16\x03\r\n'), 'banner'],
  ];
  it.each(cases)('%s', async (_name, talk, step) => {
    const server = await hostile(talk);
    const { verifier } = verifierOf({
      domains: askPorts(server.port),
      callout: { greeting: 'HELO' },
    });
    const verdict = await verifier.verify('good@example.net', STRANGER);
    expect(verdict).toMatchObject({ kind: 'unknown', step });
  });

  it('is passed over for the next one', async () => {
    const [dead, silent, good] = [await backEnd(), await hostile(() => {}), await backEnd()];
    await dead.stop();
    const { verifier } = verifierOf({ domains: askPorts(dead.port, silent.port, good.port) });
    expect(await verifier.verify('bad@example.net', STRANGER)).toMatchObject({ kind: 'invalid' });
    expect(good.asked).toEqual(['bad@example.net']);
  });

  it('cannot hold a question beyond the budget, and its late answer is kept', async () => {
    const server = await backEnd({ delay: 250 });
    const { verifier, store } = verifierOf({
      domains: askPorts(server.port),
      callout: { replyTimeout: 2000 },
      budget: 50,
    });
    expect(await verifier.verify('bad@example.net', STRANGER)).toMatchObject({
      kind: 'unknown',
      reason: 'no answer within 0.05 s',
    });
    await until('the late answer', async () => {
      const verdict = await verifier.verify('bad@example.net', STRANGER);
      return verdict.kind === 'invalid' && verdict.from === 'cache';
    });
    verifier.close();
    expect(store.read('bad@example.net')).toMatchObject({ isValid: false });
  });

  it('cannot fill the log by answering now and then', async () => {
    const refusing = await backEnd({ mail: () => (fails ? '451 4.3.0 later' : '250') });
    let fails = true;
    const { verifier, clock, logged } = verifierOf({ domains: askPorts(refusing.port) });
    for (let count = 0; count < 10; count++) {
      fails = count % 2 === 0;
      await verifier.verify(`good${count}@example.net`, STRANGER);
      clock.time += 1000;
    }
    expect(logged.filter(({ message }) => message === 'back end does not answer')).toHaveLength(1);
  });

  it('that fails many questions at once is paused once', async () => {
    const dead = await backEnd();
    await dead.stop();
    const { verifier, clock } = verifierOf({ domains: askPorts(dead.port) });
    const names = Array.from({ length: 20 }, (_, index) => `good${index}@example.net`);
    await Promise.all(names.map((name) => verifier.verify(name, STRANGER)));
    const back = await backEnd({ port: dead.port });
    clock.time += 5000;
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({ kind: 'valid' });
    expect(back.connections()).toBe(1);
  });

  it('may answer after everything is closed', async () => {
    const reply = (address: string) => (address.startsWith('later') ? '450 4.2.0 no' : '550 no');
    const server = await backEnd({ delay: 100, reply });
    const { verifier, store } = verifierOf({
      domains: askPorts(server.port),
      callout: { replyTimeout: 2000 },
    });
    const asked = ['bad@example.net', 'later@example.net'].map((address) =>
      verifier.verify(address, STRANGER),
    );
    verifier.close();
    store.close();
    const verdicts = await Promise.all(asked);
    expect(verdicts.map(({ kind }) => kind)).toEqual(['invalid', 'unknown']);
  });

  it('is left alone, tested again, and logged once a minute', async () => {
    const dead = await backEnd();
    await dead.stop();
    const { verifier, clock, logged } = verifierOf({ domains: askPorts(dead.port) });
    for (let count = 0; count < 5; count++)
      await verifier.verify(`good${count}@example.net`, STRANGER);
    const lines = () => logged.filter(({ message }) => message === 'back end does not answer');
    expect(lines()).toHaveLength(1);
    expect(lines()[0]?.data).toMatchObject({ step: 'connect', steps: { connect: 1 } });
    expect(verifier.troubles()).toMatchObject([{ failures: 2 }]);

    const back = await backEnd({ port: dead.port });
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({ kind: 'unknown' });
    expect(back.connections()).toBe(0);
    clock.time += 60_000;
    expect(await verifier.verify('good@example.net', STRANGER)).toMatchObject({ kind: 'valid' });
    expect(logged.map(({ message }) => message)).toContain('back end answers again');
    expect(verifier.troubles()).toEqual([]);
  });
});

describe('a domain', () => {
  it('that is a backup has unknown recipients, which are accepted', async () => {
    const dead = await backEnd();
    await dead.stop();
    const [domain] = askPorts(dead.port);
    const { verifier } = verifierOf({ domains: [{ ...domain!, role: 'backup' }] });
    expect(await verifier.verify('a@example.net', STRANGER)).toMatchObject({
      kind: 'unknown',
      isBackup: true,
    });
  });

  it('that is a catch-all is not asked', async () => {
    const { verifier } = verifierOf({
      domains: [{ domain: 'example.net', role: 'catch-all', subdomains: true }],
    });
    const catchAll = { kind: 'skipped', why: 'catch-all' };
    expect(await verifier.verify('a@example.net', STRANGER)).toEqual(catchAll);
    expect(await verifier.verify('a@b.example.net', STRANGER)).toEqual(catchAll);
    expect(await verifier.verify('a@example.org', STRANGER)).toEqual({ kind: 'not-ours' });
  });

  it('whose back end accepts everything is reported, and left alone for a day', async () => {
    const server = await backEnd({ reply: () => '250' });
    const { verifier, clock, store, logged } = verifierOf({ domains: askPorts(server.port) });
    expect(await verifier.verify('a@example.net', STRANGER)).toMatchObject({ kind: 'valid' });
    await until('the finding', () => verifier.acceptingAll().length > 0);
    expect(verifier.acceptingAll()).toEqual(['example.net']);
    expect(logged.at(-1)?.message).toBe(
      'back end accepts every recipient; it is not asked for a day',
    );
    expect(server.asked).toHaveLength(2);
    expect(server.asked[1]).toMatch(/^postern-no-such-user-[0-9a-f]{16}@example\.net$/);
    expect(await verifier.verify('b@example.net', STRANGER)).toEqual({
      kind: 'skipped',
      why: 'accepts-all',
    });
    verifier.close();
    expect(store.size).toBe(0);
    clock.time += 86_400_000;
    expect(await verifier.verify('b@example.net', STRANGER)).toMatchObject({ kind: 'valid' });
  });
});

describe('connections', () => {
  it('are one for simultaneous questions about one address', async () => {
    const server = await backEnd({ delay: 50 });
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    const ask = () => verifier.verify('<bad@example.net>', STRANGER);
    const verdicts = await Promise.all(Array.from({ length: 100 }, ask));
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['invalid']));
    expect(server.asked).toEqual(['bad@example.net']);
  });

  it('are reused', async () => {
    const server = await backEnd();
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    for (let count = 0; count < 30; count++)
      await verifier.verify(`good${count}@example.net`, STRANGER);
    expect(server.asked.filter((address) => address.startsWith('good'))).toHaveLength(30);
    expect(server.connections()).toBeLessThan(4);
  });

  it('end after some refusals, because servers slow down clients that make errors', async () => {
    const server = await backEnd();
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    for (let count = 0; count < 20; count++)
      await verifier.verify(`bad${count}@example.net`, STRANGER);
    expect(server.connections()).toBe(3);
  });

  it.each([
    [{ perServer: 3, inAll: 20 }, 3],
    [{ perServer: 20, inAll: 2 }, 2],
  ])('have a ceiling: %j', async (callout, most) => {
    const server = await backEnd({ delay: 10 });
    const { verifier } = verifierOf({ domains: askPorts(server.port), callout });
    const names = Array.from({ length: 30 }, (_, index) => `bad${index}@example.net`);
    const verdicts = await Promise.all(names.map((name) => verifier.verify(name, STRANGER)));
    expect(new Set(verdicts.map(({ kind }) => kind))).toEqual(new Set(['invalid']));
    expect(server.peak()).toBe(most);
  });

  it('that the back end has closed meanwhile are opened again', async () => {
    let count = 0;
    const server = await hostile((socket) => {
      count++;
      script('220 hi\r\n', '250 hi\r\n', '250 ok\r\n', '550 5.1.1 no\r\n')(socket);
      socket.on('data', (chunk) => {
        if (String(chunk).startsWith('RCPT')) setTimeout(() => socket.destroy(), 20);
      });
    });
    const { verifier } = verifierOf({
      domains: askPorts(server.port),
      callout: { greeting: 'HELO' },
    });
    expect(await verifier.verify('a@example.net', STRANGER)).toMatchObject({ kind: 'invalid' });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await verifier.verify('b@example.net', STRANGER)).toMatchObject({ kind: 'invalid' });
    expect(count).toBe(2);
    expect(verifier.troubles()).toEqual([]);
  });

  it('wait for nobody who has left', async () => {
    const server = await hostile(() => {});
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    const ending = new AbortController();
    const asked = verifier.verify('a@example.net', STRANGER, () => ending.signal);
    ending.abort();
    expect(await asked).toMatchObject({ kind: 'unknown', reason: 'the client has left' });
  });
});

describe('answers', () => {
  it('are remembered for their time, refreshed before, and asked for again after it', async () => {
    const server = await backEnd();
    const { verifier, clock } = verifierOf({ domains: askPorts(server.port) });
    const ask = async () => (await verifier.verify('bad@example.net', STRANGER)) as object;
    expect(await ask()).toEqual({ kind: 'invalid', from: 'callout' });
    clock.time += 2_000_000;
    expect(await ask()).toEqual({ kind: 'invalid', from: 'cache' });
    expect(server.asked).toHaveLength(1);
    clock.time += 500_000;
    expect(await ask()).toEqual({ kind: 'invalid', from: 'cache' });
    await until('the refresh', () => server.asked.length === 2);
    clock.time += 3_000_001;
    expect(await ask()).toEqual({ kind: 'invalid', from: 'callout' });
  });

  it('serve when they are stale and the back end is away, if they are valid', async () => {
    const server = await backEnd();
    const { verifier, clock } = verifierOf({ domains: askPorts(server.port) });
    await verifier.verify('good@example.net', STRANGER);
    await verifier.verify('bad@example.net', STRANGER);
    await until('the trial', () => server.asked.length === 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await server.stop();
    clock.time += 2 * 86_400_000;
    expect(await verifier.verify('good@example.net', STRANGER)).toEqual({
      kind: 'valid',
      from: 'stale',
    });
    expect(await verifier.verify('bad@example.net', STRANGER)).toMatchObject({ kind: 'unknown' });
  });

  it('survive a restart, and count again with a longer lifetime', async () => {
    const server = await backEnd();
    const first = verifierOf({ domains: askPorts(server.port) });
    await first.verifier.verify('bad@example.net', STRANGER);
    first.verifier.close();
    await server.stop();
    const later = { now: () => first.clock.time + 5_000_000 };
    const domains = askPorts(server.port);
    const short = verifierOf({ domains }, { store: first.store, clock: later });
    expect(await short.verifier.verify('bad@example.net', STRANGER)).toMatchObject({
      kind: 'unknown',
    });
    const long = verifierOf(
      { domains, cache: { invalid: 86_400_000 } },
      { store: first.store, clock: later },
    );
    expect(await long.verifier.verify('bad@example.net', STRANGER)).toEqual({
      kind: 'invalid',
      from: 'cache',
    });
  });

  it('distinguish the case of local parts, so that nobody can make another address invalid', async () => {
    const server = await backEnd({ reply: (address) => knowGood(address) });
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    expect(await verifier.verify('GOOD@EXAMPLE.net', STRANGER)).toMatchObject({ kind: 'invalid' });
    expect(await verifier.verify('good@EXAMPLE.net', STRANGER)).toMatchObject({ kind: 'valid' });
    expect(server.asked.slice(0, 2)).toEqual(['GOOD@example.net', 'good@example.net']);
  });

  it('are counted by outcome', async () => {
    const server = await backEnd();
    const { verifier } = verifierOf({ domains: askPorts(server.port) });
    await verifier.verify('bad@example.net', STRANGER);
    await verifier.verify('bad@example.net', STRANGER);
    await verifier.verify('bad@example.net', { ...STRANGER, authenticated: true });
    await verifier.verify('bad@example.org', STRANGER);
    expect(verifier.figures.list()).toEqual({
      'invalid from cache': 1,
      'invalid from callout': 1,
      'not ours': 1,
      'skipped for authenticated': 1,
    });
  });
});
