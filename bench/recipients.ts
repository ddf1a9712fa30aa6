/** Recipient verification: callouts with a cold cache, look-ups with a warm one, memory at a million addresses. */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { silentLog } from '../src/base/log.ts';
import { systemClock } from '../src/base/time.ts';
import { DEFAULTS, findHeloName } from '../src/recipients/defaults.ts';
import type { RecipientOptions } from '../src/recipients/options.ts';
import { Verifier } from '../src/recipients/verifier.ts';
import { openRecipientStore } from '../src/store/recipients.ts';

const CHILD = join(import.meta.dirname, 'recipients-child.ts');
const MILLION = 1_000_000;
const CALLOUTS = 20_000;
/** RCPT commands that wait for an answer at a time. */
const SESSIONS = 200;
const STRANGER = { client: '198.51.100.7', authenticated: false, local: false };

/** Of the usual length: 28 characters. */
export function addressOf(index: number): string {
  return `first.last${String(index).padStart(7, '0')}@example.net`;
}

export async function recipients(folder: string): Promise<void> {
  console.log('| what | figure |\n|---|---|');
  measureMemory(join(folder, 'recipients.db'));
  await measureLookups(join(folder, 'recipients.db'));
  await measureCallouts();
}

function measureMemory(database: string): void {
  const argv = ['--heap-growing-percent=50', CHILD, 'fill', database, String(MILLION)];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  const { now, peak } = JSON.parse(stdout) as { now: number; peak: number };
  row('memory with a million addresses', `${now.toFixed(0)} MiB, at most ${peak.toFixed(0)} MiB`);
}

async function measureLookups(database: string): Promise<void> {
  const { store } = openRecipientStore(database, MILLION);
  const verifier = new Verifier(optionsFor(25), { clock: systemClock, log: silentLog, store });
  const ask = async (count: number) => {
    for (let index = 0; index < count; index++)
      await verifier.verify(`<${addressOf((index * 7919) % MILLION)}>`, STRANGER);
  };
  row('look-ups from the database', await rate(200_000, ask));
  await ask(200_000);
  row('look-ups from memory', await rate(200_000, ask));
  verifier.close();
  store.close();
}

async function measureCallouts(): Promise<void> {
  const child = spawn(process.execPath, [CHILD, 'back-end'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (text) => resolve(Number(text)));
  });
  const { store } = openRecipientStore(':memory:', MILLION);
  const verifier = new Verifier(optionsFor(port), { clock: systemClock, log: silentLog, store });
  let next = 0;
  const ask = async (count: number) => {
    const session = async () => {
      while (next < count) await verifier.verify(`<${addressOf(next++)}>`, STRANGER);
    };
    await Promise.all(Array.from({ length: SESSIONS }, session));
  };
  row('callouts, half of them valid', await rate(CALLOUTS, ask));
  const others = Object.keys(verifier.figures.list()).filter((name) => !name.endsWith('callout'));
  if (others.length > 0) throw new Error(`not all were asked: ${others.join(', ')}`);
  verifier.close();
  store.close();
  child.kill();
}

/** Per second, and per CPU second of this process, which says the same on a busy machine. */
async function rate(count: number, work: (count: number) => Promise<void>): Promise<string> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await work(count);
  const { user, system } = process.cpuUsage(used);
  const per = (ms: number) => Math.round((count / ms) * 1000);
  return `${per(performance.now() - start)}/s, ${per((user + system) / 1000)} per CPU second`;
}

function row(what: string, figure: string): void {
  console.log(`| ${what} | ${figure} |`);
}

function optionsFor(port: number): RecipientOptions {
  const servers = [{ host: '127.0.0.1', port, mx: false }];
  const source = { kind: 'callout' as const, servers };
  return {
    ...DEFAULTS,
    domains: [{ domain: 'example.net', role: 'primary', subdomains: false, source }],
    callout: { ...DEFAULTS.callout, helo: findHeloName() },
  };
}
