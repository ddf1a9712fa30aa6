import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLogins, parseLoginNames } from '../../src/enforce/accounts.ts';
import { buildPostfixTargets, type PostfixTable } from '../../src/enforce/postfix.ts';
import {
  buildFixedFormat,
  buildPatternFormat,
  isAction,
  readFixedKeys,
} from '../../src/enforce/postfix-format.ts';
import { reconcile } from '../../src/enforce/reconcile.ts';
import type { Block, BlockableType } from '../../src/model/block.ts';
import { lookUp, postmapIn, REAL_TYPES, script } from './real-postmap.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-postfix-'));
  mkdirSync(join(folder, 'maps'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function blocksOf(type: BlockableType, ids: readonly string[]): Block[] {
  return ids.map((id, index) => ({ id: index + 1, key: { type, id }, cause: 'manual', start: 0 }));
}

async function write(kind: BlockableType, table: PostfixTable, ids: readonly string[]) {
  const passwd = join(folder, 'passwd');
  writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n');
  const more = { passwd, getent: [], reload: [], postmap: postmapIn(folder) };
  const targets = buildPostfixTargets({ ...more, [kind]: table });
  const blocks = blocksOf(kind, ids);
  const request = { blocks, written: new Map(), pending: new Set<string>(), now: 0 };
  const [result] = (await reconcile(targets, request)).targets;
  if (result === undefined) throw new Error('no result');
  utimesSync(table.file, 1e9, 1e9); // Postfix waits for a text table that was changed just now
  return result;
}

describe('the key of a line in a fixed-string map', () => {
  it.each<[string, string[]]>([
    ['Alice@example.net HOLD', ['alice@example.net']],
    ['"a b"@example.net\tHOLD', ['"a b"@example.net']],
    ['alice', []],
    ['"open HOLD', []],
    ['# alice HOLD', []],
    ['  # alice HOLD', []],
    ['  alice HOLD', []],
    ['', []],
  ])('%j has %j', (line, keys) => {
    expect(readFixedKeys(line)).toEqual(keys);
  });

  it.each(['two words', '"', 'a"b', '#alice', ' alice', 'a\\ b "', 'tab\tbed', '\u00a0x'])(
    '%j cannot be one',
    (id) => {
      expect(buildFixedFormat('HOLD').renderEntry({ type: 'user', id })).toHaveProperty('reason');
    },
  );
});

describe('actions', () => {
  it.each(['HOLD', 'HOLD see postern', 'REJECT 5.7.1 Your account is blocked'])('%s', (action) => {
    expect(isAction(action)).toBe(true);
  });
  it.each([
    '',
    'hold',
    'OK',
    'FILTER smtp:x',
    'HOLD\nvictim REJECT',
    'REJECT ',
    'REJECT caf\u00e9',
  ])('%j is none', (action) => {
    expect(isAction(action)).toBe(false);
  });

  it('doubles $ where it would be a group of the match', () => {
    const entry = buildPatternFormat('REJECT $1 fee').renderEntry({ type: 'user', id: 'a.b/c' });
    expect(entry).toMatchObject({ line: '/^a\\.b\\/c$/\tREJECT $$1 fee' });
  });
});

it.each<[BlockableType, PostfixTable]>([
  ['user', { file: '/x', type: 'cidr' }],
  ['sender', { file: '/x', type: 'list' }],
  ['user', { file: '/x', type: 'hash', text: 'a\nb' }],
])('refuses a %s table %j', (kind, table) => {
  expect(() => buildPostfixTargets({ [kind]: table })).toThrowError(
    expect.objectContaining({ code: 'target' }),
  );
});

it('reloads only for tables that Postfix reads when it starts', () => {
  const table = (type: string) => ({ file: '/x', type }) as PostfixTable;
  const targets = buildPostfixTargets({
    user: table('lmdb'),
    client: table('cidr'),
    sender: table('hash'),
    uid: table('texthash'),
    reload: ['postfix', 'reload'],
  });
  expect(targets.map(({ name, reload }) => [name, reload.join(' ')])).toEqual([
    ['postfix.user', ''],
    ['postfix.client', 'postfix reload'],
    ['postfix.uid', ''],
    ['postfix.sender', ''],
  ]);
});

const NASTY = [
  'alice@example.net',
  'Bob',
  '*',
  'a\\b',
  'a"b"c',
  '"a b"@example.net',
  '(?i)x',
  '.*',
  'x{1,2}',
  '[a-z]',
  'a/b',
  'a$1',
  '$$',
  'a|victim',
  '^victim',
  '!x',
  'a:b',
  'a#b',
  '日本語@example.net',
  '\\Qvictim\\E',
  'x\\',
];

describe.each(['lmdb', 'hash', 'btree', 'texthash', 'pcre', 'regexp'] as const)('%s', (type) => {
  it.runIf(REAL_TYPES.includes(type))(
    'the real Postfix finds each name that was written, and nobody else',
    async () => {
      const file = join(folder, 'maps', 'users');
      const result = await write('user', { file, type, action: 'REJECT', text: 'costs $5' }, NASTY);
      expect(result.failure).toBeUndefined();
      const refused = result.inexpressible.map(({ block }) => block.key.id);
      const written = NASTY.filter((id) => !refused.includes(id));
      expect(written.length).toBeGreaterThan(15);
      const found = lookUp(postmapIn(folder), `${type}:${file}`, [...written, 'victim', 'b', 'xx']);
      expect([...found.keys()].sort()).toEqual([...written].sort());
      expect(new Set(found.values())).toEqual(new Set(['REJECT costs $5']));
    },
  );
});

it.runIf(REAL_TYPES.includes('cidr'))(
  'cidr: the real Postfix finds addresses of both kinds',
  async () => {
    const file = join(folder, 'maps', 'clients');
    await write('client', { file, type: 'cidr' }, ['192.0.2.7', '2001:db8::7']);
    const keys = ['192.0.2.7', '192.0.2.8', '2001:db8::7', '2001:db8::8'];
    const found = lookUp(postmapIn(folder), `cidr:${file}`, keys);
    expect([...found]).toEqual([
      ['192.0.2.7', 'HOLD'],
      ['2001:db8::7', 'HOLD'],
    ]);
  },
);

it.runIf(REAL_TYPES.includes('lmdb'))(
  'an index follows what an operator deleted or added',
  async () => {
    const file = join(folder, 'maps', 'users');
    const table = { file, type: 'lmdb' } as const;
    await write('user', table, ['alice', 'bob']);
    writeFileSync(file, 'carol REJECT\n');
    await write('user', table, []);
    const found = lookUp(postmapIn(folder), `lmdb:${file}`, ['alice', 'bob', 'carol']);
    expect([...found.keys()]).toEqual(['carol']);
  },
);

it('never writes a line that means another name, in any format', () => {
  const name = fc.string({ unit: fc.constantFrom(...'aA1 "\\#:*/.$^[]{}@\t\n\u00e9') });
  fc.assert(
    fc.property(name, (id) => {
      const entry = buildFixedFormat('HOLD').renderEntry({ type: 'user', id });
      if ('reason' in entry) return;
      expect(readFixedKeys(entry.line)).toEqual([entry.key]);
      const lower = id.replaceAll('A', 'a');
      expect(Buffer.from(entry.key, 'latin1').toString('utf8')).toBe(lower);
    }),
  );
});

describe('local accounts', () => {
  it('become login names; unknown ones are reported', async () => {
    const file = join(folder, 'maps', 'uids');
    const result = await write('uid', { file, type: 'list' }, ['33', 'backup', '4711', 'unknown']);
    expect(result.written).toEqual([1, 2]);
    expect(result.inexpressible.map(({ reason }) => reason)).toEqual([
      'uid 4711 has no login name',
      expect.stringContaining('not a login name'),
    ]);
  });

  it('are read from passwd(5) lines; the first of a number counts', () => {
    const names = parseLoginNames('a:x:1:1:::\nb:x:1:1:::\n+::::::\nbad\n:x:2:\nc:x:03x:\n');
    expect([...names]).toEqual([['1', 'a']]);
  });

  it('are looked up with getent if passwd does not have them', async () => {
    const passwd = join(folder, 'passwd');
    writeFileSync(passwd, 'root:x:0:0::/:/bin/sh\n');
    const getent = script(
      join(folder, 'getent'),
      '[ "$1" = 1001 ] && echo "ldapuser:*:1001:100::/:"',
    );
    const names = await findLogins(['0', '1001', '1002', '1 2'], { passwd, getent });
    expect([...names]).toEqual([
      ['0', 'root'],
      ['1001', 'ldapuser'],
    ]);
  });

  it('stay known while the directory that knew them is down', async () => {
    const file = join(folder, 'uids');
    const passwd = join(folder, 'passwd');
    const flag = join(folder, 'up');
    writeFileSync(flag, '');
    const getent = script(
      join(folder, 'getent'),
      `test -e '${flag}' && echo "ldapuser:*:$1:100::/:"`,
    );
    const [target] = buildPostfixTargets({ uid: { file, type: 'list' }, passwd, getent });
    const blocks = blocksOf('uid', ['1001']);
    for (let round = 0; round < 2; round++) {
      await target?.prepare(blocks);
      expect(target?.renderEntry({ type: 'uid', id: '1001' })).toMatchObject({ line: 'ldapuser' });
      rmSync(flag, { force: true });
    }
  });

  it('stay unknown without either', async () => {
    const options = { passwd: join(folder, 'none'), getent: [join(folder, 'none')] };
    expect([...(await findLogins(['33'], options))]).toEqual([]);
  });
});
