/** Several servers, one engine: services with their own folders and logs, and a real Redis that fails in every way. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { noteAction } from '../../src/cli/operator.ts';
import { parseIdentity } from '../../src/model/identity.ts';
import type { StoredBlock } from '../../src/store/stored-block.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { Host, isAllSent, isAway, LIM } from '../support/share-host.ts';

describe.runIf(hasRedis)('servers that share', () => {
  let folder: Folder;
  let redis: RedisServer;
  let hosts: Host[];

  beforeEach(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path);
    await redis.start();
    hosts = [];
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    await redis.stop();
    for (const host of hosts) host.folder.remove();
    folder.remove();
  });

  async function startHosts(...more: string[]): Promise<[Host, Host]> {
    for (const [index, name] of ['mx1', 'mx2'].entries()) {
      const host = new Host(name, `unix:${redis.socket}`, more[index]);
      hosts.push(host);
      host.start();
    }
    for (const host of hosts) {
      await host.eventually('to see the other', (host) => host.health()?.hosts.length === 1);
    }
    return hosts as [Host, Host];
  }

  it('count together, and each blocks', async () => {
    const [a, b] = await startHosts();
    a.spam('eve@example.net', 6, 'a');
    b.spam('eve@example.net', 6, 'b');
    await Promise.all([a.blocked('eve@example.net'), b.blocked('eve@example.net')]);
    expect(hosts.map((host) => host.block('eve@example.net')?.cause)).toEqual([
      'invalid',
      'invalid',
    ]);
    const elsewhere = hosts.map((host) => host.block('eve@example.net')?.host);
    expect(elsewhere.filter((host) => host !== undefined)).toHaveLength(1);
    for (const host of hosts) {
      await host.eventually('to know what each counted', (host) => {
        const counted = Object.entries(host.verdict('eve@example.net')?.hosts ?? {});
        const sum = counted.reduce((sum, [, count]) => sum + count, 0);
        return counted.length === 2 && sum >= LIM && sum <= 12;
      });
    }
  });

  it('count a recipient once, whichever server it was sent from', async () => {
    const [a, b] = await startHosts();
    a.spam('eve@example.net', 6, 'same');
    b.spam('eve@example.net', 6, 'same');
    for (const host of hosts) await host.eventually('to send all', isAllSent);
    await wait(300);
    expect([a, b].map((host) => host.lists('eve@example.net'))).toEqual([false, false]);
    a.spam('eve@example.net', 4, 'other');
    await Promise.all([a.blocked('eve@example.net'), b.blocked('eve@example.net')]);
  });

  it('release together, and what was counted before does not count again', async () => {
    const [a, b] = await startHosts();
    a.spam('eve@example.net', LIM, 'a');
    await Promise.all([a.blocked('eve@example.net'), b.blocked('eve@example.net')]);
    b.unblock('eve@example.net', 'paula');
    await Promise.all([a.unblocked('eve@example.net'), b.unblocked('eve@example.net')]);
    const [block] = a.use((store) => store.blocks.history(1));
    expect(block).toMatchObject({
      releasedBy: 'server',
      releasedHost: 'mx2',
      releasedHow: 'operator',
      releasedWho: 'paula',
    });
    a.spam('eve@example.net', LIM - 1, 'c');
    await a.eventually('to send all', isAllSent);
    await wait(300);
    expect(b.lists('eve@example.net')).toBe(false);
    b.spam('eve@example.net', 1, 'd');
    await Promise.all([a.blocked('eve@example.net'), b.blocked('eve@example.net')]);
  });

  it("let each server's allow list hold", async () => {
    const [a, b] = await startHosts('', 'allow: { users: [eve@example.net] }\n');
    a.spam('eve@example.net', LIM, 'a');
    await a.blocked('eve@example.net');
    await wait(300);
    expect(b.block('eve@example.net')).toBeUndefined();
    const outcomes = b.use((store) =>
      store.verdicts.between(0, Number.MAX_SAFE_INTEGER).map(({ outcome }) => outcome),
    );
    expect(outcomes).toEqual(['allowed']);
  });

  it('take over what an operator blocks by hand', async () => {
    const [a, b] = await startHosts();
    const key = parseIdentity('mallory@example.net') as StoredBlock['key'];
    a.use((store) =>
      store.commit(() => {
        const start = Date.now();
        const begun = store.blocks.start({ key, cause: 'manual', start, note: 'phished' });
        const block = begun as StoredBlock;
        noteAction(store, { time: start, who: 'paula', what: 'block', key, block });
      }),
    );
    await b.blocked('mallory@example.net');
    const told = { host: 'mx1', note: 'phished', who: 'paula' };
    expect(b.block('mallory@example.net')).toMatchObject(told);
  });

  /** What may happen to the engine, and to a server meanwhile; afterwards, counts and blocks must be one again. */
  const FAULTS: Readonly<Record<string, (a: Host, b: Host) => Promise<void>>> = {
    'killed and started empty': async () => {
      await redis.stop();
      for (const host of hosts) await host.eventually('to notice', isAway);
      await redis.start();
    },
    flushed: async (a) => {
      await a.eventually('to send all', isAllSent);
      await redis.engine('test').call(['FLUSHALL']);
    },
    paused: async () => {
      redis.signal('SIGSTOP');
      for (const host of hosts) await host.eventually('to notice', isAway);
      redis.signal('SIGCONT');
    },
    full: async (a) => {
      const engine = redis.engine('test');
      await engine.call(['CONFIG', 'SET', 'maxmemory', '1']);
      await a.eventually('to notice', isAway);
      await engine.call(['CONFIG', 'SET', 'maxmemory', '0']);
      engine.close();
    },
    'replaced by an older copy': async (a) => {
      await redis.engine('test').call(['SAVE']);
      a.spam('eve@example.net', 1, 'late');
      await a.eventually('to send all', isAllSent);
      await redis.stop();
      await redis.start(['--dbfilename', 'dump.rdb']);
    },
    'killed while a server is down': async (_, b) => {
      await b.stop();
      await redis.stop();
      await redis.start();
      b.start();
    },
  };

  it.each(Object.keys(FAULTS))('are one again after the engine was %s', async (fault) => {
    const [a, b] = await startHosts();
    b.spam('mallory@example.net', LIM, 'm');
    await Promise.all([a.blocked('mallory@example.net'), b.blocked('mallory@example.net')]);
    a.spam('eve@example.net', 4, 'before');
    await FAULTS[fault]?.(a, b);
    b.spam('eve@example.net', 6, 'after');
    await Promise.all([a.blocked('eve@example.net'), b.blocked('eve@example.net')]);
    // The running block is there again, too, once on each server.
    const blocks = hosts.map((host) => host.use((store) => store.blocks.history(10).length));
    expect(blocks).toEqual([2, 2]);
    a.unblock('mallory@example.net');
    await b.unblocked('mallory@example.net');
  });

  it('go on alone while the engine is away, and stay blocked and released as they were', async () => {
    const [a, b] = await startHosts();
    b.spam('mallory@example.net', LIM, 'm');
    await a.blocked('mallory@example.net');
    await redis.stop();
    a.spam('eve@example.net', LIM, 'a');
    await a.blocked('eve@example.net');
    a.unblock('mallory@example.net');
    await a.unblocked('mallory@example.net');
    await a.eventually('to keep what waits', (host) => (host.health()?.waiting ?? 0) > 0);
    expect(b.lists('eve@example.net')).toBe(false);
    await redis.start();
    await b.blocked('eve@example.net');
    await b.unblocked('mallory@example.net');
    await wait(500);
    expect(a.lists('mallory@example.net')).toBe(false);
  });
});
