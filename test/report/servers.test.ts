/** `postern report --all-hosts`, with a real engine and without. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runExplain } from '../../src/cli/explain.ts';
import { runReport } from '../../src/cli/report.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { Host, LIM } from '../support/share-host.ts';

function captureIo() {
  const texts: string[] = [];
  const io = { stdout: (text: string) => void texts.push(text), stderr: () => undefined };
  return { io, out: () => texts.join('') };
}

describe.runIf(hasRedis)('a report on all hosts', () => {
  let folder: Folder;
  let redis: RedisServer;
  let hosts: [Host, Host];

  beforeAll(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path);
    await redis.start();
    hosts = [
      new Host('mx1', `unix:${redis.socket}`),
      new Host('mx2', `unix:${redis.socket}`, 'allow: { users: [carol@example.net] }\n'),
    ];
    for (const host of hosts) host.start();
    for (const host of hosts) {
      await host.eventually('to see the other', (host) => host.health()?.hosts.length === 1);
    }
    const [a, b] = hosts;
    a.spam('eve@example.net', 4, 'a');
    b.spam('eve@example.net', 6, 'b');
    for (const host of hosts) await host.blocked('eve@example.net');
    a.spam('carol@example.net', LIM, 'c');
    await a.blocked('carol@example.net');
    a.unblock('eve@example.net', 'paula');
    await b.unblocked('eve@example.net');
  });
  afterAll(async () => {
    for (const host of hosts) await host.stop();
    await redis.stop();
    for (const host of hosts) host.folder.remove();
    folder.remove();
  });

  async function report(host: Host): Promise<{ text: string; servers: Record<string, unknown> }> {
    const config = host.folder.at('postern.yaml');
    const text = captureIo();
    await runReport({ config, allHosts: true }, text.io);
    const json = captureIo();
    await runReport({ config, allHosts: true, format: 'json' }, json.io);
    return { text: text.out(), servers: JSON.parse(json.out()).servers };
  }

  it('has what each server counted and blocked', async () => {
    for (const host of hosts) {
      const { text, servers } = await report(host);
      expect(text).toContain('Servers that count together, by the engine');
      expect(servers.failure).toBeUndefined();
      const counted = (servers.hosts as { host: string; counted: unknown }[]).map(
        ({ host, counted }) => [host, counted],
      );
      expect(counted).toEqual([
        ['mx1', { invalid: 4 + LIM }],
        ['mx2', { invalid: 6 }],
      ]);
      const isCarolHere = host.name === 'mx1';
      expect(servers.blocks).toMatchObject([
        {
          key: { id: 'eve@example.net' },
          hosts: { mx2: 6, mx1: 4 },
          releasedHost: 'mx1',
          releasedBy: 'operator',
          isHere: true,
        },
        { key: { id: 'carol@example.net' }, host: 'mx1', isHere: isCarolHere },
      ]);
    }
  });

  it('has what the explanation on each server has', async () => {
    for (const host of hosts) {
      const { io, out } = captureIo();
      await runExplain('eve@example.net', { config: host.folder.at('postern.yaml') }, io);
      expect(out()).toContain('On each server: mx2 6, mx1 4');
      expect(out()).toContain('by paula');
    }
  });

  it('is not for mail that meets conditions', async () => {
    const options = { config: hosts[0].folder.at('postern.yaml'), allHosts: true };
    const narrow = runReport({ ...options, kind: 'accepted' }, captureIo().io);
    await expect(narrow).rejects.toThrow(/conditions/);
  });

  it('says that the engine is away, and has what this server knows', async () => {
    await redis.stop();
    const { text, servers } = await report(hosts[1]);
    expect(text).toContain('THE ENGINE IS AWAY');
    expect(servers.hosts).toMatchObject([{ host: 'mx1' }, { host: 'mx2' }]);
    expect(servers.blocks).toMatchObject([
      { key: { id: 'eve@example.net' }, hosts: { mx2: 6, mx1: 4 }, isHere: true },
    ]);
  });
});
