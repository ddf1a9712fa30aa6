/** The milter's server on real sockets: its places, many peers, bad peers, reload and end. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  formatListenAddress,
  type ListenAddress,
  parseMilterAddress,
} from '../../src/base/listen-address.ts';
import type { Log } from '../../src/base/log.ts';
import type { SocketAccess } from '../../src/base/socket.ts';
import { CONTINUE, type MilterHandler, reject, type Verdict } from '../../src/milter/handler.ts';
import { probeMilter } from '../../src/milter/probe.ts';
import { MilterServer } from '../../src/milter/server.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { freePorts, isRoot } from '../support/server.ts';
import {
  BEGIN,
  CONNECT,
  frame,
  MESSAGE,
  mail,
  noting,
  offer,
  openPeer,
  QUIT,
  rcpt,
} from './peer.ts';

let folder: Folder;
let servers: MilterServer[];
let lines: string[];

beforeEach(() => {
  folder = scratchFolder();
  servers = [];
  lines = [];
});
afterEach(async () => {
  for (const server of servers) await server.end(0);
  folder.remove();
});

const unix = (name = 'milter'): ListenAddress => ({ kind: 'unix', path: folder.at(name) });
const OPEN: SocketAccess = { mode: 0o660 };

async function start(
  handler: MilterHandler = noting().handler,
  {
    listen = [unix()],
    access = OPEN,
    most,
  }: { listen?: ListenAddress[]; access?: SocketAccess; most?: number } = {},
): Promise<MilterServer> {
  const say = (data: object, text: string) => void lines.push(`${text} ${JSON.stringify(data)}`);
  const log = { debug: () => {}, info: say, warn: say, error: say } as unknown as Log;
  const limit = most === undefined ? {} : { mostConnections: most };
  const server = new MilterServer({ handler, log, ...limit });
  servers.push(server);
  await server.listen({ listen, access });
  return server;
}

async function listening(...args: Parameters<typeof start>): Promise<MilterServer> {
  const server = await start(...args);
  await expect.poll(() => server.isListening).toBe(true);
  return server;
}

describe('an address', () => {
  it.each([
    ['unix:/run/m', 'unix:/run/m'],
    ['local:/run/m', 'unix:/run/m'],
    ['inet:127.0.0.1:8900', 'inet:127.0.0.1:8900'],
    ['inet:8900@127.0.0.1', 'inet:127.0.0.1:8900'],
    ['inet:8900@[127.0.0.1]', 'inet:127.0.0.1:8900'],
    ['inet:localhost:8900', 'inet:localhost:8900'],
    ['inet6:8900@::1', 'inet:[::1]:8900'],
    ['inet:[::1]:8900', 'inet:[::1]:8900'],
    ['inet:192.0.2.7:8900', 'inet:192.0.2.7:8900'],
    ['unix:run/m', undefined],
    ['/run/m', undefined],
    ['unix:/run/', undefined],
    [`unix:/${'x'.repeat(120)}`, undefined],
    ['inet:127.0.0.1', undefined],
    ['inet:8900', undefined],
    ['inet:127.0.0.1:0', undefined],
    ['inet:127.0.0.1:70000', undefined],
    ['inet:mail.example:8900', undefined],
    ['inet:8900@mail.example', undefined],
    ['inet:::1:8900', undefined],
    ['', undefined],
  ])('%s is %s', (text, expected) => {
    const address = parseMilterAddress(text);
    expect(address && formatListenAddress(address)).toBe(expected);
  });
});

describe('the places', () => {
  it('are several, unix and inet', async () => {
    const [port] = (await freePorts(1)) as [number];
    const inet: ListenAddress = { kind: 'inet', host: '127.0.0.1', port };
    const listen = [unix('a'), unix('b'), inet];
    const server = await listening(undefined, { listen });
    for (const address of listen) expect(await probeMilter(address)).toBeUndefined();
    expect(server.listPlaces()).toEqual(
      listen.map((address) => ({ address: formatListenAddress(address), isListening: true })),
    );
  });

  it('have their mode from the first moment, and no other file beside them', async () => {
    await listening(undefined, { access: { mode: 0o600 } });
    expect(statSync(folder.at('milter')).mode & 0o7777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['milter']);
  });

  it.runIf(isRoot())('have their owner and group, or the group of the folder', async () => {
    await listening(undefined, { access: { owner: 'nobody', group: 'daemon', mode: 0o660 } });
    expect(statSync(folder.at('milter'))).toMatchObject({ uid: 65_534, gid: 1 });
    mkdirSync(folder.at('sub'));
    chownSync(folder.at('sub'), 0, 1);
    chmodSync(folder.at('sub'), 0o2750);
    await listening(undefined, { listen: [unix('sub/milter')] });
    expect(statSync(folder.at('sub/milter'))).toMatchObject({ uid: 0, gid: 1 });
  });

  it.each([
    ['a file that is there', () => writeFileSync(folder.at('milter'), 'precious'), /not a socket/],
    ['a group that is unknown', undefined, /there is no group no-such-group/],
  ])('stay as they are: %s', async (_, prepare, why) => {
    prepare?.();
    const access = prepare === undefined ? { group: 'no-such-group', mode: 0o660 } : OPEN;
    const server = await start(undefined, { access });
    await expect.poll(() => server.listPlaces()[0]?.failure).toMatch(why);
    expect(readdirSync(folder.path)).toEqual(prepare === undefined ? [] : ['milter']);
  });

  it('change while it runs: open sessions go on', async () => {
    const server = await listening();
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail());
    await expect.poll(peer.replies).toEqual([...'Occ', 'c']);
    await server.listen({ listen: [unix('other')], access: OPEN });
    await expect.poll(() => server.isListening).toBe(true);
    expect(readdirSync(folder.path)).toEqual(['other']);
    expect(await probeMilter(unix('other'))).toBeUndefined();
    peer.write(rcpt());
    await expect.poll(peer.replies).toHaveLength(5);
  });

  it('are free for another process at once, while open sessions are served', async () => {
    const first = await listening(noting({ rcpt: () => reject('5.1.1', 'first') }).handler);
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail());
    await expect.poll(peer.replies).toHaveLength(4);
    const ended = first.end(10_000);
    await expect.poll(() => readdirSync(folder.path)).toEqual([]);
    const second = await listening(noting({ rcpt: () => reject('5.1.1', 'second') }).handler);
    const other = await openPeer(unix());
    other.write(BEGIN + mail() + rcpt());
    await expect.poll(() => other.replies().at(-1)).toBe('y 550 5.1.1 second|');
    peer.write(rcpt());
    await expect.poll(() => peer.replies().at(-1)).toBe('y 550 5.1.1 first|');
    peer.write(QUIT);
    await ended;
    expect(await probeMilter(unix())).toBeUndefined();
    expect(second.isListening).toBe(true);
  });

  it('are not deleted when another process has taken them', async () => {
    const server = await listening();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(folder.at('new'), resolve));
    renameSync(folder.at('new'), folder.at('milter'));
    await server.end(0);
    expect(readdirSync(folder.path)).toEqual(['milter']);
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('the end', () => {
  it('cuts off who stays longer than the patience', async () => {
    const server = await listening();
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail());
    await expect.poll(peer.replies).toHaveLength(4);
    await server.end(20);
    await expect.poll(peer.isOpen).toBe(false);
  });

  it('waits for nobody when nobody is there', async () => {
    await (await listening()).end(60_000);
  });
});

describe('a new handler', () => {
  it('gets the next message of an open session', async () => {
    const refusing = (text: string) => noting({ rcpt: () => reject('5.1.1', text) }).handler;
    const server = await listening(refusing('old'));
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail());
    await expect.poll(peer.replies).toHaveLength(4);
    server.setHandler(refusing('new'));
    peer.write(rcpt() + mail() + rcpt());
    await expect
      .poll(peer.replies)
      .toEqual([...'Occ', 'c', 'y 550 5.1.1 old|', 'c', 'y 550 5.1.1 new|']);
  });
});

describe('peers', () => {
  it('are served side by side, hundreds of them', async () => {
    const { handler } = noting({
      rcpt: ({ localPart }) => (localPart === 'no' ? reject('5.1.1', 'no') : CONTINUE),
    });
    const server = await listening(handler);
    const peers = await Promise.all(Array.from({ length: 300 }, () => openPeer(unix())));
    for (const peer of peers) peer.write(BEGIN + mail() + rcpt('<no@b>') + rcpt());
    for (const peer of peers)
      await expect.poll(peer.replies).toEqual([...'Occ', 'c', 'y 550 5.1.1 no|', 'c']);
    expect(server.counters).toMatchObject({ sessions: 300, open: 300, recipients: 600 });
    for (const peer of peers) peer.write(QUIT);
    await expect.poll(() => server.counters.open).toBe(0);
  });

  it.each([
    ['length 0', '\0\0\0\0'],
    ['4 GiB', '\xff\xff\xff\xff'],
    ['out of order', BEGIN + rcpt()],
    ['an unknown command', BEGIN + frame('!')],
    ['text', 'EHLO mail.example\r\n'],
    ['macros without end', BEGIN + frame('D', `M${'a\0b\0'.repeat(20_000)}`)],
  ])('that send %s end only themselves', async (_, bytes) => {
    const server = await listening();
    const good = await openPeer(unix());
    good.write(BEGIN + mail());
    const bad = await openPeer(unix());
    bad.write(bytes);
    await expect.poll(bad.isOpen).toBe(false);
    good.write(rcpt());
    await expect.poll(good.replies).toHaveLength(5);
    expect(server.counters.broken).toBe(1);
    expect(lines.filter((line) => /not the milter protocol/.test(line))).toHaveLength(1);
  });

  it('that break the protocol again and again are logged once', async () => {
    const server = await listening();
    for (let count = 0; count < 20; count++) {
      const bad = await openPeer(unix());
      bad.write('\0\0\0\0');
      await expect.poll(bad.isOpen).toBe(false);
    }
    expect(server.counters.broken).toBe(20);
    expect(lines.filter((line) => /not the milter protocol/.test(line))).toHaveLength(1);
  });

  it('that flood and never read do not fill the memory, and disturb nobody', async () => {
    await listening();
    const bad = await openPeer(unix());
    bad.socket.pause();
    bad.write(BEGIN);
    const before = process.memoryUsage().rss;
    let accepted = 0;
    const flood = MESSAGE.repeat(2000);
    const pump = () => {
      while (accepted < 400 && bad.write(flood)) accepted++;
    };
    bad.socket.on('drain', pump);
    pump();
    const good = await openPeer(unix());
    good.write(BEGIN + MESSAGE);
    await expect.poll(good.replies).toHaveLength(7);
    expect(accepted).toBeLessThan(400);
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it('that send ahead of a slow handler wait in order', async () => {
    const waiting: (() => void)[] = [];
    const { handler } = noting({
      rcpt: () => new Promise<Verdict>((resolve) => waiting.push(() => resolve(CONTINUE))),
    });
    await listening(handler);
    const peer = await openPeer(unix());
    peer.write(BEGIN + mail() + rcpt().repeat(500));
    for (let count = 0; count < 500; count++) {
      await expect.poll(() => waiting.length).toBeGreaterThan(0);
      waiting.shift()?.();
    }
    await expect.poll(peer.replies).toHaveLength(504);
  });

  it('stay connected as long as they like', async () => {
    const server = await listening();
    const peer = await openPeer(unix());
    peer.write(offer() + CONNECT);
    await expect.poll(peer.replies).toHaveLength(2);
    expect(peer.socket.timeout ?? 0).toBe(0);
    peer.write(frame('H', 'x\0'));
    await expect.poll(peer.replies).toHaveLength(3);
    expect(server.counters.open).toBe(1);
  });
});

describe('too many peers', () => {
  it('are told to come again, those far beyond are cut off', async () => {
    const server = await listening(undefined, { most: 10 });
    const peers = await Promise.all(Array.from({ length: 10 }, () => openPeer(unix())));
    for (const peer of peers) peer.write(BEGIN);
    for (const peer of peers) await expect.poll(peer.replies).toEqual([...'Occ']);
    const polite = await openPeer(unix());
    polite.write(offer() + CONNECT);
    await expect
      .poll(polite.replies)
      .toEqual(['O', 'y 421 4.3.2 Too many connections, please try again later|']);
    const rude = await openPeer(unix());
    await expect.poll(rude.isOpen).toBe(false);
    expect(server.counters.refusedConnections).toBe(2);
    polite.write(QUIT);
    peers[0]?.write(QUIT);
    await expect.poll(() => server.counters.open).toBe(9);
    const next = await openPeer(unix());
    next.write(BEGIN + mail());
    await expect.poll(next.replies).toEqual([...'Occ', 'c']);
  });
});

describe('the probe of postern check', () => {
  it.each([
    ['nothing there', undefined, /does not exist/],
    ['another kind of server', 'HTTP/1.1 400 Bad Request\r\n', /is not a milter/],
    ['another answer', '\0\0\0\x01c', /is not a milter/],
    ['closes', '', /closes the connection/],
  ])('%s', async (_, answer, why) => {
    const other = createServer((socket) => {
      socket.on('error', () => {}).on('data', () => socket.end(answer ?? '', 'latin1'));
    });
    if (answer !== undefined)
      await new Promise<void>((resolve) => other.listen(folder.at('milter'), resolve));
    expect(await probeMilter(unix())).toMatch(why);
    await new Promise((resolve) => other.close(resolve));
  });

  it('finds a socket without a process', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(folder.at('x'), resolve));
    renameSync(folder.at('x'), folder.at('milter'));
    await new Promise((resolve) => other.close(resolve));
    expect(await probeMilter(unix())).toMatch(/nobody listens/);
    await listening();
    expect(await probeMilter(unix())).toBeUndefined();
  });
});
