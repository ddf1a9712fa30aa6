/** docs/servers.md as somebody follows it who has never seen Postern: its commands, in the order in which they stand. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { hasRedis, RedisServer } from '../support/redis.ts';
import { freePorts } from '../support/server.ts';

const PAGE = readFileSync(resolve('docs/servers.md'), 'utf8');
const BLOCKS = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text as string);
const OF_ENGINE = BLOCKS.filter(
  (text) => text.includes('/etc/redis\n') || text.includes('<<END\nbind'),
);
const OF_SERVER = BLOCKS.filter((text) => !OF_ENGINE.includes(text));
/** What the commands of the page need of a machine. */
const MACHINE = `set -e
systemctl() { :; }
postern() { "$NODE" "$PROGRAM" "$@" --config "$CONFIG" || true; }
scp() { cp "\${1#*:}" "$2"; }
chown() { command chown "$(id -un):" "\${@:2}"; }
`;
const YAML = `mta: postfix
logs: [ mail.log ]
database: postern.db
queue: { hold: false }
targets: { postfix: { user: { file: user, type: texthash }, client: false, sender: false, uid: false, reload: [] } }
`;

/** Debian 13 has another one than Debian 12. */
function withoutVersion(text: string): string {
  return text.replaceAll(/answers as \w+ [\d.]+/g, 'answers as');
}

describe.runIf(hasRedis)('docs/servers.md', () => {
  let folder: Folder;
  let port: number;
  let redis: RedisServer;
  const servers = new Map<string, Postern>();

  async function follow(text: string, name: string, place: string): Promise<string> {
    const script = text
      .replaceAll('/etc/redis', folder.at('redis'))
      .replaceAll('/etc/postern', place)
      .replaceAll('redis.example.net', 'localhost')
      .replaceAll(' 10.0.0.5', '')
      .replaceAll('6379', String(port))
      .replaceAll(/mx1(?! mx2)/g, name);
    const config = `${place}/postern.yaml`;
    const variables = [`NODE=${process.execPath}`, `PROGRAM=${resolve('dist/cli/main.js')}`];
    const argv = ['env', ...variables, `CONFIG=${config}`, 'bash', '-c', `${MACHINE}${script}`];
    const { status, stdout, stderr } = await runCommand(argv, { timeout: 30_000 });
    expect({ status, output: status === 0 ? '' : stdout + stderr }).toEqual({
      status: 0,
      output: '',
    });
    return stdout;
  }

  beforeAll(async () => {
    folder = scratchFolder();
    folder.write('redis/redis.conf', 'port 6379\nbind 127.0.0.1 -::1\n');
    [port] = (await freePorts(1)) as [number];
    for (const text of OF_ENGINE) await follow(text, 'mx1', folder.path);
    const argv = ['redis-server', folder.at('redis/redis.conf')];
    redis = new RedisServer(folder.path, { name: 'Redis', argv });
    await redis.start(['--port', '0']);
  });
  afterAll(async () => {
    for (const server of servers.values()) await server.remove();
    await redis?.stop();
    folder?.remove();
  });

  it('has commands for both kinds of hosts', () => {
    expect([OF_ENGINE.length, OF_SERVER.length]).toEqual([3, 2]);
  });

  it.each(['mx1', 'mx2'])('lets %s count with the others', async (name) => {
    const server = setUpPostern(YAML);
    servers.set(name, server);
    let printed = '';
    for (const text of OF_SERVER) printed += await follow(text, name, server.path);
    const [line = ''] = /(?<=^ {4})ok +share: .*$/m.exec(PAGE) ?? [];
    const here = line.replace('redis.example.net:6379', `localhost:${port}`).replace('mx1', name);
    expect(withoutVersion(printed)).toContain(`\n${withoutVersion(here)}\n`);
    expect(printed).not.toMatch(/^(wrong|warning) +share/m);
    await server.start();
  });

  it('prints what the page says', async () => {
    const status = async () => (await servers.get('mx1')?.command('status'))?.stdout ?? '';
    let text = '';
    await until(
      'both to see each other',
      async () => {
        text = await status();
        return text.includes('share with mx2: present');
      },
      { evidence: () => text },
    );
    const [own, other] = /^ {4}(share: .*)\n {4}(share with mx2: .*)$/m.exec(PAGE)?.slice(1) ?? [];
    const withoutClock = (line = '') => line.replace(/clock: .*/, 'clock:');
    expect(text).toContain(withoutClock(own));
    expect(text).toContain(withoutClock(other));
  });
});
