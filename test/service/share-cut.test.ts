/**
 * Servers that share and are cut off by the network: each in a network namespace of its own, the engine in another. What
 * the engine answers is dropped without a word, as a broken route does it.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { available, isRoot, run } from '../support/server.ts';
import { isAllSent, isAway, LIM } from '../support/share-host.ts';
import { countMembers, HostProcess } from '../support/share-process.ts';

const TAG = `pt${process.pid % 100_000}`;
const ENGINE = `${TAG}-e`;
const NAMES = ['mx1', 'mx2'];
const EVE = 'eve@example.net';
const MALLORY = 'mallory@example.net';

function findObstacle(): string | undefined {
  if (!isRoot()) return 'needs root';
  const made = spawnSync('ip', ['netns', 'add', `${TAG}-x`], { encoding: 'utf8' });
  if (made.error !== undefined) return 'ip is missing (iproute2)';
  if (made.status !== 0) return made.stderr.trim();
  const pair = ['link', 'add', `${TAG}x`, 'netns', `${TAG}-x`, 'type', 'veth'];
  const linked = spawnSync('ip', pair, { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', `${TAG}-x`]);
  return linked.status === 0 ? undefined : linked.stderr.trim();
}

describe.runIf(hasRedis && available('network namespaces', findObstacle()))(
  'servers that are cut off',
  () => {
    let folder: Folder;
    let redis: RedisServer;
    let hosts: [HostProcess, HostProcess];

    const ip = (...args: string[]) => run(['ip', ...args]);
    const within = (index: number) => `${TAG}-${index}`;
    /** The network between the engine (1) and a server (2). */
    const address = (index: number, end: 1 | 2) => `10.77.${index}.${end}`;

    async function connect(index: number): Promise<void> {
      const [name, link] = [within(index), `${TAG}l${index}`];
      await ip('netns', 'add', name);
      await ip('link', 'add', 'up0', 'netns', name, 'type', 'veth', 'peer', link, 'netns', ENGINE);
      await ip('-n', name, 'address', 'add', `${address(index, 2)}/30`, 'dev', 'up0');
      await ip('-n', ENGINE, 'address', 'add', `${address(index, 1)}/30`, 'dev', link);
      await ip('-n', name, 'link', 'set', 'up0', 'up');
      await ip('-n', ENGINE, 'link', 'set', link, 'up');
    }

    beforeAll(async () => {
      folder = scratchFolder();
      await ip('netns', 'add', ENGINE);
      for (const index of NAMES.keys()) await connect(index);
      const argv = ['ip', 'netns', 'exec', ENGINE, 'redis-server'];
      redis = new RedisServer(folder.path, { name: 'Redis', argv });
      const addresses = [...NAMES.keys()].map((index) => address(index, 1));
      await redis.start(['--port', '6379', '--bind', ...addresses, '--protected-mode', 'no']);
      hosts = NAMES.map((name, index) => {
        const prefix = ['ip', 'netns', 'exec', within(index)];
        return new HostProcess(name, `redis://${address(index, 1)}:6379`, prefix);
      }) as [HostProcess, HostProcess];
      for (const host of hosts) host.start();
      for (const host of hosts) {
        await host.eventually('to see the other', (host) => host.health()?.hosts.length === 1);
      }
    });
    afterAll(async () => {
      for (const host of hosts ?? []) await host.stop();
      await redis?.stop();
      for (const name of [ENGINE, ...[...NAMES.keys()].map(within)])
        spawnSync('ip', ['netns', 'del', name]);
      for (const host of hosts ?? []) host.folder.remove();
      folder.remove();
    });

    const cut = (index: number) => ip('-n', ENGINE, 'route', 'add', 'blackhole', address(index, 2));
    const heal = (index: number) =>
      ip('-n', ENGINE, 'route', 'del', 'blackhole', address(index, 2));

    it('count once what they counted meanwhile', async () => {
      const [a, b] = hosts;
      a.spam(EVE, 3, 'before');
      await a.eventually('to have sent all', isAllSent);
      await cut(0);
      a.spam(EVE, 4, 'meanwhile');
      await a.eventually('to notice', isAway);
      b.spam(EVE, 2, 'other');
      await b.eventually('to have sent all', isAllSent);
      expect(b.health()?.failure).toBeUndefined();
      await heal(0);
      const count = () => countMembers(redis, hosts, EVE);
      await expect.poll(count, { timeout: 30_000 }).toBe(LIM - 1);
      await a.eventually('to have sent all', isAllSent);
      expect(await count()).toBe(LIM - 1);
      expect(hosts.map((host) => host.lists(EVE))).toEqual([false, false]);
      b.spam(EVE, 1, 'last');
      for (const host of hosts) await host.blocked(EVE);
    });

    it('take over what the others blocked and released meanwhile', async () => {
      const [a, b] = hosts;
      await cut(1);
      await b.eventually('to notice', isAway);
      a.spam(MALLORY, LIM, 'm');
      await a.blocked(MALLORY);
      a.unblock(EVE, 'paula');
      await a.unblocked(EVE);
      expect([b.lists(MALLORY), b.lists(EVE)]).toEqual([false, true]);
      await heal(1);
      await b.blocked(MALLORY);
      await b.unblocked(EVE);
      const blocks = hosts.map((host) => host.use((store) => store.blocks.history(10).length));
      expect(blocks).toEqual([2, 2]);
    });
  },
);
