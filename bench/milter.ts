/**
 * The milter beside the least that Node can do (bare-milter.ts): RCPT commands a second over 200 connections, each waiting
 * for its answer, as Postfix sends them; and messages through a real Postfix with and without it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
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
const BEGIN = Buffer.concat([
  frame('O', '\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff'),
  frame('D', 'Cj\0mx.example.net\0{daemon_name}\0smtp\0'),
  frame('C', 'client.example.org\x004\xd2\x78192.0.2.7\0'),
  frame('H', 'client.example.org\0'),
]);
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

/** One connection that asks as fast as it is answered; counts recipients. */
class Client {
  count = 0;
  readonly #socket: Socket;
  #at = -1;
  /** bytes of answers that are still to come: each is 5 long */
  #expected = 0;
  #isReady = false;

  constructor(place: string) {
    this.#socket = /^\d+$/.test(place) ? connect(Number(place), '127.0.0.1') : connect(place);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => console.error(error.message));
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.write(BEGIN);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    if (!this.#isReady) {
      // The negotiation is longer; the two answers after it end with CONTINUE.
      if (bytes.length < 10 && this.#expected < 2) {
        this.#expected += bytes.filter((byte) => byte === 0x63).length;
        if (this.#expected < 2) return;
      }
      this.#isReady = true;
      this.#expected = 0;
      return this.#ask();
    }
    this.#expected -= bytes.length;
    if (this.#expected > 0) return;
    if (this.#at >= 0) this.count++;
    this.#at = this.#at + 1 >= RECIPIENTS ? -1 : this.#at + 1;
    this.#ask();
  }

  #ask(): void {
    this.#expected = 5;
    this.#socket.write(this.#at < 0 ? MAIL : (RCPTS[this.#at] as Buffer));
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

/** Postern and the bare one in turn, over one kind of socket. */
async function compare(folder: string, kind: 'unix' | 'tcp'): Promise<void> {
  const ports = await freePorts(2);
  const [own, bare] = ['own', 'bare'].map((name, at) =>
    kind === 'unix' ? join(folder, name) : String(ports[at]),
  ) as [string, string];
  const listen = kind === 'unix' ? `unix:${own}` : `inet:${own}@127.0.0.1`;
  const config = join(folder, 'milter.yaml');
  writeFileSync(config, `milter: { listen: "${listen}", state: ${join(folder, 'state.json')} }\n`);
  const argv = ['--max-semi-space-size=8', resolve('dist/cli/main.js'), 'milter'];
  const children = [
    await startServer([...argv, '--config', config], own),
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
  const rates = results.map((list) => median(list.map(({ rate }) => rate))) as [number, number];
  const cpus = results.map((list) => median(list.map(({ cpu }) => cpu))) as [number, number];
  const shown = rates.map((rate) => Math.round(rate).toLocaleString('en'));
  console.log(
    `| ${kind} | ${shown[0]} | ${shown[1]} | ${(rates[0] / rates[1]).toFixed(2)} | ${cpus[0].toFixed(1)} | ${cpus[1].toFixed(1)} | ${(cpus[0] / cpus[1]).toFixed(2)} |`,
  );
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

async function throughPostfix(): Promise<void> {
  if (!hasPostfix()) return;
  // One that Postfix may enter.
  const { path: folder, remove } = scratchFolder('postern-bench-');
  const [port] = (await freePorts(1)) as [number];
  const socket = join(folder, 'postfix');
  const config = join(folder, 'postfix.yaml');
  writeFileSync(
    config,
    `milter: { listen: "unix:${socket}", permissions: "0666", state: ${join(folder, 'state.json')} }\n`,
  );
  const milter = await startServer(
    [resolve('dist/cli/main.js'), 'milter', '--config', config],
    socket,
  );
  const server = await startPostfix({
    sinkPort: 1,
    mainCf: 'default_transport = discard:\nrelay_transport = discard:\n',
    masterCf: `127.0.0.1:${port} inet n - n - - smtpd -o smtpd_milters=unix:${socket}`,
  });
  const times: [number[], number[]] = [[], []];
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const pair = [await sendMessages(server.smtpPort), await sendMessages(port)] as const;
      if (round > 0) pair.forEach((time, at) => void times[at as 0 | 1].push(time));
    }
  } finally {
    milter.kill();
    await server.stop();
    remove();
  }
  const [without, having] = times.map(median) as [number, number];
  const ratios = times[1].map((time, at) => time / (times[0][at] as number));
  console.log(
    `\n${MESSAGES} messages through Postfix over ${SESSIONS} sessions: ${(MESSAGES / without).toFixed(0)} a second without the milter, ${(MESSAGES / having).toFixed(0)} with it; time with it / without it: ${median(ratios).toFixed(2)}.`,
  );
}

/** Needs the program built. */
export async function milter(folder: string): Promise<void> {
  console.log(
    `\n| RCPT/s, ${CONNECTIONS} connections | postern milter | bare Node | its rate / bare | CPU us each | bare | CPU / bare |\n|---|---:|---:|---:|---:|---:|---:|`,
  );
  await compare(folder, 'unix');
  await compare(folder, 'tcp');
  await throughPostfix();
}
