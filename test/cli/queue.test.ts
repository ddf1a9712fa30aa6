/** `postern queue` where the queue cannot be listed, or an argument is not clear; test/e2e/queue.ts has real queues. */
import { chmodSync, chownSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { idOf, isRoot } from '../support/server.ts';

const ENTRY = { queue_name: 'deferred', arrival_time: 1, message_size: 1, recipients: [] };

let at: Scratch;
beforeEach(() => {
  at = scratch();
  const commands = ['postsuper', 'postqueue', 'postcat'].map(
    (name) => `${name}: [${at.path(name)}]`,
  );
  const text = readFileSync(at.config, 'utf8');
  writeFileSync(at.config, `${text}\ncommands: { ${commands.join(', ')} }\n`);
  command('postsuper', 'cat >/dev/null');
  command('postcat', 'exit 1');
});
afterEach(() => at.remove());

function command(name: string, text: string): void {
  writeFileSync(at.path(name), `#!/bin/sh\n${text}\n`);
  chmodSync(at.path(name), 0o755);
}

/** The queue has these messages: queue ID and the user who sent it, as queue files say. */
function queue(...messages: readonly (readonly [id: string, user: string])[]): void {
  const lines = messages.map(([queue_id]) =>
    JSON.stringify({ ...ENTRY, queue_id, sender: 's@example.net' }),
  );
  command('postqueue', `cat <<'END'\n${lines.map((line) => `${line}\n`).join('')}END`);
  const cases = messages.map(([id, user]) => `${id}) user=${user};;`).join('\n');
  command(
    'postcat',
    `shift; for id in "$@"; do case $id in
${cases}
esac
echo "*** ENVELOPE RECORDS deferred/0/$id ***"; echo "named_attribute: sasl_username=$user"; done`,
  );
}

describe('a queue that cannot be listed', () => {
  it.each([
    ['echo "postqueue: fatal: Queue report unavailable" >&2; exit 69', 'Queue report unavailable'],
    ['exit 75', 'exit status 75'],
  ])('is a failure: %s', async (text, message) => {
    command('postqueue', text);
    for (const option of [[], ['--hold'], ['--delete', '--yes'], ['--format', 'json']]) {
      const { status, out, err } = await at.run('queue', 'alice', ...option);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toContain(message);
    }
  });

  it('in part is a failure, after the part that can be listed', async () => {
    queue(['4ABCDEF012', 'alice'], ['4ABCDEF013', 'bob']);
    command(
      'postcat',
      'echo "postcat: fatal: open queue file 4ABCDEF012: Permission denied" >&2; exit 1',
    );
    const { status, out, err } = await at.run('queue', 'alice', 'id:4ABCDEF013');
    expect(status).toBe(1);
    expect(out).toContain('4ABCDEF013  deferred');
    expect(err).toContain('Permission denied');
    expect(err).toContain(
      '1 message of the queue could not be examined, so mail may be missing here',
    );
  });

  it('is listed and held without a database that can be used, and the exit status says so', async () => {
    queue(['4ABCDEF012', 'alice'], ['4ABCDEF013', 'bob']);
    writeFileSync(at.path('postern.db'), 'damaged '.repeat(1000));
    const { status, out, err } = await at.run('queue', 'alice');
    expect({ status, out }).toEqual({ status: 1, out: expect.stringContaining('4ABCDEF012') });
    expect(out).not.toContain('4ABCDEF013');
    expect(err).toBe(
      `postern: ${at.path('postern.db')}: cannot use the database: file is not a database; mail whose submitter only the log names may be missing here\n`,
    );
    command('postsuper', 'cat >/dev/null; echo "postsuper: 4ABCDEF012: placed on hold" >&2');
    const held = await at.run('queue', 'alice', '--hold');
    expect({ status: held.status, out: held.out }).toEqual({
      status: 1,
      out: expect.stringContaining('1 message held.'),
    });
    expect((await at.run('queue', 'id:4ABCDEF013')).status).toBe(0);
  });

  it('for want of the program is a failure', async () => {
    writeFileSync(at.path('postqueue'), '');
    chmodSync(at.path('postqueue'), 0o644);
    expect(await at.run('queue', 'alice')).toMatchObject({
      status: 1,
      err: expect.stringContaining('cannot be started: EACCES'),
    });
  });
});

describe('an argument that may be a queue ID or a login', () => {
  it('is what the queue has', async () => {
    queue(['ABCDEF', 'alice']);
    expect((await at.run('queue', 'ABCDEF')).out).toMatch(/^ABCDEF {2}deferred/);
    queue(['4ABCDEF012', 'abcdef']);
    expect((await at.run('queue', 'ABCDEF')).out).toMatch(/^4ABCDEF012 {2}deferred/);
    queue(['4ABCDEF012', 'alice']);
    expect((await at.run('queue', 'ABCDEF')).out).toBe(
      'No message with the queue ID ABCDEF, or of abcdef is in the queue.\n',
    );
  });

  it('has to be made clear when the queue has both', async () => {
    queue(['ABCDEF', 'alice'], ['4ABCDEF012', 'abcdef']);
    expect(await at.run('queue', 'ABCDEF', '--delete', '--yes')).toEqual({
      status: 2,
      out: '',
      err: 'postern: ABCDEF is a queue ID and a login, and both have mail in the queue: write id:ABCDEF or user:ABCDEF\n',
    });
    expect((await at.run('queue', 'id:ABCDEF')).out).toMatch(/^ABCDEF {2}/);
    expect((await at.run('queue', 'user:ABCDEF')).out).toMatch(/^4ABCDEF012 {2}/);
  });
});

it('is listed without hidden characters', async () => {
  queue(['4ABCDEF012', 'alice']);
  const entry = { ...ENTRY, queue_id: '4ABCDEF012', sender: 'a\u001b[2J@example.net' };
  const recipients = [{ address: 'b\u202e@x', delay_reason: 'c\u0007' }];
  command('postqueue', `cat <<'END'\n${JSON.stringify({ ...entry, recipients })}\nEND`);
  for (const format of ['text', 'json']) {
    const { out } = await at.run('queue', '4ABCDEF012', '--format', format);
    expect(out).not.toMatch(/[\u001b\u202e\u0007]/);
    expect(out).toContain('\\u001b');
  }
});

describe('who acts on the queue', () => {
  const key = { type: 'user', id: 'alice@example.net' } as const;
  const before = process.env.SUDO_USER;
  beforeEach(() => {
    at.withStore((store) =>
      store.commit(() => {
        store.blocks.start({ key, cause: 'manual', start: Date.now() });
        const message = { host: 'mx1', queueId: '4ABCDEF012', submitter: key, touched: 1 };
        store.state.saveMessages([message], []);
      }),
    );
    queue(['4ABCDEF012', 'alice@example.net'], ['4ABCDEF013', 'Alice@example.net']);
    command('postsuper', 'sed "s/^/postsuper: /; s/$/: placed on hold/" >&2');
    process.env.SUDO_USER = 'jo';
  });
  afterEach(() => {
    if (before === undefined) delete process.env.SUDO_USER;
    else process.env.SUDO_USER = before;
  });
  const noted = () =>
    at.withStore((store) => store.actions.newest(9).map(({ time: _, ...action }) => action));
  const held = { who: 'jo', about: 'user:alice@example.net', block: 1, done: true };

  it('is noted by name, whether mail is named by its submitter or by queue ID', async () => {
    await at.run('queue', 'alice@example.net', '--hold');
    expect(noted()).toEqual([{ ...held, what: 'hold 2 queued messages' }]);
    await at.run('queue', 'id:4ABCDEF012', '--hold');
    expect(noted()[0]).toEqual({ ...held, what: 'hold 1 queued message' });
    expect((await at.run('explain', '1', '--utc')).out).toMatch(
      /Z {2}hold 2 queued messages by jo\n.*Z {2}hold 1 queued message by jo$/m,
    );
  });

  it('is noted after the block has ended, too', async () => {
    await at.run('unblock', 'alice@example.net');
    await at.run('queue', 'alice@example.net', '--hold');
    expect(noted().map(({ what, block }) => [what, block])).toEqual([
      ['hold 2 queued messages', 1],
      ['unblock', 1],
    ]);
  });

  it('is not noted of a mere look, of nobody, and of mail whose submitter is not known', async () => {
    await at.run('queue', 'alice@example.net');
    await at.run('queue', 'id:4ABCDEF013', '--hold');
    process.env.SUDO_USER = '';
    await at.run('queue', 'alice@example.net', '--hold');
    const isService = readFileSync('/proc/self/loginuid', 'latin1') === '4294967295';
    expect(noted()).toHaveLength(isService ? 0 : 1);
  });

  it.runIf(isRoot())(
    'is noted by root in the database of an instance and another account',
    async () => {
      const text = readFileSync(at.config, 'utf8').replace(/^database:.*$/m, '');
      writeFileSync(at.config, `${text}instances: [ { name: red, database: postern.db } ]\n`);
      const files = ['', ...readdirSync(at.folder).filter((name) => name.startsWith('postern.db'))];
      const give = (uid: number, gid: number) => {
        for (const name of files) chownSync(at.path(name), uid, gid);
      };
      give(idOf('/etc/passwd', 'www-data') ?? 0, idOf('/etc/group', 'www-data') ?? 0);
      const argv = ['src/cli/main.ts', 'queue', '--hold', 'alice@example.net'];
      const config = ['--config', at.config, '--instance', 'red'];
      const ran = await runCommand([process.execPath, ...argv, ...config], { timeout: 30_000 });
      give(0, 0);
      expect(ran).toMatchObject({ status: 0, stderr: '' });
      expect(noted()).toEqual([{ ...held, what: 'hold 2 queued messages' }]);
    },
  );
});
