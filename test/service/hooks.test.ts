/** Hooks over the running service: real web servers on loopback, real programs, receivers that misbehave. */
import { createHmac } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY, HOUR, MINUTE, SECOND, systemClock } from '../../src/base/time.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Hooks } from '../../src/daemon/hooks.ts';
import { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { setUpPostern } from '../support/postern.ts';
import { type Scratch, scratch } from './scratch.ts';

const patience = { timeout: 30_000, interval: 25 };

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** how it answers from now on */
  answer: (response: ServerResponse) => void;
  close(): Promise<void>;
}

const ended: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function listen(server: Server | ReturnType<typeof createTcpServer>, port = 0) {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function receiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const self = { answer: (response: ServerResponse) => void response.writeHead(204).end() };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      self.answer(response);
    });
  });
  const url = `http://127.0.0.1:${await listen(server, port)}/hook`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  ended.push(close);
  return Object.assign(self, { url, received, close });
}

function installation(hooks: string): Scratch {
  const at = scratch({ extra: `hooks:\n${hooks}` });
  ended.push(() => at.remove());
  writeFileSync(at.log, '');
  return at;
}

/** A program that appends what it is told to `told`. */
function program(at: Scratch, name: string, script = `cat >> ${at.path('told')}`): string {
  writeFileSync(at.path(name), `#!/bin/sh\n${script}\n`);
  chmodSync(at.path(name), 0o755);
  return at.path(name);
}

const told = (at: Scratch) =>
  existsSync(at.path('told'))
    ? readFileSync(at.path('told'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];

/** What waits need not wait for its next attempt. */
function makeDue(database: string): void {
  const { store, db } = openStore(database);
  db.prepare('UPDATE mail SET next_attempt = 0').run();
  store.close();
}

/** Blocks somebody as `postern block` does. */
function block(at: Scratch, id: string, start = systemClock.now()): void {
  at.withStore((store) =>
    store.commit(() => store.blocks.start({ key: { type: 'user', id }, cause: 'manual', start })),
  );
}

describe('a webhook', () => {
  it('gets blocks and releases, in order, signed', async () => {
    const server = await receiver();
    const at = installation(
      `  - { name: tickets, url: '${server.url}', secretFile: secret, events: [block, release] }\n`,
    );
    const secret = Buffer.alloc(32, 7);
    writeFileSync(at.path('secret'), `whsec_${secret.toString('base64')}\n`, { mode: 0o600 });
    at.start();
    await at.run('block', 'alice@example.net', '--for', '1h', '--note', 'stolen');
    await at.run('unblock', 'alice@example.net');
    await expect.poll(() => server.received.length, patience).toBe(2);
    const events = server.received.map(({ body }) => JSON.parse(body));
    expect(events).toMatchObject([
      {
        version: 1,
        event: 'block',
        identity: 'alice@example.net',
        text: 'alice@example.net blocked: manual, stolen',
        block: { id: 1, key: { type: 'user', id: 'alice@example.net' }, cause: 'manual' },
      },
      { event: 'release', text: 'alice@example.net released: postern unblock' },
    ]);
    for (const { headers, body } of server.received) {
      const id = JSON.parse(body).id;
      expect(headers['webhook-id']).toBe(id);
      const signed = `${id}.${headers['webhook-timestamp']}.${body}`;
      const hash = createHmac('sha256', secret).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${hash}`);
    }
  });

  it('signs with each secret while one is replaced, and reads the file again at each attempt', async () => {
    const server = await receiver();
    const at = installation(`  - { name: tickets, url: '${server.url}', secretFile: secret }\n`);
    at.start();
    block(at, 'alice@example.net');
    const problem = /hook tickets: 1 event waiting, 1 attempt: .*secret: the secret cannot be read/;
    await expect.poll(async () => (await at.run('status')).out, patience).toMatch(problem);
    const secrets = ['an old secret that is long enough', 'a new secret that is long enough'];
    writeFileSync(at.path('secret'), `${secrets.join('\n')}\n`, { mode: 0o600 });
    makeDue(at.path('postern.db'));
    block(at, 'bob@example.net');
    await expect.poll(() => server.received.length, patience).toBe(2);
    expect(server.received[0]?.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  });
});

/** A service that is not bound to the time of this host: the hooks over a store, with a clock of our own. */
function hooksAt(at: Scratch, time: { now: number }) {
  const store = new Store(at.path('postern.db'));
  const controller = new AbortController();
  const options = { store, config: loadConfig(at.config), clock: { now: () => time.now } };
  const hooks = new Hooks({ ...options, log: silentLog, signal: controller.signal });
  const done = Promise.all(hooks.run());
  const end = async () => {
    controller.abort();
    await done;
    store.close();
  };
  return { store, hooks, end };
}

const waiting = (at: Scratch) => at.withStore((store) => store.hooks.waiting());

describe('a receiver', () => {
  it('that is away for a day gets all of it when it is back, once and in order', async () => {
    const gone = await receiver();
    const port = Number(new URL(gone.url).port);
    await gone.close();
    const at = installation(`  - { name: tickets, url: '${gone.url}' }\n`);
    const time = { now: Date.parse('2026-11-10T09:00:00Z') };
    for (let hour = 0; hour < 24; hour++) {
      block(at, `user${hour}@example.net`, time.now);
      const { end } = hooksAt(at, time);
      await expect.poll(() => at.withStore((s) => s.occurrences.waiting()), patience).toEqual([]);
      await expect.poll(() => waiting(at)[0]?.lastError, patience).toBe('ECONNREFUSED');
      await end();
      time.now += HOUR + MINUTE;
    }
    expect(waiting(at)).toMatchObject([{ hook: 'tickets', waiting: 24 }]);
    const back = await receiver(port);
    const { end } = hooksAt(at, time);
    await expect.poll(() => back.received.length, patience).toBe(24);
    await end();
    const order = back.received.map(({ body }) => JSON.parse(body).identity);
    expect(order).toEqual(Array.from({ length: 24 }, (_, hour) => `user${hour}@example.net`));
    expect(waiting(at)).toEqual([]);
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['hangs', () => {}, 'no answer within 1s'],
    [
      'speaks no HTTP',
      (socket) => socket.end('220 mx1 ESMTP\r\n'),
      'Response does not match the HTTP/1.1 protocol',
    ],
    ['hangs up', (socket) => socket.destroy(), 'other side closed'],
    [
      'sends headers without end',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`),
      'Headers Overflow Error',
    ],
  ])('that %s is asked later, and nothing waits for it', async (_, misbehave, error) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => misbehave(socket));
    });
    const port = await listen(server);
    ended.push(() => server.close());
    const at = installation(
      `  - { name: bad, url: 'http://127.0.0.1:${port}/', timeout: 1s }\n  - { name: good, command: [PROGRAM] }\n`,
    );
    const good = program(at, 'good');
    writeFileSync(at.config, readFileSync(at.config, 'utf8').replace('PROGRAM', good));
    at.start();
    block(at, 'alice@example.net');
    await expect.poll(() => told(at).length, patience).toBe(1);
    await expect.poll(() => waiting(at)[0]?.lastError, patience).toContain(error);
    expect(waiting(at)).toMatchObject([{ hook: 'bad', waiting: 1 }]);
    const { status, out } = await at.run('status');
    expect(status).toBe(1);
    // On a busy machine it has asked again meanwhile.
    const [, said] = /hook bad: 1 event waiting, \d+ attempts?: (.*)/.exec(out) ?? [];
    expect(said).toContain(error);
  });

  it('that refuses one event gets the others', async () => {
    const server = await receiver();
    server.answer = (response) =>
      void response.writeHead(server.received.length === 1 ? 422 : 200).end('no');
    const at = installation(`  - { name: tickets, url: '${server.url}' }\n`);
    block(at, 'alice@example.net');
    block(at, 'bob@example.net');
    at.start();
    await expect.poll(() => server.received.length, patience).toBe(2);
    await expect
      .poll(() => waiting(at), patience)
      .toMatchObject([{ waiting: 1, lastError: 'HTTP 422' }]);
  });

  it('that has moved is not followed', async () => {
    const target = await receiver();
    const server = await receiver();
    server.answer = (response) => void response.writeHead(307, { Location: target.url }).end();
    const at = installation(`  - { name: tickets, url: '${server.url}' }\n`);
    at.start();
    block(at, 'alice@example.net');
    await expect
      .poll(() => waiting(at)[0]?.lastError, patience)
      .toBe('HTTP 307: it has moved, name the new address');
    expect(target.received).toEqual([]);
  });
});

describe('a command', () => {
  it('gets the event on standard input, and nothing of our environment', async () => {
    const at = installation(`  - { name: kick, command: [PROGRAM, '$(id)'], events: [block] }\n`);
    const path = program(
      at,
      'kick',
      `cat > ${at.path('told')}; env > ${at.path('env')}; echo "$1" > ${at.path('word')}`,
    );
    writeFileSync(at.config, readFileSync(at.config, 'utf8').replace('PROGRAM', path));
    at.start();
    await at.run('block', 'alice@example.net');
    await at.run('unblock', 'alice@example.net');
    await expect.poll(() => existsSync(at.path('word')), patience).toBe(true);
    expect(told(at)).toMatchObject([{ event: 'block', identity: 'alice@example.net' }]);
    expect(readFileSync(at.path('word'), 'utf8')).toBe('$(id)\n');
    expect(readFileSync(at.path('env'), 'utf8')).not.toContain('HOME=');
    expect(readFileSync(at.path('env'), 'utf8')).toContain('POSTERN_EVENT_ID=evt_');
  });

  it.each([
    ['fails', 'echo "no database" >&2; exit 3', 'exit status 3: no database'],
    ['hangs', 'sleep 60', 'took longer than 300ms'],
  ])('that %s is tried again', async (_, script, error) => {
    const at = installation(`  - { name: kick, command: [PROGRAM], timeout: 300ms }\n`);
    const path = program(at, 'kick', script);
    writeFileSync(at.config, readFileSync(at.config, 'utf8').replace('PROGRAM', path));
    const time = { now: systemClock.now() };
    block(at, 'alice@example.net');
    const first = hooksAt(at, time);
    await expect.poll(() => waiting(at)[0]?.lastError, patience).toBe(`${path}: ${error}`);
    await first.end();
    program(at, 'kick');
    time.now += MINUTE;
    const second = hooksAt(at, time);
    await expect.poll(() => told(at).length, patience).toBe(1);
    await second.end();
  });

  it('that is not executable: check and status say so, its events wait', async () => {
    const at = installation(`  - { name: kick, command: [PROGRAM] }\n`);
    writeFileSync(at.path('kick'), '#!/bin/sh\n');
    writeFileSync(at.config, readFileSync(at.config, 'utf8').replace('PROGRAM', at.path('kick')));
    const checked = await at.run('check');
    expect(checked.status).toBe(2);
    expect(checked.out).toContain(`hooks: hook kick: ${at.path('kick')} is not a program that`);
    at.start();
    block(at, 'alice@example.net');
    await expect
      .poll(() => waiting(at)[0]?.lastError, patience)
      .toBe(`${at.path('kick')}: cannot be started: EACCES`);
  });
});

it('without hooks, nothing is kept for one that is set up later', async () => {
  const at = installation('  []\n');
  block(at, 'alice@example.net');
  at.start();
  await expect.poll(() => at.withStore((s) => s.occurrences.waiting()), patience).toEqual([]);
  expect(waiting(at)).toEqual([]);
});

it('drops what waits for a hook that is gone from the configuration', async () => {
  const at = installation(`  - { name: gone, url: 'http://127.0.0.1:9/' }\n`);
  const time = { now: systemClock.now() };
  block(at, 'alice@example.net');
  const before = hooksAt(at, time);
  await expect.poll(() => waiting(at).length, patience).toBe(1);
  await before.end();
  writeFileSync(at.config, readFileSync(at.config, 'utf8').replace(/hooks:[\s\S]*/, ''));
  at.start();
  await expect.poll(() => waiting(at), patience).toEqual([]);
});

it('is told of the cap once an hour, whatever the flood', async () => {
  const server = await receiver();
  const at = installation(`  - { name: tickets, url: '${server.url}', events: [cap] }\n`);
  const time = { now: systemClock.now() };
  const verdict = {
    rule: 'invalid-recipients',
    action: 'block' as const,
    key: { type: 'user' as const, id: 'alice@example.net' },
    time: time.now,
    source: 'mail.log',
    line: 1,
    offset: 0,
    count: 100,
    limit: 100,
    period: HOUR,
  };
  at.withStore((store) =>
    store.commit(() => {
      const id = store.verdicts.insert(verdict, 'capped', 0);
      for (let count = 0; count < 500; count++)
        store.occurrences.add('cap', { verdict: id }, time.now + count);
      store.occurrences.add('cap', { verdict: id }, time.now + HOUR + SECOND);
    }),
  );
  const { end } = hooksAt(at, time);
  await expect.poll(() => at.withStore((s) => s.occurrences.waiting()), patience).toEqual([]);
  await expect.poll(() => server.received.length, patience).toBe(2);
  await end();
  expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
    event: 'cap',
    text: 'the cap of 10 blocks an hour is reached, alice@example.net is not blocked',
    verdict: { rule: 'invalid-recipients', count: 100, period: '1h' },
  });
});

it('drops an event that nobody took in the time that events are kept', () => {
  const at = installation(`  - { name: tickets, url: 'http://127.0.0.1:9/' }\n`);
  at.withStore((store) => {
    const message = { subject: 's', text: '{}' };
    store.hooks.queue('tickets').add({ ...message, messageId: 'old', created: DAY });
    store.hooks.queue('tickets').add({ ...message, messageId: 'new', created: 3 * DAY });
    store.hooks.prune(2 * DAY);
    expect(store.hooks.waiting()).toMatchObject([{ waiting: 1 }]);
  });
});

it('gets what happened before the service was killed, with the same number', async () => {
  const server = await receiver();
  server.answer = () => {};
  const postern = setUpPostern(`logs: [ mail.log ]
database: postern.db
mode: observe
trustedNetworks: []
hooks:
  - { name: tickets, url: '${server.url}' }
`);
  ended.push(() => postern.remove());
  writeFileSync(`${postern.path}/mail.log`, '');
  await postern.start();
  await postern.command('block', 'alice@example.net');
  await expect.poll(() => server.received.length, patience).toBe(1);
  const store = new Store(`${postern.path}/postern.db`);
  process.kill(store.state.read('daemon')?.pid as number, 'SIGKILL');
  await postern.stop();
  server.answer = (response) => void response.writeHead(200).end();
  makeDue(`${postern.path}/postern.db`);
  expect(store.hooks.waiting()).toMatchObject([{ waiting: 1, attempts: 1 }]);
  store.close();
  await postern.start();
  await expect.poll(() => server.received.length, patience).toBe(2);
  const [first, second] = server.received.map(({ headers }) => headers['webhook-id']);
  expect(second).toBe(first);
});
