/**
 * Servers that share and are killed, in every state of the engine, and started again: nothing that they counted is lost
 * or counts twice, and each of them has one block.
 */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { type Host, isAllSent, LIM } from '../support/share-host.ts';
import { countMembers, HostProcess } from '../support/share-process.ts';

const IS_LONG = process.env.POSTERN_TORTURE === 'long';
const EVE = 'eve@example.net';
const STATES = ['up', 'paused', 'flushed'] as const;

interface Case {
  readonly state: (typeof STATES)[number];
  /** which server is killed; 2: both */
  readonly killed: number;
  /** ms from the lines to the kill */
  readonly after: number;
  /** ms from the lines to what happens to the engine */
  readonly fault: number;
}

describe.runIf(hasRedis)('servers that are killed', () => {
  let folder: Folder;
  let redis: RedisServer;
  let hosts: [HostProcess, HostProcess];

  beforeEach(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path);
    await redis.start();
  });
  afterEach(async () => {
    redis.signal('SIGCONT');
    await redis.stop();
    folder.remove();
  });

  async function flush(): Promise<void> {
    const engine = redis.engine('test', { timeout: 30_000 });
    await engine.call(['FLUSHALL']);
    engine.close();
  }

  async function disturb({ state, fault }: Case): Promise<void> {
    await wait(fault);
    if (state === 'paused') redis.signal('SIGSTOP');
    if (state === 'flushed') await flush();
  }

  async function killAfter({ killed, after }: Case): Promise<HostProcess[]> {
    await wait(after);
    const victims = hosts.filter((_, index) => killed === 2 || killed === index);
    await Promise.all(victims.map((host) => host.kill()));
    return victims;
  }

  /** All lines are stored and sent, and the engine has so many events. */
  async function settle(members: number): Promise<void> {
    const count = () => countMembers(redis, hosts, EVE);
    await expect.poll(count, { timeout: 30_000, interval: 100 }).toBe(members);
    for (const host of hosts) {
      await host.eventually('to have read and sent all', (host) => isRead(host) && isAllSent(host));
    }
    await wait(1000); // what is sent twice would be there now
    expect(await count()).toBe(members);
  }

  async function run(one: Case): Promise<void> {
    await flush();
    hosts = [
      new HostProcess('mx1', `unix:${redis.socket}`),
      new HostProcess('mx2', `unix:${redis.socket}`),
    ];
    const [a, b] = hosts;
    try {
      for (const host of hosts) host.start();
      for (const host of hosts) {
        await host.eventually('to see the other', (host) => host.health()?.hosts.length === 1);
      }
      a.spam(EVE, 3, 'a');
      b.spam(EVE, 2, 'b');
      const [victims] = await Promise.all([killAfter(one), disturb(one)]);
      redis.signal('SIGCONT');
      a.spam(EVE, 2, 'c'); // while it is down, if it is
      for (const host of victims) host.start();
      b.spam(EVE, 2, 'd');
      // An engine that was emptied is noticed with the next batch, of each server.
      await settle(LIM - 1);
      expect(hosts.map((host) => host.lists(EVE))).toEqual([false, false]);
      b.spam(EVE, 1, 'e');
      for (const host of hosts) await host.blocked(EVE);
      await settle(LIM);
      const blocks = hosts.map((host) => host.use((store) => store.blocks.history(10).length));
      expect(blocks).toEqual([1, 1]);
    } finally {
      for (const host of hosts) await host.stop();
      for (const host of hosts) host.folder.remove();
    }
  }

  it.each(STATES)('lose and double nothing while the engine is %s', async (state) => {
    await run({ state, killed: 2, after: 40, fault: 20 });
  });

  const random = fc.record({
    state: fc.constantFrom(...STATES),
    killed: fc.nat(2),
    after: fc.nat(400),
    fault: fc.nat(400),
  });
  it.runIf(IS_LONG)('lose and double nothing whenever it is', { timeout: 3_600_000 }, async () => {
    await fc.assert(fc.asyncProperty(random, run), { numRuns: 25, endOnFailure: true });
  });
});

/** Whether all lines of its log are stored. */
function isRead(host: Host): boolean {
  const size = host.folder.read('mail.log').length;
  const position = host.use((store) => [...store.state.positions().values()][0]);
  return (position as { offset?: number } | undefined)?.offset === size;
}
