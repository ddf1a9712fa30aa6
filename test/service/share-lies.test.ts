/** A server among the others that lies: it writes in its own name, past the script, what no server would write. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatTime } from '../../src/base/time.ts';
import { PREFIX } from '../../src/share/engine.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { Host, LIM } from '../support/share-host.ts';

const LIAR = 'liar';
/** Something that fills the memory that the service may take, with its copies and a few like it. */
const FILL_VALUE = "redis.call('HSET', ARGV[1], 'user:carol@example.net', string.rep('x', 4e7))";
const FILL_STREAM = "redis.call('XADD', ARGV[1], '*', 'key', string.rep('x', 4e7))";
const FILL_TABLE = `for at = 1, 15000 do
  redis.call('HSET', ARGV[1], 'user:u' .. at .. '@example.net', string.rep('x', 4000))
end`;
const FAR = 900_000_000_000_000;

describe.runIf(hasRedis)('a server that lies', () => {
  let folder: Folder;
  let server: RedisServer;
  let hosts: Host[] = [];

  beforeAll(async () => {
    folder = scratchFolder();
    server = new RedisServer(folder.path);
    await server.start();
  });
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });
  beforeEach(async () => {
    await tell(['FLUSHALL'], ['SADD', `${PREFIX}hosts`, LIAR]);
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    for (const host of hosts) host.folder.remove();
    hosts = [];
  });

  async function tell(...commands: string[][]): Promise<void> {
    const engine = server.engine(LIAR, { timeout: 20_000 });
    await engine.callAll(commands);
    engine.close();
  }

  function block(key: string, about: object, start = Date.now(), end = 0): string[] {
    const text = `${Math.round(start)} ${end} ${JSON.stringify(about)}`;
    return ['HSET', `${PREFIX}${LIAR}:blocks`, key, text];
  }

  function start(name: string, more = ''): Host {
    const host = new Host(name, `unix:${server.socket}`, more);
    hosts.push(host);
    host.start();
    return host;
  }

  async function countTogether(): Promise<void> {
    const [mx1, mx2] = [start('mx1'), start('mx2')] as const;
    await mx1.eventually('connected', (host) => host.isConnected());
    await mx2.eventually('connected', (host) => host.isConnected());
    mx1.spam('alice@example.net', LIM / 2, 'a');
    mx2.spam('alice@example.net', LIM / 2, 'b');
    await mx1.blocked('alice@example.net');
    await mx2.blocked('alice@example.net');
  }

  it.each([
    ['a block that is none', [['HSET', `${PREFIX}${LIAR}:blocks`, 'user:alice@example.net', 'x']]],
    ['blocks of another type', [['ZADD', `${PREFIX}${LIAR}:blocks`, '1', 'x']]],
    ['releases of another type', [['ZADD', `${PREFIX}${LIAR}:released`, '1', 'x']]],
    ['a stream of another type', [['ZADD', `${PREFIX}${LIAR}:stream`, '1', 'x']]],
    ['a host of another type', [['ZADD', `${PREFIX}${LIAR}:host`, '1', 'x']]],
    [
      'counts of another type',
      [['HSET', `${PREFIX}${LIAR}:c:invalid:user:alice@example.net`, 'x', '1']],
    ],
    [
      'a release that is none',
      [['HSET', `${PREFIX}${LIAR}:released`, 'user:alice@example.net', 'inf']],
    ],
    [
      'a release in the far future',
      [['HSET', `${PREFIX}${LIAR}:released`, 'user:alice@example.net', String(FAR)]],
    ],
  ])('does not keep the others from counting together: %s', async (_, commands) => {
    await tell(...commands);
    await countTogether();
  });

  it('cannot write figures that stop the others', async () => {
    const figures = { time: 1e300, count: 1e300, limit: 1e300, period: 1e300 };
    await tell(block('user:carol@example.net', { rule: 'invalid', ...figures }));
    const mx1 = start('mx1');
    await mx1.blocked('carol@example.net');
    await mx1.eventually('connected', (host) => host.isConnected());
    const [stored] = mx1.use((store) =>
      store.verdicts.findByKey({ type: 'user', id: 'carol@example.net' }),
    );
    expect(() => formatTime(stored?.verdict.time as number)).not.toThrow();
  });

  it('cannot begin blocks that nobody can release', async () => {
    await tell(block('user:carol@example.net', { rule: 'manual' }, FAR));
    await tell(block('user:dave@example.net', { rule: 'manual' }));
    const mx1 = start('mx1');
    await mx1.blocked('dave@example.net');
    expect(mx1.lists('carol@example.net')).toBe(false);
  });

  it('is believed about two accounts that it blocked in the same millisecond', async () => {
    const now = Date.now();
    const names = ['user:carol@example.net', 'user:dave@example.net'];
    await tell(...names.map((name) => block(name, { rule: 'invalid', time: now }, now)));
    const mx1 = start('mx1');
    await mx1.blocked('carol@example.net');
    await mx1.blocked('dave@example.net');
  });

  it.each([
    ['a value', 'blocks', FILL_VALUE],
    ['many values', 'released', FILL_TABLE],
    ['an entry of its stream', 'stream', FILL_STREAM],
  ])('cannot fill the memory of the others, nor stop them: %s', async (_, table, script) => {
    await tell(['EVAL', script, '0', `${PREFIX}${LIAR}:${table}`]);
    await countTogether();
    // Also while they follow the streams.
    await tell(['EVAL', FILL_STREAM, '0', `${PREFIX}${LIAR}:stream`]);
    const [mx1] = hosts as [Host];
    mx1.unblock('alice@example.net');
    for (const host of hosts) await host.unblocked('alice@example.net');
  });

  it.each(['manual', 'invalid'])('begins no more blocks than the cap allows: %s', async (rule) => {
    const names = Array.from({ length: 30 }, (_, index) => `user:u${index}@example.net`);
    await tell(...names.map((name) => block(name, { rule })));
    const mx1 = start('mx1', 'caps: { blocksPerHour: 3 }\n');
    await mx1.eventually('connected', (host) => host.isConnected());
    await mx1.blocked('@example.net');
    expect(mx1.use((store) => store.blocks.allRunning().length)).toBe(3);
  });

  it('cannot fill the database of the others with verdicts', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `user:u${index}@example.net`);
    await tell(...names.map((name) => block(name, { rule: 'invalid' })));
    const mx1 = start('mx1', 'caps: { blocksPerHour: 3 }\n');
    await mx1.blocked('@example.net');
    await mx1.eventually('connected', (host) => host.isConnected());
    const kept = mx1.use((store) => store.verdicts.between(0, FAR).length);
    expect(kept).toBeLessThanOrEqual(500);
  });
});
