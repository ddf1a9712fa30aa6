/** Two real Postfix instances, each with its own Postern, and one Redis: what one of them alone would never see. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import {
  hasPostfix,
  indexedMapType,
  type PostfixServer,
  startPostfix,
} from '../support/postfix.ts';
import { postfixCommands, postfixTargets } from '../support/recipes.ts';
import { ENGINE_PATIENCE, ENGINES, RedisServer } from '../support/redis.ts';
import { type Sink, startSink, unknownNobody } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';

const ALICE = 'alice@example.net';
/** The shipped rule invalid-recipients has the limit 100. */
const EACH = 60;

interface Server {
  readonly postfix: PostfixServer;
  readonly postern: Postern;
}

describe.each(hasPostfix() ? ENGINES : [])('two Postfix servers that share $name', (program) => {
  let folder: Folder;
  let redis: RedisServer;
  let sink: Sink;
  const servers: Server[] = [];

  beforeAll(async () => {
    folder = scratchFolder();
    redis = new RedisServer(folder.path, program);
    await redis.start();
    sink = await startSink({ onRecipient: unknownNobody });
    const type = await indexedMapType();
    for (const name of ['mx1', 'mx2']) {
      const postfix = await startPostfix({ sinkPort: sink.port });
      const { configuration } = postfix;
      postfix.folder.write('etc/postern/.keep', '');
      const postern = setUpPostern(`mta: postfix
logs: [ ${postfix.logFile} ]
database: postern.db
share: { url: 'unix:${redis.socket}', host: ${name} }
${postfixTargets(configuration, type)}
${postfixCommands(configuration)}
`);
      servers.push({ postfix, postern });
      await postern.start();
    }
  }, ENGINE_PATIENCE);
  afterAll(async () => {
    for (const { postern, postfix } of servers) {
      await postern.remove();
      await postfix.stop();
    }
    await sink?.stop();
    await redis?.stop();
    folder?.remove();
  });

  const evidence = () => servers.map(({ postern }) => postern.log()).join('\n');

  function lists({ postfix }: Server): boolean {
    const file = `${postfix.configuration}/postern/sasl_access`;
    return readFileSync(file, 'utf8').includes(ALICE);
  }

  async function spam({ postfix }: Server, what: string): Promise<void> {
    const recipients = Array.from({ length: EACH }, (_, at) => `nobody-${what}${at}@example.org`);
    const auth = { user: ALICE, password: 'secret' };
    await sendMail({ port: postfix.submissionPort, auth }, { sender: ALICE, recipients });
  }

  it('block an account that stays below the limit on each of them', async () => {
    for (const [index, server] of servers.entries()) await spam(server, `${index}-`);
    for (const server of servers) {
      await until('the block on each server', () => lists(server), { timeout: 30_000, evidence });
    }
  });

  it('say which server blocked, and with whom they share', async () => {
    const outputs = await Promise.all(servers.map(({ postern }) => postern.command('blocks')));
    const texts = outputs.map(({ stdout }) => stdout);
    expect(texts.filter((text) => / on mx[12] /.test(text))).toHaveLength(1);
    const status = await servers[0]?.postern.command('status');
    expect(status?.stdout).toContain('share: connected');
    expect(status?.stdout).toContain('share with mx2: present');
    for (const { postern } of servers) {
      const explained = await postern.command('explain', ALICE);
      expect(explained.status, explained.stdout + explained.stderr).toBe(0);
      expect(explained.stdout).toMatch(/On each server: mx[12] \d+, mx[12] \d+/);
      const report = await postern.command('report', '--all-hosts');
      expect(report.stdout).toContain('Servers that count together, by the engine');
    }
  });

  it('release on both when one releases', async () => {
    await servers[1]?.postern.command('unblock', ALICE);
    for (const server of servers) {
      await until('the release on each server', () => !lists(server), { evidence });
    }
    const { stdout = '' } = (await servers[0]?.postern.command('blocks', '--all')) ?? {};
    expect(stdout).toContain('released on mx2');
  });

  it('check which rules count together', async () => {
    const checked = await servers[0]?.postern.command('check');
    expect(checked?.stdout).toContain('invalid-recipients counts on all servers together for user');
    expect(checked?.stdout).toContain('auth-failures is judged on each server: it blocks nobody');
    expect(checked?.stdout).toMatch(/answers as (Redis 7|Valkey 8)/);
  });
});
