/** Blocks by hand, as an operator sees them: what is in force, what cannot be, and which number means what. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { VerdictOutcome } from '../../src/model/block.ts';
import { eventually, type Scratch, scratch } from '../service/scratch.ts';

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

describe('blocks of several servers', () => {
  it('are filtered and sorted by the server where they began', async () => {
    place('host: mx1.example.net\n');
    at.withStore((store) =>
      store.commit(() => {
        for (const [id, host] of [
          ['far', 'mx2.example.net'],
          ['own', undefined],
        ] as const)
          store.blocks.start({ key: { type: 'user', id }, cause: 'manual', start: 1, host });
      }),
    );
    const list = async (...words: string[]) =>
      (await run('blocks', '--format', 'plain', ...words)).out;
    expect(await list('--host', 'mx1.example.net')).toBe('own\n');
    expect(await list('--host', 'mx2.example.net')).toBe('far\n');
    expect((await run('blocks', '--format', 'csv', '--sort', 'host')).out).toMatch(
      /,note,host\n2,user,own,.*,\n1,user,far,.*,mx2\.example\.net\n$/,
    );
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
    expect(out.split('\n')[0]).toMatch(
      /^1 {2}uid:33 \(www-data\) {2}rule .* until released, NOT IN FORCE: /,
    );
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

describe('a login with the name of a local account', () => {
  it('is blocked without the account beside Postfix, where they are two things', async () => {
    place();
    const { status, out } = await run('block', 'root');
    expect({ status, out }).toEqual({
      status: 0,
      out: expect.stringContaining(
        'This blocks the login root. The local account of that name is not blocked by it: it is uid:root.\nroot is blocked',
      ),
    });
    expect(readFileSync(at.path('maps/sasl_access'), 'utf8')).toContain('\nroot\tHOLD');
    expect((await run('block', 'uid:root')).err).toContain('root is never blocked');
    expect((await run('block', 'nobody-of-that-name')).out).not.toContain('local account');
  });

  it('is blocked with the account beside Exim, which has one file for both, and so never root', async () => {
    place({ mta: 'exim' });
    expect((await run('block', 'daemon')).out).toContain(
      'This blocks the login daemon and the local account of that name: Exim looks up both in one file.\n',
    );
    const refused = await run('block', 'root');
    expect(refused).toMatchObject({
      status: 1,
      err: expect.stringContaining('root cannot be blocked: root is never blocked'),
    });
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
    expect((await run('explain', 'sender:spam@example.net')).out).toMatch(
      /^1 {2}sender:spam@example\.net/m,
    );
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
    expect((await run('blocks')).out).toMatch(/until [\d-]+ [\d:]+\S+ \((?:1h|59m5\ds)\), NOT/);
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

describe('what is no identity', () => {
  it.each([
    ['999.1.1.1', 'there is no such address'],
    ['1.2.3', 'there is no such address'],
    ['300::1::2', 'there is no such address'],
    ['192.0.2.*', 'there is no such address'],
    ['192.0.2.7:25', 'without brackets and port: 192.0.2.7'],
    ['[2001:db8::7]:25', 'without brackets and port: 2001:db8::7'],
    ['192.0.2.0/33', 'there is no such network'],
    ['192.0.2.7/24', 'that network is 192.0.2.0/24'],
    ['2001:db8::7/64', 'that network is 2001:db8::/64'],
    ['*@example.net', 'patterns and whole domains cannot be blocked'],
    ['@example.net', 'patterns and whole domains cannot be blocked'],
    ['a\u0007b', 'it contains control characters'],
    ['a\u0085b', 'it contains control characters'],
    ['DOM\\eve', "if it is a login: 'user:DOM\\eve'"],
    ['a b', "if it is a login: 'user:a b'"],
    ['', 'alice@example.net'],
  ])('%j is refused by each command, never taken for a login', async (typed, hint) => {
    place();
    for (const command of ['block', 'unblock', 'explain', 'queue']) {
      const { status, out, err } = await run(command, typed);
      expect({ status, out }).toEqual({ status: 2, out: '' });
      expect(err).toContain('not an identity: ');
      expect(err).toContain(hint);
    }
    expect((await run('blocks')).out).toBe('Nobody is blocked.\n');
  });
});

describe('what is written down but not in force', () => {
  it('is said, with the command that starts what is down', async () => {
    place('enforcer: separate');
    const begun = await run('block', 'bob@example.net');
    expect(begun).toEqual({
      status: 1,
      out: '',
      err: 'bob@example.net is NOT blocked yet (block 1, until released): it is written down, but postern enforce is not running (systemctl start postern-enforce)\n',
    });
    const json = await run('block', 'bob@example.net', '--format', 'json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      id: 1,
      inForce: false,
      why: expect.stringContaining('postern enforce is not running'),
    });
  });

  it('and a block that has ended may still be in the file', async () => {
    place();
    await run('block', 'bob@example.net');
    appendFileSync(at.config, 'enforcer: separate\n');
    const ended = await run('unblock', 'bob@example.net', '--format', 'json');
    expect(ended.status).toBe(1);
    expect(ended.err).toMatch(
      /^bob@example\.net is STILL blocked: line \d+ of \S+sasl_access \(block 1\); it is written down, but postern enforce is not running/,
    );
    expect(JSON.parse(ended.out)).toMatchObject({
      id: 1,
      releasedBy: 'operator',
      stillBlockedBy: [{ blocks: true, block: 1, file: at.path('maps/sasl_access') }],
    });
  });

  it('a line by hand blocks without a block of Postern', async () => {
    place();
    writeFileSync(at.path('maps/sasl_access'), '# mine\nbob@example.net REJECT stolen\n');
    const file = at.path('maps/sasl_access');
    const said = `bob@example.net has no block of Postern, but is blocked: line 2 of ${file} (written by hand); delete it there\n`;
    expect(await run('unblock', 'bob@example.net')).toEqual({ status: 1, out: '', err: said });
    const { out } = await run('unblock', 'bob@example.net', '--format', 'json');
    expect(JSON.parse(out)).toMatchObject({
      key: { type: 'user', id: 'bob@example.net' },
      stillBlockedBy: [{ blocks: true, text: 'REJECT stolen', line: 2, file }],
    });
  });

  it('a running service has done it when the command returns', async () => {
    place();
    const service = at.start();
    await eventually(() => existsSync(at.path('maps/sasl_access')));
    expect((await run('block', 'bob@example.net')).status).toBe(0);
    expect(readFileSync(at.path('maps/sasl_access'), 'utf8')).toContain('\nbob@example.net\t');
    expect(await run('unblock', 'bob@example.net')).toMatchObject({ status: 0, err: '' });
    expect(readFileSync(at.path('maps/sasl_access'), 'utf8')).not.toContain('bob@');
    await service.stop();
  });

  it('an exception by hand is no block', async () => {
    place();
    writeFileSync(at.path('maps/sasl_access'), 'bob@example.net OK\n');
    expect(await run('block', 'bob@example.net')).toEqual({
      status: 1,
      out: '',
      err: `bob@example.net is NOT blocked yet (block 1, until released): line 4 of ${at.path('maps/sasl_access')} (written by hand) lets bob@example.net pass (OK)\n`,
    });
  });

  it('a login that the table cannot hold is refused', async () => {
    place();
    expect(await run('block', 'user:a b')).toEqual({
      status: 1,
      out: '',
      err: 'postern: user:a b cannot be blocked: a table of this type cannot hold it as a key (type: regexp can)\n',
    });
  });

  it('a network is refused where the mail server does not look up networks', async () => {
    place({ mta: 'exim', extra: 'commands: { exim: [ /nonexistent/exim4 ] }\n' });
    const { status, err } = await run('block', '203.0.113.0/24');
    expect(status).toBe(1);
    expect(err).toContain('203.0.113.0/24 cannot be blocked: /nonexistent/exim4');
    expect(await run('block', '2001:db8::7')).toMatchObject({
      status: 0,
      out: '2001:db8::7 is blocked (block 1, until released).\n',
    });
  });
});

describe('a verdict that blocked nobody', () => {
  function judge(id: string, outcome: VerdictOutcome, ago = 0): void {
    const time = Date.now() - ago;
    const place = { source: 'mail.log', line: 1, offset: 0 };
    const counted = { count: 100, limit: 100, period: 3_600_000 };
    const key = { type: 'user', id } as const;
    at.withStore((store) =>
      store.commit(() =>
        store.verdicts.insert(
          { ...place, ...counted, rule: 'rule', action: 'block', key, time },
          outcome,
          0,
        ),
      ),
    );
  }

  it('because of the cap is a problem, until the account is blocked or allowed', async () => {
    place('caps: { blocksPerHour: 3 }');
    for (const id of ['alice', 'bob']) judge(`${id}@example.net`, 'capped');
    judge('old@example.net', 'capped', 100_000_000);
    const status = await run('status');
    expect(status.status).toBe(1);
    expect(status.out).toContain(
      '  cap reached (caps.blocksPerHour: 3), NOT blocked: alice@example.net, bob@example.net; look at each with postern explain, then postern block, or raise the cap and restart\n',
    );
    await run('block', 'alice@example.net');
    expect((await run('status')).out).toContain('NOT blocked: bob@example.net; look');
    await run('unblock', 'alice@example.net');
    appendFileSync(at.config, 'allow: { users: [ bob@example.net ] }\n');
    expect((await run('status')).out).not.toContain('cap reached');
  });

  it('is what explain shows when it is newer than the block', async () => {
    place('caps: { blocksPerHour: 3 }');
    await run('block', 'alice@example.net');
    await run('unblock', 'alice@example.net');
    judge('alice@example.net', 'capped');
    const explained = await run('explain', 'alice@example.net');
    expect(explained.out.replace(/\s+/g, ' ')).toContain(
      'NOT blocked: the cap of 3 blocks per hour (caps.blocksPerHour) was reached. To block it: postern block alice@example.net',
    );
    const json = JSON.parse((await run('explain', 'alice@example.net', '--format', 'json')).out);
    expect(json).toMatchObject({ outcome: 'capped' });
    await run('block', 'alice@example.net');
    expect((await run('explain', 'alice@example.net')).out).not.toContain('NOT blocked');
  });

  it('because no file can hold the login is a problem, and in the report', async () => {
    place();
    judge('a b', 'unblockable');
    const status = await run('status');
    expect(status.status).toBe(1);
    expect(status.out).toContain(
      '  cannot be blocked: user:a b: a table of this type cannot hold it as a key (type: regexp can); suspend it where the mail server checks its password\n',
    );
    const report = (await run('report')).out;
    expect(report).toContain('Cannot be blocked (postern status says why)\n');
    expect(report).toMatch(/^user:a b +suspend it where the mail server checks its password$/m);
    expect((await run('explain', 'user:a b')).out).toContain(
      'NOT blocked, since no block file can hold it: suspend it',
    );
  });
});
