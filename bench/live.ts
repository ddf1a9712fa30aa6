/**
 * The service at work: how long from the line that completes a limit until the block is in force, at 1000 lines/s,
 * and what it costs while nothing happens. In force: the block file is renamed into place, or the policy service
 * answers HOLD.
 */
import { appendFileSync, existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { LINES, LONG } from './contestants.ts';
import { generateLog } from './generate.ts';
import { cpuOf, median, memoryOf, quantile, sleep } from './measure.ts';
import { Service, type Setting } from './service.ts';

const TRIALS = LONG ? 1000 : 200;
const IDLE_SECONDS = LONG ? 300 : 60;
/** After a start V8 tidies up for some seconds, ms. */
const SETTLING = 15_000;
/** Lines in front of each trial: a fifth of a second of the usual mixture. */
const STEPS = 10;
const STEP = 20;

type InForce = (user: string) => boolean | Promise<boolean>;

export async function live(): Promise<void> {
  await toBlockFile('block file, one process', {});
  await toBlockFile('block file, across the privilege step', { separate: true });
  await toPolicyAnswer();
  await idle();
}

async function toBlockFile(name: string, setting: Setting): Promise<void> {
  const service = new Service(setting);
  try {
    await service.start();
    report(name, await latencies(service, (user) => service.isInMap(user)));
  } finally {
    await service.remove();
  }
}

async function toPolicyAnswer(): Promise<void> {
  const service = new Service({ policy: true });
  try {
    await service.start();
    while (!existsSync(service.path('policy'))) await sleep(20);
    const client = await PolicyClient.open(service.path('policy'));
    const times = await latencies(service, async (user) =>
      (await client.ask(user)).includes('HOLD'),
    );
    report('policy service says HOLD, one process', times);
    const answers: number[] = [];
    for (let count = 0; count < 5000; count++) {
      const began = performance.now();
      await client.ask('nobody@example.net');
      answers.push(performance.now() - began);
    }
    client.close();
    console.log(
      `\nOne answer of the policy service: median ${median(answers).toFixed(2)} ms, p99 ${quantile(answers, 0.99).toFixed(2)} ms.`,
    );
  } finally {
    await service.remove();
  }
}

async function idle(): Promise<void> {
  const service = new Service();
  try {
    await service.start();
    await sleep(SETTLING);
    const before = cpuOf(service.pid);
    await sleep(IDLE_SECONDS * 1000);
    const used = ((cpuOf(service.pid) - before) / IDLE_SECONDS) * 3600;
    const { now } = memoryOf(service.pid);
    console.log(`\nIdle: ${used.toFixed(0)} s CPU an hour; memory ${now.toFixed(0)} MiB.`);
  } finally {
    await service.remove();
  }
}

function report(name: string, times: readonly number[]): void {
  const [middle, high] = [median(times), quantile(times, 0.99)];
  const slowest = Math.max(...times);
  console.log(
    `\nLine to ${name}, at 1000 lines/s: median ${middle.toFixed(0)} ms, p99 ${high.toFixed(0)} ms, slowest ${slowest.toFixed(0)} ms (${times.length} blocks).`,
  );
}

/** Milliseconds from the line that completes a limit until the block is in force. */
async function latencies(service: Service, isInForce: InForce): Promise<number[]> {
  const next = background();
  const times: number[] = [];
  for (let trial = 0; trial < TRIALS; trial++) {
    const user = `trial${trial}@example.net`;
    for (let step = 0; step < STEPS; step++) {
      appendFileSync(service.log, next());
      await sleep(STEP);
    }
    const began = performance.now();
    appendFileSync(service.log, refusals(user, trial));
    while (!(await isInForce(user))) {
      if (performance.now() - began > 20_000) throw new Error(`${user} was not blocked in 20 s`);
      await sleep(1);
    }
    times.push(performance.now() - began);
  }
  return times;
}

/** As many lines of the usual mixture as make 1000 a second. */
function background(): () => string {
  const now = Date.now();
  const chunks = generateLog({ mta: 'postfix', lines: LINES, seed: 7, start: now, rate: 1000 });
  let waiting: string[] = [];
  return () => {
    if (waiting.length < STEP)
      waiting = waiting.concat((chunks.next().value ?? '').split('\n').filter(Boolean));
    return `${waiting.splice(0, STEP).join('\n')}\n`;
  };
}

/** What a server logs of one message to five people who do not exist. */
export function refusals(user: string, trial: number): string {
  const id = `F${String(trial).padStart(6, '0')}ABCD`;
  const at = `${new Date().toISOString()} mx1 postfix`;
  const lines = [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[192.0.2.7], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/cleanup[815]: ${id}: message-id=<${trial}@example.net>`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=5 (queue active)`,
  ];
  for (let number = 0; number < 5; number++) {
    const to = `nobody${number}.${trial}@host${number}.example.org`;
    const relay = `mx.host${number}.example.org[198.51.100.${number + 1}]`;
    lines.push(
      `${at}/smtp[822]: ${id}: to=<${to}>, relay=${relay}:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host ${relay} said: 550 5.1.1 <${to}>: User unknown (in reply to RCPT TO command))`,
    );
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Asks as smtpd(8) does, one request after the other over one connection. */
class PolicyClient {
  readonly #socket: Socket;
  #answer = '';
  #done: (answer: string) => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text) => {
      this.#answer += text;
      if (this.#answer.endsWith('\n\n')) this.#done(this.#answer);
    });
  }

  static open(path: string): Promise<PolicyClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.on('error', reject).on('connect', () => resolve(new PolicyClient(socket)));
    });
  }

  ask(user: string): Promise<string> {
    this.#answer = '';
    const request = `request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.7\nsender=${user}\nrecipient=x@example.org\nsasl_username=${user}\n\n`;
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
