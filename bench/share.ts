/**
 * Counting together: what one engine takes, how large it grows, and how long a block needs from the line on one server
 * until it is in force on another. Needs redis-server or valkey-server.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../src/share/batch.ts';
import { readHostStates, readHosts } from '../src/share/blocks.ts';
import { type Engine, PREFIX } from '../src/share/engine.ts';
import { hasRedis, RedisServer } from '../test/support/redis.ts';
import { LONG } from './contestants.ts';
import { refusals } from './live.ts';
import { quantile, sleep } from './measure.ts';
import { Service } from './service.ts';

const HOSTS = 4;
const BATCH = 200;
const KEYS = LONG ? 1_000_000 : 100_000;
const TRIALS = LONG ? 200 : 40;
const RULE = {
  name: 'invalid',
  distinct: true,
  limits: [
    [100, 3_600_000],
    [400, 86_400_000],
  ],
} as const;
const RULES = new Map([[RULE.name, RULE]]);

export async function share(folder: string): Promise<void> {
  if (!hasRedis) {
    console.log('redis-server is not installed.');
    return;
  }
  const path = join(folder, 'redis');
  mkdirSync(path, { recursive: true });
  const server = new RedisServer(path);
  await server.start();
  const admin = server.engine('bench', { timeout: 60_000 });
  try {
    console.log('| what | value |\n|---|---:|');
    await throughput(server, admin);
    await manyHosts(server, admin);
    await sizes(server, admin);
    await latency(server);
  } finally {
    admin.close();
    await server.stop();
  }
}

/** A row of a key; each has another recipient. */
function buildRow(key: string, at: number, time: number): Row {
  const member = at.toString(36).padStart(8, '0').padEnd(20, 'x');
  return { kind: 'count', rule: RULE.name, key, time, member, duration: 0 };
}

async function send(engine: Engine, rows: readonly Row[]): Promise<void> {
  await engine.send(rows, RULES, { expected: 0, upto: 1, about: {} });
}

async function throughput(server: RedisServer, admin: Engine): Promise<void> {
  for (const size of [1, BATCH]) {
    await admin.call(['FLUSHALL']);
    const count = size === 1 ? 20_000 : 200_000;
    const before = await cpuSeconds(admin);
    const began = performance.now();
    await Promise.all(
      Array.from({ length: HOSTS }, async (_, host) => {
        const engine = server.engine(`mx${host}`, { timeout: 60_000 });
        for (let at = host * size; at < count; at += HOSTS * size) {
          const time = Date.now();
          const rows = Array.from({ length: size }, (_, index) =>
            buildRow(`user:u${(at + index) % 4000}`, at + index, time),
          );
          await send(engine, rows);
        }
        engine.close();
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const cpu = (await cpuSeconds(admin)) - before;
    const what = size === 1 ? 'one call an event' : `${size} events a call`;
    print(`events/s, ${HOSTS} hosts, ${what}`, Math.round(count / seconds));
    print(`events per CPU second of the engine, ${what}`, Math.round(count / cpu));
  }
}

/** How much more an event costs the engine when more servers count: the script looks at what each of them has. */
async function manyHosts(server: RedisServer, admin: Engine): Promise<void> {
  const engine = server.engine('mx0', { timeout: 60_000 });
  for (const hosts of [1, 16, 64, 256, 1000]) {
    await admin.call(['FLUSHALL']);
    for (let host = 0; host < hosts; host++) await register(server, `mx${host}`);
    const count = hosts > 64 ? 4000 : 40_000;
    const before = await cpuSeconds(admin);
    for (let at = 0; at < count; at += BATCH) {
      const time = Date.now();
      const rows = Array.from({ length: BATCH }, (_, index) =>
        buildRow(`user:u${(at + index) % 4000}`, at + index, time),
      );
      await send(engine, rows);
    }
    const each = ((await cpuSeconds(admin)) - before) / count;
    print(`us of the engine for an event, ${hosts} hosts`, Math.round(each * 1e7) / 10);
    const read = await cpuSeconds(admin);
    for (let round = 0; round < 20; round++) await readHostStates(engine, await readHosts(engine));
    const look = ((await cpuSeconds(admin)) - read) / 20;
    print(`us of the engine to say who is there, ${hosts} hosts`, Math.round(look * 1e6));
  }
  engine.close();
}

async function register(server: RedisServer, host: string): Promise<void> {
  const engine = server.engine(host, { timeout: 60_000 });
  await send(engine, []);
  engine.close();
}

async function sizes(server: RedisServer, admin: Engine): Promise<void> {
  const engine = server.engine('mx0', { timeout: 60_000 });
  await admin.call(['FLUSHALL']);
  const time = Date.now();
  await send(
    engine,
    Array.from({ length: 99 }, (_, at) => buildRow('user:alice@example.net', at, time + at)),
  );
  const name = `${PREFIX}mx0:c:${RULE.name}:user:alice@example.net`;
  print('bytes of a key with 99 events', Number(await admin.call(['MEMORY', 'USAGE', name])));
  await admin.call(['FLUSHALL']);
  const before = await memoryOf(admin);
  for (let at = 0; at < KEYS; at += BATCH) {
    await send(
      engine,
      Array.from({ length: BATCH }, (_, index) =>
        buildRow(`user:user${at + index}@example.net`, at + index, time),
      ),
    );
  }
  const each = ((await memoryOf(admin)) - before) / KEYS;
  print(`bytes a key with one event, ${KEYS} keys`, Math.round(each));
  engine.close();
  await admin.call(['FLUSHALL']);
}

/** From the line on server A that completes the limit to the block file of server B. */
async function latency(server: RedisServer): Promise<void> {
  const services = ['mx0', 'mx1'].map(
    (host) => new Service({ extra: `share: { url: 'unix:${server.socket}', host: ${host} }` }),
  );
  const [a, b] = services as [Service, Service];
  try {
    for (const service of services) await service.start();
    await sleep(5000);
    const own: number[] = [];
    const times: number[] = [];
    for (let trial = 0; trial < TRIALS; trial++) {
      const user = `user${trial}@example.net`;
      const began = performance.now();
      appendFileSync(a.log, refusals(user, trial));
      for (let isOwn = false, isOther = false; !isOwn || !isOther; await sleep(1)) {
        const time = performance.now() - began;
        if (!isOwn && a.isInMap(user)) isOwn = own.push(time) > 0;
        if (!isOther && b.isInMap(user)) isOther = times.push(time) > 0;
      }
      await sleep(50);
    }
    print('ms from the line on A to the block file of A, median', Math.round(quantile(own, 0.5)));
    print('ms from the line on A to the block file of A, p99', Math.round(quantile(own, 0.99)));
    print('ms from the line on A to the block file of B, median', Math.round(quantile(times, 0.5)));
    print('ms from the line on A to the block file of B, p99', Math.round(quantile(times, 0.99)));
  } finally {
    for (const service of services) await service.remove();
  }
}

async function cpuSeconds(admin: Engine): Promise<number> {
  const info = String(await admin.call(['INFO', 'cpu']));
  const of = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return of('used_cpu_user') + of('used_cpu_sys');
}

async function memoryOf(admin: Engine): Promise<number> {
  const info = String(await admin.call(['INFO', 'memory']));
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}

function print(what: string, value: number): void {
  console.log(`| ${what} | ${value.toLocaleString('en')} |`);
}
