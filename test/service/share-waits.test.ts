/**
 * From the line on one server to the block on another, nothing waits for a time to pass: with all timers of the process
 * stopped, the block still comes into force.
 */
import { watch } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { Host, isAllSent, LIM } from '../support/share-host.ts';

describe.runIf(hasRedis)('two servers whose timers stand still', () => {
  let folder: Folder;
  let redis: RedisServer;
  let hosts: [Host, Host];

  beforeEach(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path);
    await redis.start();
    hosts = [new Host('mx1', `unix:${redis.socket}`), new Host('mx2', `unix:${redis.socket}`)];
    for (const host of hosts) host.start();
    for (const host of hosts) {
      await host.eventually('to see the other', (host) => host.health()?.hosts.length === 1);
      await host.eventually('to have sent all', isAllSent);
    }
    // What the first block costs once: modules that are loaded, files that are made.
    hosts[0].spam('first@example.net', LIM, 'first');
    for (const host of hosts) await host.blocked('first@example.net');
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const host of hosts) await host.stop();
    await redis.stop();
    for (const host of hosts) host.folder.remove();
    folder.remove();
  });

  /** Resolves when the block file of a server lists the login, without a timer. */
  function listed(host: Host, login: string): Promise<void> {
    return new Promise((resolve) => {
      const watcher = watch(host.folder.path, () => {
        if (!host.lists(login)) return;
        watcher.close();
        resolve();
      });
    });
  }

  /** Timers that are set from now on never fire; waits until those that were set before have fired. */
  async function stopTimers(): Promise<void> {
    const { setTimeout: start } = globalThis;
    const never = start(() => {}, 2 ** 30).unref();
    vi.spyOn(globalThis, 'setTimeout').mockImplementation((() => never) as never);
    vi.spyOn(globalThis, 'setInterval').mockImplementation((() => never) as never);
    await new Promise((resolve) => start(resolve, 3000));
  }

  it.each([
    ['by what it counted alone', LIM, 0],
    ['by what both counted', LIM / 2, LIM / 2],
  ])('block on both %s', async (_, first, second) => {
    const [a, b] = hosts;
    const done = hosts.map((host) => listed(host, 'eve@example.net'));
    if (second > 0) {
      b.spam('eve@example.net', second, 'b');
      await b.eventually('to have sent all', isAllSent);
    }
    await stopTimers();
    a.spam('eve@example.net', first, 'a');
    await Promise.all(done);
    expect(hosts.every((host) => host.lists('eve@example.net'))).toBe(true);
  });
});
