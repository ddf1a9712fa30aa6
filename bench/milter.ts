/**
 * The milter beside the least that Node can do (bare-milter.ts): RCPT commands a second over 200 connections, each waiting
 * for its answer, without jobs and with recipients that are known; and the memory of one that knows a million recipients.
 */
import { join, resolve } from 'node:path';
import { freePorts } from '../test/support/server.ts';
import { LONG } from './contestants.ts';
import { median, memoryOf, spread } from './measure.ts';
import { CONNECTIONS, type Measured, measure, rcpt } from './milter-client.ts';
import { known, startPostern, startServer } from './milter-process.ts';
import { addressOf } from './recipients.ts';

const ROUNDS = LONG ? 9 : 5;
const SECONDS = LONG ? 5 : 3;
const RECIPIENTS = Array.from({ length: 50 }, (_, at) => `user${at}@in.example`);
const MILLION = 1_000_000;

/** Needs the program built. */
export async function milter(folder: string): Promise<void> {
  console.log(
    `\n| RCPT/s, ${CONNECTIONS} connections | postern milter | bare Node | its rate / bare | CPU us each | bare | CPU / bare |\n|---|---:|---:|---:|---:|---:|---:|`,
  );
  const section = known(folder, RECIPIENTS);
  for (const kind of ['unix', 'tcp'] as const) {
    await compare(folder, kind, 'no job');
    await compare(folder, kind, 'recipients known', section);
  }
  await memory(folder);
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
  const work = { next: inTurn(RECIPIENTS.map(rcpt)), seconds: SECONDS };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      results[0].push(await measure(own, children[0].pid as number, work));
      results[1].push(await measure(bare, children[1].pid as number, work));
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

function inTurn<T>(items: readonly T[]): () => T {
  let at = 0;
  return () => items[at++ % items.length] as T;
}

/** The whole service, after it was asked for each of a million addresses that it knows. */
async function memory(folder: string): Promise<void> {
  const place = join(folder, 'large');
  const addresses = Array.from({ length: MILLION }, (_, at) => addressOf(at));
  const child = await startPostern(folder, place, known(folder, addresses, 'example.net'));
  let asked = 0;
  const next = () => rcpt(addressOf(asked++ % MILLION));
  try {
    while (asked < MILLION) await measure(place, child.pid as number, { next, seconds: 5 });
    const { now, peak } = memoryOf(child.pid as number);
    console.log(
      `\nMemory of \`postern milter\` that was asked for a million addresses: ${now.toFixed(0)} MiB, at most ${peak.toFixed(0)} MiB.`,
    );
  } finally {
    child.kill();
  }
}
