/** Targets as an operator sees them: ones that the configuration no longer has, and queued mail without a service. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Scratch, scratch } from '../service/scratch.ts';

let at: Scratch;
afterEach(() => at.remove());

/** An installation with a database and no service; then with other words in its configuration. */
function place(...changes: readonly (readonly [string, string])[]): void {
  at = scratch();
  at.write();
  at.withStore(() => {});
  configure(...changes);
}

function configure(...changes: readonly (readonly [string, string])[]): void {
  let text = readFileSync(at.config, 'utf8');
  for (const [before, after] of changes) {
    expect(text).toContain(before);
    text = text.replace(before, after);
  }
  writeFileSync(at.config, text);
}

function command(name: string, text: string): string {
  writeFileSync(at.path(name), `#!/bin/sh\n${text}\n`);
  chmodSync(at.path(name), 0o755);
  return at.path(name);
}

const run = (...argv: string[]) => at.run(...argv);

const USER = 'user: { file: maps/sasl_access, type: texthash }';
const CLIENT = 'client: { file: maps/client_access, type: cidr }';
const ALICE = 'alice@example.net';

describe('a target that failed', () => {
  async function failing(): Promise<void> {
    place(
      ['reload: []', 'reload: [/nonexistent/reload]'],
      ['maps/sasl_access', 'none/sasl_access'],
    );
    expect((await run('block', ALICE)).err).toContain('none/sasl_access');
    expect((await run('status')).out).toContain('postfix.user: ');
  }

  it('and is switched off is no problem any more', async () => {
    await failing();
    configure([USER.replace('maps', 'none'), 'user: false']);
    expect((await run('status')).out).not.toContain('postfix.user: ');
    expect(await run('unblock', ALICE)).toMatchObject({ status: 1 });
    configure(['[/nonexistent/reload]', '[]']);
    expect(await run('block', '192.0.2.7')).toMatchObject({ status: 0, err: '' });
  });

  it('is none in observe mode, where nothing is tried', async () => {
    await failing();
    configure(['mta: postfix', 'mta: postfix\nmode: observe']);
    expect((await run('status')).out).not.toContain('postfix.user: ');
  });
});

it('a block whose target is switched off is not in force', async () => {
  place();
  expect(await run('block', '192.0.2.7')).toMatchObject({ status: 0 });
  expect((await run('blocks')).out).not.toContain('NOT IN FORCE');
  configure([CLIENT, 'client: false']);
  const why = 'no target for client (targets.postfix.client is false)';
  expect((await run('blocks')).out).toContain(`NOT IN FORCE: ${why}`);
  expect((await run('status')).out).toContain(`not in force: block 1: ${why}`);
});

describe('queued mail of who is blocked by hand, without a service', () => {
  const ENTRY = {
    queue_name: 'deferred',
    queue_id: '9BE7E21449E',
    arrival_time: 1,
    message_size: 1,
  };
  /** A message in the queue, of which the log says who sent it. */
  function queue(postsuper: string): void {
    const submitter = { type: 'user', id: ALICE } as const;
    const message = { host: 'mx1', queueId: '9BE7E21449E', touched: 1, submitter };
    at.withStore((store) => store.state.saveMessages([message], []));
    const listing = JSON.stringify({ ...ENTRY, sender: ALICE, recipients: [] });
    const postqueue = command('postqueue', `echo '${listing}'`);
    configure([
      'queue: { hold: false }',
      `commands: { postsuper: [${postsuper}], postqueue: [${postqueue}] }`,
    ]);
  }

  it('is held', async () => {
    place();
    const postsuper = command('postsuper', `cat >"${at.path('held')}"`);
    queue(postsuper);
    expect(await run('block', ALICE)).toMatchObject({ status: 0, err: '' });
    expect(readFileSync(at.path('held'), 'utf8')).toBe('9BE7E21449E\n');
    expect((await run('status')).out).not.toContain('queued mail');
  });

  it('is told to be not, where that fails', async () => {
    place();
    const postsuper = command('postsuper', 'echo "fatal: no" >&2; exit 1');
    queue(postsuper);
    const { status, err } = await run('block', ALICE);
    expect({ status, err }).toEqual({
      status: 1,
      err: `queued mail not held yet: ${postsuper} -h -: fatal: no\n`,
    });
    expect((await run('status')).out).toContain(
      `queued mail of block 1 is not held yet: ${postsuper} -h -: fatal: no`,
    );
  });
});
