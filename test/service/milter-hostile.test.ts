/** `postern milter` with both jobs as a process, among hostile peers and reloads: nobody else notices. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ListenAddress } from '../../src/base/listen-address.ts';
import { readMilterState } from '../../src/daemon/milter/state.ts';
import { ABORT, DATA, frame, mail, offer, openPeer, QUIT, rcpt } from '../milter/peer.ts';
import { type BackEnd, startBackEnd } from '../support/back-end.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';

const PROGRAM = resolve('dist/cli/main.js'); // scripts/prepare.mjs builds it before the tests
/** A client of the internet. */
const CLIENT = frame('C', 'client.example\x004\xd2\x78198.51.100.7\0');
const MESSAGE = `${mail()}${rcpt('<good@example.net>')}${rcpt('<bad@example.net>')}${DATA}`;
const ANSWERS = ['c', 'y 550 5.1.1 User unknown|', 'a'];

let folder: Folder;
let backEnd: BackEnd;
let child: ChildProcess;
let log = '';

beforeEach(async () => {
  folder = scratchFolder();
  backEnd = await startBackEnd();
  writeFileSync(folder.at('keys'), '4 correct horse\n', { mode: 0o600 });
  configure('1d');
  const argv = [PROGRAM, 'milter', '--config', folder.at('postern.yaml')];
  child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  log = '';
  child.stderr?.on('data', (chunk) => (log += chunk));
  await logged('"listen":"unix:');
});
afterEach(async () => {
  child.kill('SIGKILL');
  await backEnd.stop();
  folder.remove();
});

const unix = (): ListenAddress => ({ kind: 'unix', path: folder.at('milter') });
const logged = (text: string, times = 1) =>
  until(text, () => log.split(text).length > times, { evidence: () => log });

/** `valid`: a lifetime, so that something about recipients has changed. */
function configure(valid: string): void {
  folder.write(
    'postern.yaml',
    `milter:
  listen: unix:${folder.at('milter')}
  state: state.json
  recipients:
    database: answers.db
    cache: { valid: ${valid} }
    attack: { perConnection: 0, perClient: 0 }
    domains: [ { domain: example.net, servers: '[127.0.0.1]:${backEnd.port}' } ]
  returnPath: { domains: [ example.net ], keys: keys, record: record.json, mode: sign }
`,
  );
}

/** A session like any other: asks, and waits for the answers. */
async function session() {
  const peer = await openPeer(unix());
  peer.write(offer() + CLIENT);
  await expect.poll(() => peer.replies().length).toBe(1);
  let expected = 1;
  const message = async () => {
    peer.write(ABORT + MESSAGE);
    expected += ANSWERS.length;
    await until('the answers', () => peer.replies().length >= expected, { evidence: () => log });
    return peer.replies().slice(-ANSWERS.length);
  };
  return { peer, message };
}

describe('a hostile peer', () => {
  const begin = offer() + CLIENT;
  it.each([
    ['a length of 4 GB', '\xff\xff\xff\xffR'],
    ['a length of 0', '\0\0\0\0'],
    ['a length of 4 GB in the middle of a message', `${begin}${mail()}\xff\xff\xff\xffR<a@b>`],
    ['commands out of order', rcpt() + offer()],
    ['no milter protocol', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ])('with %s loses its connection, and nobody else', async (_, bytes) => {
    const good = await session();
    const hostile = await openPeer(unix());
    hostile.write(bytes);
    await until('the end of it', () => !hostile.isOpen());
    expect(await good.message()).toEqual(ANSWERS);
  });

  it('that floods without reading, or stops in the middle of a frame, delays nobody', async () => {
    const good = await session();
    expect(await good.message()).toEqual(ANSWERS);
    const flood = await openPeer(unix());
    flood.socket.pause();
    flood.write(begin + mail());
    const many = Array.from({ length: 2000 }, (_, at) => rcpt(`<bad${at}@example.net>`)).join('');
    for (let count = 0; count < 20; count++) flood.write(many);
    const halves = await Promise.all(
      Array.from({ length: 50 }, async (_, at) => {
        const half = await openPeer(unix());
        half.write((begin + MESSAGE).slice(0, 20 + 3 * at));
        return half;
      }),
    );
    for (let count = 0; count < 20; count++) expect(await good.message()).toEqual(ANSWERS);
    for (const { socket } of [flood, ...halves]) socket.destroy();
    expect(await good.message()).toEqual(ANSWERS);
    await until(
      'the others to be gone',
      () => readMilterState(folder.at('state.json'))?.counters.open === 1,
    );
    expect(child.exitCode).toBeNull();
  });
});

describe('SIGHUP under load', () => {
  it('changes no answer, and loses no session', async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, session));
    let isOver = false;
    const answers: string[][] = [];
    const working = sessions.map(async ({ message }) => {
      while (!isOver) answers.push(await message());
    });
    for (let count = 1; count <= 6; count++) {
      configure(`${count}d`);
      child.kill('SIGHUP');
      await logged('milter reloaded', count);
    }
    isOver = true;
    await Promise.all(working);
    expect(new Set(answers.map((one) => one.join()))).toEqual(new Set([ANSWERS.join()]));
    expect(sessions.every(({ peer }) => peer.isOpen())).toBe(true);
    // The database and the memory in front of it stay: nothing is asked again.
    expect(backEnd.asked.filter((address) => address === 'bad@example.net')).toHaveLength(1);
    for (const { peer } of sessions) peer.write(QUIT);
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });
});
