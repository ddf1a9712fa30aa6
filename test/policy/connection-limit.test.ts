/** More connections than the policy service keeps. */
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { serve } from '../../src/policy/connection.ts';
import { PolicyServer } from '../../src/policy/server.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { requestText } from './client.ts';

const HELD = 'action=HOLD\n\n';

let folder: Folder;
let said: unknown[];
let sockets: Socket[];
let stop: () => Promise<void>;

beforeEach(async () => {
  folder = scratchFolder('postern-policy-');
  said = [];
  sockets = [];
  const say = (...words: unknown[]) => void said.push(words.at(-1));
  const controller = new AbortController();
  const done = new PolicyServer({
    listen: { kind: 'unix', path: folder.at('policy') },
    decide: () => 'HOLD',
    log: { info: say, warn: say, error: say } as unknown as Log,
    mostConnections: 3,
  }).run(controller.signal);
  stop = async () => {
    controller.abort();
    await done;
  };
  await until('the service', () => said.includes('policy service'));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await stop();
  folder.remove();
});

async function connected(): Promise<Socket> {
  const socket = connect(folder.at('policy')).setEncoding('latin1');
  socket.on('error', () => {});
  sockets.push(socket);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

async function ask(socket: Socket): Promise<string> {
  const answer = new Promise<string>((resolve) =>
    socket.once('data', (text) => resolve(`${text}`)),
  );
  socket.write(requestText({ sasl_username: 'a' }));
  return answer;
}

it('the one that has been unused longest is closed for one more', async () => {
  const first = await connected();
  const second = await connected();
  expect(await ask(second)).toBe(HELD);
  expect(await ask(first)).toBe(HELD);
  const idle = await connected();
  const fourth = await connected();
  await until('the second to be closed', () => second.destroyed);
  expect(await ask(fourth)).toBe(HELD);
  expect(await ask(first)).toBe(HELD);
  expect(idle.destroyed).toBe(false);
});

it('idle connections do not keep a mail server from its answer, and it is logged once', async () => {
  for (let count = 0; count < 50; count++) await connected();
  expect(await ask(await connected())).toBe(HELD);
  const crowded = said.filter((text) => String(text).includes('too many connections'));
  expect(crowded).toHaveLength(1);
});

it('a peer that sends no request is disconnected, one that has sent one stays', async () => {
  const server = createServer((socket) => void serve(socket, () => 'HOLD', 100));
  await new Promise<void>((resolve) => server.listen(folder.at('other'), resolve));
  const [silent, asking] = [0, 1].map(() => connect(folder.at('other'))) as [Socket, Socket];
  sockets.push(silent, asking);
  expect(await ask(asking.setEncoding('latin1'))).toBe(HELD);
  await until('the silent one to be left', () => silent.resume().destroyed);
  expect(asking.destroyed).toBe(false);
  server.close();
});
