/**
 * The milter beside the least that Node can do (bare-milter.ts): RCPT commands a second over 200 connections, each waiting
 * for its answer, as Postfix sends them, without jobs and with recipients that are known; messages through a real Postfix
 * without a milter, with the bare one, and with Postern; and what is refused before DATA of a mixture.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { openRecipientStore } from '../src/store/recipients.ts';
import { startBackEnd } from '../test/support/back-end.ts';
import { scratchFolder } from '../test/support/folder.ts';
import { hasPostfix, startPostfix } from '../test/support/postfix.ts';
import { freePorts } from '../test/support/server.ts';
import { SmtpClient } from '../test/support/smtp-client.ts';
import { LONG } from './contestants.ts';
import { cpuOf, median, sleep } from './measure.ts';

const CONNECTIONS = 200;
const ROUNDS = LONG ? 9 : 5;
const SECONDS = LONG ? 5 : 3;
const WARM_UP = 1;
/** Recipients of a message. */
const RECIPIENTS = 50;
const SESSIONS = 10;
const MESSAGES = LONG ? 3000 : 1000;

const frame = (command: string, data = '') => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(1 + data.length);
  return Buffer.concat([head, Buffer.from(command + data, 'latin1')]);
};
const OFFER = frame('O', '\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff');
/** Bits of the answer, negotiation.ts. */
const [NOHELO, NR_CONN, NR_MAIL] = [0x2, 0x1000, 0x4000] as const;
const CONNECT = Buffer.concat([
  frame('D', 'Cj\0mx.example.net\0{daemon_name}\0smtp\0'),
  frame('C', 'client.example.org\x004\xd2\x78192.0.2.7\0'),
]);
const HELO = frame('H', 'client.example.org\0');
/** As Postfix sends it: what is left of the message before, macros, and the command. */
const MAIL = Buffer.concat([
  frame('A'),
  frame('D', 'M{mail_addr}\0x@out.example\0'),
  frame('M', '<x@out.example>\0SIZE=1000\0'),
]);
const RCPTS = Array.from({ length: RECIPIENTS }, (_, at) =>
  Buffer.concat([
    frame('D', `Ri\0ABC${at}DEF\0{rcpt_addr}\0user${at}@in.example\0{rcpt_mailer}\0smtp\0`),
    frame('R', `<user${at}@in.example>\0`),
  ]),
);

/** One connection that asks as fast as it is answered, and only what was negotiated; counts recipients. */
class Client {
  count = 0;
  readonly #socket: Socket;
  #at = -1;
  /** bytes of answers that are still to come: each is 5 long */
  #expected = 0;
  /** bits of the negotiation; undefined before it */
  #protocol: number | undefined;

  constructor(place: string) {
    this.#socket = /^\d+$/.test(place) ? connect(Number(place), '127.0.0.1') : connect(place);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => console.error(error.message));
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.write(OFFER);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    if (this.#protocol === undefined) {
      this.#protocol = bytes.readUInt32BE(13);
      const replies = (this.#hasNot(NR_CONN) ? 1 : 0) + (this.#hasNot(NOHELO) ? 1 : 0);
      this.#socket.write(this.#hasNot(NOHELO) ? Buffer.concat([CONNECT, HELO]) : CONNECT);
      this.#expected = 5 * replies;
      if (replies === 0) this.#ask();
      return;
    }
    this.#expected -= bytes.length;
    if (this.#expected > 0) return;
    if (this.#at >= 0) this.count++;
    this.#at = this.#at + 1 >= RECIPIENTS ? -1 : this.#at + 1;
    this.#ask();
  }

  #ask(): void {
    this.#expected = 5;
    if (this.#at >= 0) return void this.#socket.write(RCPTS[this.#at] as Buffer);
    if (this.#hasNot(NR_MAIL)) return void this.#socket.write(MAIL);
    this.#at = 0;
    this.#socket.write(Buffer.concat([MAIL, RCPTS[0] as Buffer]));
  }

  #hasNot(bit: number): boolean {
    return ((this.#protocol as number) & bit) === 0;
  }
}

interface Measured {
  /** recipients a second */
  readonly rate: number;
  /** microseconds of CPU of the milter for each */
  readonly cpu: number;
}

async function measure(place: string, pid: number): Promise<Measured> {
  const clients = Array.from({ length: CONNECTIONS }, () => new Client(place));
  const total = () => clients.reduce((sum, { count }) => sum + count, 0);
  await sleep(WARM_UP * 1000);
  const [count, cpu, began] = [total(), cpuOf(pid), performance.now()];
  await sleep(SECONDS * 1000);
  const done = total() - count;
  const result = {
    rate: done / ((performance.now() - began) / 1000),
    cpu: ((cpuOf(pid) - cpu) * 1e6) / done,
  };
  for (const client of clients) client.close();
  await sleep(200);
  return result;
}

async function startServer(argv: readonly string[], place: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, argv, { stdio: 'ignore' });
  for (let tries = 0; tries < 200; tries++) {
    if (/^\d+$/.test(place) ? await accepts(Number(place)) : existsSync(place)) return child;
    await sleep(50);
  }
  child.kill();
  throw new Error(`${argv[0]} does not listen`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => done(false));
    socket.on('connect', () => {
      socket.destroy();
      done(true);
    });
  });
}

/** As bin/postern starts it. */
const FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=50'];

/** Starts Postern there; `recipients`: the section. */
async function startPostern(folder: string, place: string, recipients?: string) {
  const listen = /^\d+$/.test(place) ? `inet:${place}@127.0.0.1` : `unix:${place}`;
  const name = join(folder, `milter-${randomBytes(3).toString('hex')}`);
  const section = recipients === undefined ? '' : `, recipients: ${recipients}`;
  writeFileSync(
    `${name}.yaml`,
    `milter: { listen: "${listen}", permissions: "0666", state: ${name}.json${section} }\n`,
  );
  const argv = [...FLAGS, resolve('dist/cli/main.js'), 'milter', '--config', `${name}.yaml`];
  return await startServer(argv, place);
}

/** A database in which these recipients are known. */
function known(folder: string, addresses: readonly string[]): string {
  const database = join(folder, `${randomBytes(3).toString('hex')}.db`);
  const { store } = openRecipientStore(database, 1_000_000);
  store.write(addresses.map((address) => ({ address, isValid: true, time: Date.now() })));
  store.close();
  return `{ database: ${database}, domains: [{ domain: in.example, servers: "[127.0.0.1]:9" }] }`;
}

/** Postern and the bare one in turn, over one kind of socket. */
async function compare(folder: string, kind: 'unix' | 'tcp', job: string, section?: string) {
  const ports = await freePorts(2);
  const [own, bare] = ['own', 'bare'].map((name, at) =>
    kind === 'unix' ? join(folder, `${name}-${job.replaceAll(' ', '-')}`) : String(ports[at]),
  ) as [string, string];
  const children = [
    await startPostern(folder, own, section),
    await startServer([resolve('bench/bare-milter.ts'), bare], bare),
  ] as const;
  const results: [Measured[], Measured[]] = [[], []];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      results[0].push(await measure(own, children[0].pid as number));
      results[1].push(await measure(bare, children[1].pid as number));
    }
  } finally {
    for (const child of children) child.kill();
  }
  const [ours, theirs] = results;
  const rates = results.map((list) => median(list.map(({ rate }) => rate)));
  const ratios = ours.map(({ rate }, at) => rate / (theirs[at] as Measured).rate);
  const cpus = results.map((list) => median(list.map(({ cpu }) => cpu))) as [number, number];
  const shown = rates.map((rate) => Math.round(rate).toLocaleString('en'));
  console.log(
    `| ${kind}, ${job} | ${shown[0]} | ${shown[1]} | ${spread(ratios)} | ${cpus[0].toFixed(1)} | ${cpus[1].toFixed(1)} | ${(cpus[0] / cpus[1]).toFixed(2)} |`,
  );
}

/** Median, lowest and highest. */
function spread(ratios: readonly number[]): string {
  const [middle, low, high] = [median([...ratios]), Math.min(...ratios), Math.max(...ratios)];
  return `${middle.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

/** Seconds that Postfix takes for these messages, over sessions side by side. */
async function sendMessages(port: number): Promise<number> {
  const began = performance.now();
  const each = MESSAGES / SESSIONS;
  await Promise.all(
    Array.from({ length: SESSIONS }, async () => {
      const client = await SmtpClient.open({ port, localAddress: '127.0.0.2' });
      for (let count = 0; count < each; count++) {
        const mail = { sender: 'x@example.net', recipients: ['a@in.example'] };
        const { data } = await client.send(mail);
        if (data?.code !== 250) throw new Error(`Postfix says ${data?.code} ${data?.text}`);
      }
      await client.quit();
    }),
  );
  return (performance.now() - began) / 1000;
}

/** Needs the program built. */
export async function milterPostfix(): Promise<void> {
  if (!hasPostfix()) return;
  // One that Postfix may enter.
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const ports = await freePorts(4);
  const sockets = ['bare', 'lean', 'empty', 'verifying'].map((name) =>
    join(folder, name),
  ) as string[];
  const [bare, lean, empty, verifying] = sockets as [string, string, string, string];
  const milters = [
    await startServer([resolve('bench/bare-milter.ts'), bare], bare),
    await startServer([resolve('bench/bare-milter.ts'), lean, 'lean'], lean),
    await startPostern(folder, empty),
    await startPostern(folder, verifying, known(folder, ['a@in.example'])),
  ];
  for (const socket of [bare, lean]) chmodSync(socket, 0o666);
  const server = await startPostfix({
    sinkPort: 1,
    mainCf: 'default_transport = discard:\nrelay_transport = discard:\n',
    masterCf: ports
      .map(
        (port, at) => `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_milters=unix:${sockets[at]}`,
      )
      .join('\n'),
  });
  const places = [server.smtpPort, ...ports];
  const times: number[][] = places.map(() => []);
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [at, port] of places.entries()) {
        const time = await sendMessages(port);
        if (round > 0) times[at]?.push(time);
      }
    }
  } finally {
    for (const child of milters) child.kill();
    await server.stop();
    remove();
  }
  const [without = [], ...having] = times;
  console.log(
    `\n| ${MESSAGES} messages through Postfix, ${SESSIONS} sessions | a second | time / without |\n|---|---:|---:|`,
  );
  const rows = [['no milter', without], ...having.map((list, at) => [NAMES[at], list])] as const;
  for (const [name, list] of rows as readonly (readonly [string, number[]])[]) {
    const ratios = list.map((time, at) => time / (without[at] as number));
    console.log(`| ${name} | ${(MESSAGES / median([...list])).toFixed(0)} | ${spread(ratios)} |`);
  }
}

const NAMES = [
  'bare Node, a reply to every command',
  'bare Node, replies as Postern',
  'postern milter without jobs',
  'postern milter, recipients known',
];

/** Messages with five recipients, four of whom do not exist, through Postfix; the back end is asked about each. */
async function mixture(): Promise<void> {
  if (!hasPostfix()) return;
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const backEnd = await startBackEnd();
  const socket = join(folder, 'milter');
  const section = `{ database: ${join(folder, 'a.db')}, attack: { perConnection: 0, perClient: 0 }, domains: [{ domain: in.example, servers: "[127.0.0.1]:${backEnd.port}" }] }`;
  const milter = await startPostern(folder, socket, section);
  const server = await startPostfix({
    sinkPort: 1,
    mainCf: `default_transport = discard:\nrelay_transport = discard:\nsmtpd_milters = unix:${socket}\n`,
  });
  const counts = { invalid: 0, refused: 0, valid: 0, accepted: 0 };
  for (let at = 0; at < MIXED; at++) {
    const client = await SmtpClient.open({ port: server.smtpPort, localAddress: '127.0.0.2' });
    await client.command('MAIL FROM:<x@example.net>');
    for (const name of ['bad1', 'good', 'bad2', 'bad3', 'bad4']) {
      const { code } = await client.command(`RCPT TO:<${name}-${at}@in.example>`);
      const isValid = name === 'good';
      counts[isValid ? 'valid' : 'invalid']++;
      if (isValid && code === 250) counts.accepted++;
      if (!isValid && code === 550) counts.refused++;
    }
    await client.quit();
  }
  const { invalid, refused, valid, accepted } = counts;
  console.log(
    `\nRefused before DATA: ${refused} of ${invalid} invalid recipients; accepted: ${accepted} of ${valid} valid ones.`,
  );
  milter.kill();
  await server.stop();
  await backEnd.stop();
  remove();
}

/** Messages of the mixture. */
const MIXED = 200;

/** Needs the program built. */
export async function milter(folder: string): Promise<void> {
  console.log(
    `\n| RCPT/s, ${CONNECTIONS} connections | postern milter | bare Node | its rate / bare | CPU us each | bare | CPU / bare |\n|---|---:|---:|---:|---:|---:|---:|`,
  );
  const section = known(
    folder,
    Array.from({ length: RECIPIENTS }, (_, at) => `user${at}@in.example`),
  );
  for (const kind of ['unix', 'tcp'] as const) {
    await compare(folder, kind, 'no job');
    await compare(folder, kind, 'recipients known', section);
  }
  await mixture();
}
