/**
 * Servers that share, while the engine and the servers fail at random. In the end, each account that sent to enough
 * people who do not exist is blocked on every server, once, and nobody else is.
 */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { Host, isAllSent, LIM } from '../support/share-host.ts';

const IS_LONG = process.env.POSTERN_TORTURE === 'long';
const NAMES = ['mx1', 'mx2', 'mx3'];
const USERS = ['eve@example.net', 'mallory@example.net', 'carol@example.net'];

type Step =
  | { readonly do: 'spam'; readonly host: number; readonly user: number; readonly count: number }
  | { readonly do: 'restart'; readonly host: number }
  | { readonly do: 'flush' | 'kill' | 'pause' };

const host = fc.nat(NAMES.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('spam' as const),
      host,
      user: fc.nat(USERS.length - 1),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), host }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('flush', 'kill', 'pause') }) },
);

describe.runIf(hasRedis)('servers that share', () => {
  let folder: Folder;
  let redis: RedisServer;

  beforeAll(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path);
    await redis.start();
  });
  afterAll(async () => {
    await redis.stop();
    folder.remove();
  });

  async function take(step: Step, hosts: readonly Host[], at: number): Promise<void> {
    switch (step.do) {
      case 'spam':
        hosts[step.host]?.spam(USERS[step.user] as string, step.count, `step${at}-`);
        return;
      case 'restart':
        await hosts[step.host]?.stop();
        hosts[step.host]?.start();
        return;
      case 'flush': {
        const engine = redis.engine('test', { timeout: 30_000 });
        await engine.call(['FLUSHALL']);
        engine.close();
        return;
      }
      case 'kill':
        await redis.stop();
        await redis.start();
        return;
      case 'pause':
        redis.signal('SIGSTOP');
        await wait(2500); // longer than a server waits for an answer
        redis.signal('SIGCONT');
    }
  }

  async function run(steps: readonly Step[]): Promise<void> {
    const hosts = NAMES.map((name) => new Host(name, `unix:${redis.socket}`));
    for (const host of hosts) host.start();
    try {
      for (const [at, step] of steps.entries()) await take(step, hosts, at);
      const sums = USERS.map((_, user) =>
        steps.reduce((sum, step) => {
          return step.do === 'spam' && step.user === user ? sum + step.count : sum;
        }, 0),
      );
      for (const host of hosts) {
        for (const [user, login] of USERS.entries()) {
          if ((sums[user] as number) >= LIM) await host.blocked(login);
        }
        await host.eventually('to send all', isAllSent);
      }
      const expected = USERS.filter((_, user) => (sums[user] as number) >= LIM).sort();
      for (const host of hosts) {
        const blocks = host.use((store) => store.blocks.history(100).map(({ key }) => key.id));
        expect(blocks.sort()).toEqual(expected);
      }
    } finally {
      for (const host of hosts) await host.stop();
      for (const host of hosts) host.folder.remove();
      const engine = redis.engine('test', { timeout: 30_000 });
      await engine.call(['FLUSHALL']);
      engine.close();
    }
  }

  it('are one again whatever happened', { timeout: IS_LONG ? 3_600_000 : 120_000 }, async () => {
    const steps = fc.array(step, { minLength: 8, maxLength: 14 });
    await fc.assert(fc.asyncProperty(steps, run), {
      numRuns: IS_LONG ? 100 : 1,
      endOnFailure: true,
    });
  });
});
