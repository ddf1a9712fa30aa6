/** Blocks by hand, as an operator sees them: what is in force, what cannot be, and which number means what. */
import { appendFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Scratch, scratch } from '../service/scratch.ts';

let at: Scratch;
afterEach(() => at.remove());

/** An installation with a database and no service; a text is appended to the configuration. */
function place(options: Parameters<typeof scratch>[0] | string = ''): void {
  at = scratch(typeof options === 'string' ? { extra: options } : options);
  at.write();
  at.withStore(() => {});
}

const run = (...argv: string[]) => at.run(...argv);

function blockByRule(
  type: 'user' | 'uid' | 'sender',
  id: string,
  times: { end?: number } = {},
): void {
  at.withStore((store) =>
    store.commit(() =>
      store.blocks.start({ key: { type, id }, cause: 'rule', start: Date.now(), ...times }),
    ),
  );
}

describe('block and unblock --format json', () => {
  it('print the block as blocks does', async () => {
    place();
    const begun = await run('block', '192.0.2.9', '--note', 'ticket 7', '--format', 'json');
    expect(begun).toMatchObject({ status: 0, err: '' });
    expect(JSON.parse(begun.out)).toEqual({
      id: 1,
      key: { type: 'client', id: '192.0.2.9' },
      cause: 'manual',
      start: expect.stringMatching(/Z$/),
      note: 'ticket 7',
      inForce: true,
    });
    expect((await run('blocks', '--format', 'json')).out).toBe(begun.out);
    const again = await run('block', '192.0.2.9', '--format', 'json');
    expect(again).toEqual({ status: 0, out: begun.out, err: '' });
    const ended = await run('unblock', '192.0.2.9', '--format', 'json');
    expect(ended.status).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({
      id: 1,
      released: expect.stringMatching(/Z$/),
      releasedBy: 'operator',
    });
    expect((await run('blocks', '--all', '--format', 'json')).out).toBe(ended.out);
  });
});

describe('what cannot come into force', () => {
  it('a kind without a target is refused by hand', async () => {
    place();
    expect(await run('block', 'uid:www-data')).toEqual({
      status: 1,
      out: '',
      err: 'postern: uid:www-data cannot be blocked: no target for uid (targets.postfix.uid is false)\n',
    });
    expect((await run('blocks')).out).toBe('Nobody is blocked.\n');
  });

  it('a kind without a target is named where a rule blocked it', async () => {
    place();
    blockByRule('uid', '33');
    blockByRule('uid', '34');
    const why = 'no target for uid (targets.postfix.uid is false)';
    const { out } = await run('blocks');
    expect(out.split('\n')[0]).toMatch(/^1 {2}uid:33 {2}rule .* until released, NOT IN FORCE: /);
    expect(out).toContain(`NOT IN FORCE: ${why}\n`);
    expect(out).not.toContain('postern status');
    expect(JSON.parse((await run('blocks', '--format', 'json')).out.split('\n')[0] ?? '')).toEqual(
      expect.objectContaining({ inForce: false, why }),
    );
    const status = await run('status');
    expect(status).toMatchObject({ status: 1 });
    expect(status.out).toContain(`  not in force: blocks 1, 2: ${why}\n`);
  });

  it('observe mode is named, and is no problem', async () => {
    place('mode: observe');
    const { status, out } = await run('block', 'bob@example.net');
    expect({ status, out }).toMatchObject({ status: 0 });
    expect(out).toContain('Observe mode: the mail server is not changed.');
    expect((await run('blocks')).out).toContain('until released, NOT IN FORCE: observe mode\n');
    const told = (await run('status')).out;
    expect(told).toContain('mode observe\n');
    expect(told).toContain('blocks: 1 (1 not in force: observe mode) ');
    expect(told).not.toMatch(/^ {2}.*not in force/m);
  });

  it('what was listed before stays in force in observe mode', async () => {
    place();
    await run('block', 'bob@example.net');
    appendFileSync(at.config, 'mode: observe\n');
    expect((await run('blocks')).out).toMatch(/bob@example\.net .* until released\n$/);
    expect((await run('status')).out).toContain('blocks: 1   open');
  });
});

describe('a number', () => {
  it('of a running block is no login: unblock says whose it is', async () => {
    place();
    await run('block', '192.0.2.9');
    expect(await run('unblock', '1')).toEqual({
      status: 1,
      out: '',
      err: '1 is not blocked (block 1 is 192.0.2.9: postern unblock 192.0.2.9).\n',
    });
    await run('unblock', '192.0.2.9');
    expect((await run('unblock', '1')).err).toBe(
      '1 is not blocked (block 1, of 192.0.2.9, has ended).\n',
    );
    expect((await run('unblock', '2')).err).toBe('2 is not blocked.\n');
  });

  it('of a block is not blocked as a login, unless it is called one', async () => {
    place();
    await run('block', '192.0.2.9');
    expect(await run('block', '1')).toEqual({
      status: 2,
      out: '',
      err: 'postern: 1 is the number of a block (of 192.0.2.9); for the login: postern block user:1\n',
    });
    expect(await run('block', 'user:1')).toMatchObject({ status: 0 });
    expect(await run('block', '4711')).toMatchObject({ status: 0 });
    expect((await run('unblock', '1')).out).toBe('1 is no longer blocked (block 2).\n');
  });
});

describe('a sender address', () => {
  it('is typed as it is shown, everywhere', async () => {
    place({ mta: 'exim' });
    blockByRule('sender', 'spam@example.net');
    expect((await run('blocks')).out).toMatch(/^1 {2}sender:spam@example\.net {2}rule /);
    expect((await run('unblock', '1')).err).toBe(
      '1 is not blocked (block 1 is sender:spam@example.net: postern unblock sender:spam@example.net).\n',
    );
    expect((await run('explain', 'sender:spam@example.net')).out).toMatch(/^1 {2}sender:spam@/);
    // The user of that name is somebody else.
    expect(await run('unblock', 'spam@example.net')).toMatchObject({ status: 1 });
    expect(await run('unblock', 'Sender:Spam@example.net')).toMatchObject({
      status: 0,
      out: 'sender:spam@example.net is no longer blocked (block 1).\n',
    });
  });

  it('is blocked by hand, when it is an address', async () => {
    place({ mta: 'exim' });
    expect(await run('block', 'sender:spam@example.net')).toMatchObject({ status: 0 });
    expect(at.withStore((store) => store.blocks.allRunning())).toMatchObject([
      { key: { type: 'sender', id: 'spam@example.net' } },
    ]);
    expect((await run('block', 'sender:spam')).err).toMatch(/sender:spam cannot be blocked: /);
    for (const command of ['explain', 'unblock', 'block'])
      expect(await run(command, 'sender:')).toMatchObject({
        status: 2,
        err: 'postern: not an identity: "sender:"; expected alice@example.net, 192.0.2.7, 192.0.2.0/24, uid:33 or sender:alice@example.net\n',
      });
  });
});

describe('a line of blocks', () => {
  it('shows control characters of a note', async () => {
    place();
    await run('block', 'bob@example.net', '--note', 'a\u001b[2J\nb');
    const { out } = await run('blocks');
    expect(out).toContain('"a\\u001b[2J\\u000ab"');
    expect(out).toMatch(/^[^\x00-\x1f]+\n$/);
  });

  it('tells to the second how long it lasts', async () => {
    place();
    blockByRule('user', 'bob@example.net', { end: Date.now() + 3_599_992 });
    expect((await run('blocks')).out).toMatch(/until \S+Z \((?:1h|59m5\ds)\), NOT/);
  });
});

describe('a person with several logins', () => {
  it('is shown with all that the block lists', async () => {
    place('logins: { defaultDomain: example.net, extension: + }');
    at.withStore((store) =>
      store.commit(() => {
        for (const login of ['alice+phone', 'alice\u001b[2J'])
          store.logins.add('alice@example.net', login, Date.now());
      }),
    );
    await run('block', 'alice@example.net');
    const spellings = ['alice', 'alice\u001b[2j', 'alice+phone'];
    const shown = 'alice@example.net (also alice, alice\\u001b[2j, alice+phone)';
    for (const command of [['blocks'], ['explain', 'alice'], ['blocks', '--all']]) {
      expect((await run(...command)).out).toContain(`1  ${shown}  manual`);
      const { out } = await run(...command, '--format', 'json');
      expect(JSON.parse(out)).toMatchObject({ spellings });
    }
    expect((await run('block', 'bob@example.net', '--format', 'json')).out).toContain(
      '"spellings":["bob"]',
    );
  });
});
