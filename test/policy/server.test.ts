/** The service on real sockets: many peers, bad peers, its start and its end. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ListenAddress, parseListenAddress } from '../../src/base/listen-address.ts';
import type { Log } from '../../src/base/log.ts';
import type { Decide } from '../../src/policy/connection.ts';
import { LONGEST_POLICY_REQUEST } from '../../src/policy/request.ts';
import { PolicyServer } from '../../src/policy/server.ts';
import { exchange, requestText } from './client.ts';

const DUNNO = 'action=DUNNO\n\n';
const held = (user: string) => `action=HOLD ${user}\n\n`;

let folder: string;
let path: string;
let ends: (() => Promise<void>)[];
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-policy-'));
  path = join(folder, 'policy');
  ends = [];
  lines = [];
});
afterEach(async () => {
  for (const end of ends) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** Answers with the user of the request. */
const named: Decide = ({ user }) => (user === 'bug' ? fail() : `HOLD ${user}`);
function fail(): never {
  throw new Error('a bug');
}

function start(listen: ListenAddress = { kind: 'unix', path }, group?: string, lookAgain?: number) {
  const say = (_: unknown, text: string) => void lines.push(text);
  const log = { debug: say, info: say, warn: say, error: say } as unknown as Log;
  const often = lookAgain === undefined ? {} : { lookAgain };
  const server = new PolicyServer({ listen, group, decide: named, log, ...often });
  const controller = new AbortController();
  const done = server.run(controller.signal);
  const stop = async () => {
    controller.abort();
    await done;
  };
  ends.push(stop);
  return { server, stop };
}

async function listening(listen?: ListenAddress, group?: string) {
  const started = start(listen, group);
  await expect.poll(() => lines).toContain('policy service');
  return started;
}

/** A connection that stays open. */
async function peer(): Promise<{ socket: Socket; answers: () => string; isOpen: () => boolean }> {
  const socket = connect(path).setEncoding('latin1');
  let text = '';
  let isOpen = true;
  socket.on('data', (more) => (text += more)).on('error', () => {});
  socket.on('close', () => (isOpen = false));
  await new Promise((resolve) => socket.once('connect', resolve));
  ends.unshift(async () => void socket.destroy());
  return { socket, answers: () => text, isOpen: () => isOpen };
}

describe('on a connection', () => {
  it('answers one request after the other', async () => {
    await listening();
    const { socket, answers } = await peer();
    for (const user of ['a', 'b', 'c']) {
      socket.write(requestText({ sasl_username: user }));
      await expect.poll(answers).toContain(held(user));
    }
    expect(answers()).toBe(held('a') + held('b') + held('c'));
  });

  it.each([
    [
      'pipelined requests',
      requestText({ sasl_username: 'a' }) + requestText({ sasl_username: 'b' }),
      held('a') + held('b'),
    ],
    [
      'nonsense with DUNNO, and goes on',
      `nonsense\n\n${requestText({ sasl_username: 'a' })}`,
      DUNNO + held('a'),
    ],
    [
      'a request that meets a bug with DUNNO',
      requestText({ sasl_username: 'bug' }) + requestText({ sasl_username: 'a' }),
      DUNNO + held('a'),
    ],
    ['half a request with nothing', requestText().slice(0, 100), ''],
    ['a request without end with DUNNO, and leaves', 'x'.repeat(2 * LONGEST_POLICY_REQUEST), DUNNO],
  ])('answers %s', async (_, text, expected) => {
    await listening();
    expect(await exchange({ path }, text)).toBe(expected);
  });

  it('gives the same answers whatever the portions', async () => {
    await listening();
    const text = ['a', 'b'].map((user) => requestText({ sasl_username: user })).join('\n\n');
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const portions: string[] = [];
        let rest = text;
        for (const length of lengths) {
          portions.push(rest.slice(0, length));
          rest = rest.slice(length);
        }
        portions.push(rest);
        expect(await exchange({ path }, ...portions)).toBe(held('a') + DUNNO + DUNNO + held('b'));
      }),
      { numRuns: 30 },
    );
  });

  it('survives any bytes', async () => {
    await listening();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        const answers = await exchange({ path }, Buffer.from(bytes).toString('latin1'));
        expect(answers.replaceAll(DUNNO, '')).toBe('');
      }),
      { numRuns: 50 },
    );
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });

  it('serves many at once', async () => {
    await listening();
    const users = Array.from({ length: 300 }, (_, index) => `user${index}`);
    const answers = await Promise.all(
      users.map((user) => exchange({ path }, requestText({ sasl_username: user }).repeat(3))),
    );
    expect(answers).toEqual(users.map((user) => held(user).repeat(3)));
  });

  it('does not read from a peer that does not read', async () => {
    await listening();
    const { socket } = await peer();
    socket.pause();
    socket.write('\n'.repeat(4_000_000)); // each byte is worth an answer of 15
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(socket.writableLength).toBeGreaterThan(0);
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });

  it('continues when a peer breaks off', async () => {
    await listening();
    const { socket } = await peer();
    socket.write(requestText().repeat(1000));
    socket.destroy();
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });
});

describe('the end', () => {
  it('closes idle connections, removes the socket, and accepts no new ones', async () => {
    const { stop } = await listening();
    const { socket, isOpen, answers } = await peer();
    socket.write(requestText({ sasl_username: 'a' }));
    await expect.poll(answers).toBe(held('a'));
    await stop();
    await expect.poll(isOpen).toBe(false);
    await expect(exchange({ path }, requestText())).rejects.toThrow(/ENOENT/);
  });

  it('answers the request that is under way', async () => {
    const { stop } = await listening();
    const { socket, answers, isOpen } = await peer();
    const text = requestText({ sasl_username: 'a' });
    socket.write(text.slice(0, 100));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const stopped = stop();
    socket.write(text.slice(100));
    await stopped;
    await expect.poll(isOpen).toBe(false);
    expect(answers()).toBe(held('a'));
  });

  it('does not wait for a peer that does not finish', async () => {
    const { stop } = await listening();
    const { socket, isOpen } = await peer();
    socket.write('request=');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await stop();
    await expect.poll(isOpen).toBe(false);
  });
});

describe('the place', () => {
  it('is open for every account that may enter the folder, or for a group', async () => {
    const { stop } = await listening();
    expect(statSync(path).mode & 0o777).toBe(0o666);
    await stop();
    lines = [];
    await listening({ kind: 'unix', path }, String(process.getgid?.()));
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(statSync(path).gid).toBe(process.getgid?.());
  });

  it('may be a loopback port', async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const { port } = probe.address() as { port: number };
    await new Promise((resolve) => probe.close(resolve));
    await listening({ kind: 'inet', host: '127.0.0.1', port });
    expect(await exchange({ host: '127.0.0.1', port }, requestText({ sasl_username: 'a' }))).toBe(
      held('a'),
    );
  });

  it('is taken over from a process that was killed', async () => {
    await leaveSocket(path);
    await listening();
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });

  it.each([
    ['a file that is there', () => writeFileSync(path, 'precious'), /not a socket/],
    ['a folder that is there', () => mkdirSync(path), /not a socket/],
    [
      'a folder that is missing',
      () => (path = join(folder, 'missing/policy')),
      /the folder .* is missing/,
    ],
  ])('is left alone: %s', async (_, prepare, reason) => {
    prepare();
    const { server, stop } = start();
    await expect.poll(() => server.failure).toMatch(reason);
    expect(lines).toEqual(['no policy service, will try again']);
    await stop();
    expect(statSync(path, { throwIfNoEntry: false })?.isSocket()).not.toBe(true);
  });

  it('is left alone when another process listens there', async () => {
    await listening();
    const second = start();
    await expect.poll(() => second.server.failure).toMatch(/another process listens/);
    await second.stop();
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });

  it('is not opened to a group that does not exist', async () => {
    const { server } = start({ kind: 'unix', path }, 'no-such-group');
    await expect.poll(() => server.failure).toMatch(/there is no group no-such-group/);
    await expect.poll(() => statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('is tried again until it is free', async () => {
    path = join(folder, 'later/policy');
    const { server } = start();
    await expect.poll(() => server.failure).toMatch(/missing/);
    mkdirSync(join(folder, 'later'));
    await expect.poll(() => lines, { timeout: 30_000 }).toContain('policy service');
    expect(server.failure).toBeUndefined();
    expect(await exchange({ path }, requestText({ sasl_username: 'a' }))).toBe(held('a'));
  });
});

describe('a socket that is lost', () => {
  const asked = () => exchange({ path }, requestText({ sasl_username: 'a' })).catch(String);
  const lost = 'policy service: somebody deleted the socket';

  async function watched() {
    const started = start(undefined, undefined, 5);
    await expect.poll(() => lines).toContain('policy service');
    return started;
  }

  it('is made again, and open connections are kept', async () => {
    const { server, stop } = await watched();
    const { socket, answers, isOpen } = await peer();
    rmSync(path);
    await expect.poll(asked).toBe(held('a'));
    expect(lines).toEqual(['policy service', lost, 'policy service']);
    expect(server.failure).toBeUndefined();
    expect(statSync(path).mode & 0o777).toBe(0o666);
    socket.write(requestText({ sasl_username: 'b' }));
    await expect.poll(answers).toBe(held('b'));
    socket.write('request=');
    await new Promise((resolve) => setTimeout(resolve, 20));
    await stop();
    await expect.poll(isOpen).toBe(false);
  });

  it('is reported while its folder is missing', async () => {
    path = join(folder, 'gone/policy');
    mkdirSync(join(folder, 'gone'));
    const { server } = await watched();
    rmSync(join(folder, 'gone'), { recursive: true });
    await expect.poll(() => server.failure).toMatch(/the folder .* is missing/);
    expect(lines).toEqual(['policy service', 'no policy service, will try again']);
    mkdirSync(join(folder, 'gone'));
    await expect.poll(asked).toBe(held('a'));
    expect(server.failure).toBeUndefined();
  });

  it('is reported while another process listens there, which is left alone', async () => {
    const { server } = await watched();
    rmSync(path);
    const other = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('other'),
    );
    await new Promise<void>((resolve) => other.listen(path, resolve));
    await expect.poll(() => server.failure).toMatch(/another process listens/);
    expect(await asked()).toBe('other');
    await new Promise((resolve) => other.close(resolve));
    await expect.poll(asked).toBe(held('a'));
  });

  it('is known after its mode was changed', async () => {
    const { server } = await watched();
    chmodSync(path, 0o600);
    await new Promise((resolve) => setTimeout(resolve, 50)); // some looks
    expect(server.failure).toBeUndefined();
    expect(lines).toEqual(['policy service']);
  });
});

describe('an address', () => {
  it.each([
    ['unix:/run/postern/policy', { kind: 'unix', path: '/run/postern/policy' }],
    ['inet:127.0.0.1:10040', { kind: 'inet', host: '127.0.0.1', port: 10040 }],
    ['inet:[::1]:10040', { kind: 'inet', host: '::1', port: 10040 }],
    ['inet:localhost:10040', { kind: 'inet', host: 'localhost', port: 10040 }],
    ['unix:private/policy', undefined],
    ['unix:/run/postern/', undefined],
    ['unix:/run/a b', undefined],
    [`unix:/${'x'.repeat(107)}`, undefined],
    ['inet:0.0.0.0:10040', undefined],
    ['inet:192.0.2.1:10040', undefined],
    ['inet:127.0.0.999:10040', undefined],
    ['inet:127.0.0.1:0', undefined],
    ['inet:127.0.0.1:65536', undefined],
    ['inet:127.0.0.1', undefined],
    ['/run/postern/policy', undefined],
  ])('%s', (text, expected) => {
    expect(parseListenAddress(text)).toEqual(expected);
  });
});

/** A socket file without a process behind it, as kill -9 leaves one: Node removes it, a link to it stays. */
async function leaveSocket(at: string): Promise<void> {
  const { linkSync } = await import('node:fs');
  const first = `${at}.first`;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first, resolve));
  linkSync(first, at);
  chmodSync(at, 0o666);
  await new Promise((resolve) => server.close(resolve));
}
