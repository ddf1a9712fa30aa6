import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildEximTargets, readLsearchKeys, renderLsearchEntry } from '../../src/enforce/exim.ts';
import type { BlockableType } from '../../src/model/block.ts';

const FILE = '/var/spool/exim4/blocked_users';

describe('the line for an identity', () => {
  it.each<[BlockableType, string, string]>([
    ['user', 'alice@example.net', 'alice@example.net'],
    ['user', 'Alice', 'alice'],
    ['user', 'alice+x@example.net', 'alice+x@example.net'],
    ['user', 'two words', '"two words"'],
    ['user', 'a:b', '"a:b"'],
    ['user', '#alice', '"#alice"'],
    ['user', 'a"b\\c', '"a\\"b\\\\c"'],
    ['client', '192.0.2.7', '192.0.2.7'],
    ['client', '2001:db8::7', '"2001:db8::7"'],
    ['uid', 'www-data', 'www-data'],
    ['uid', '33', '33'],
    ['sender', '"a b"@example.net', '"\\"a b\\"@example.net"'],
  ])('%s %s is %s', (type, id, line) => {
    expect(renderLsearchEntry({ type, id })).toMatchObject({ line });
  });

  it.each<[BlockableType, string]>([
    ['user', '192.0.2.7'],
    ['user', '2001:db8::7'],
    ['user', '0.0.0.0/0'],
    ['uid', '::1'],
    ['user', '*'],
    ['user', '*@example.net'],
    ['sender', 'example.net'],
    ['sender', '@example.net'],
    ['sender', 'alice@'],
    ['client', 'mx.example.net'],
    ['client', '192.0.2.0/24'],
    ['user', 'a\nb'],
    ['user', ''],
  ])('%s %j is not written', (type, id) => {
    expect(renderLsearchEntry({ type, id })).toHaveProperty('reason');
  });
});

describe('the key of a line', () => {
  // As string_interpret_escape() and internal_lsearch_find() read them.
  it.each<[string, string[]]>([
    ['alice', ['alice']],
    ['Alice: 1', ['alice']],
    ['alice 1', ['alice']],
    ['"a b": 1', ['a b']],
    ['"a\\"b"', ['a"b']],
    ['"\\x41\\102\\t"', ['ab\t']],
    ['"open', ['open']],
    ['# alice', []],
    ['  alice', []],
    ['', []],
    ['2001:db8::7', ['2001']],
  ])('%j has %j', (line, keys) => {
    expect(readLsearchKeys(line)).toEqual(keys);
  });

  it('is the identity itself, whatever the identity', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (id) => {
        const entry = renderLsearchEntry({ type: 'user', id });
        if ('reason' in entry) return;
        expect(entry.line).not.toMatch(/[\r\n]/);
        expect(readLsearchKeys(entry.line)).toEqual([entry.key]);
        const text = Buffer.from(entry.key, 'latin1').toString('utf8');
        expect(text).toBe(id.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
      }),
    );
  });
});

describe('targets', () => {
  it('puts users, clients and local accounts into one file, senders into another', () => {
    const targets = buildEximTargets({ blockedUsers: FILE, blockedSenders: `${FILE}.senders` });
    expect(targets.map(({ accepts }) => accepts)).toEqual([['user', 'client', 'uid'], ['sender']]);
    expect(targets.map(({ reload }) => reload)).toEqual([[], []]);
  });

  it('has none for a file that is not configured', () => {
    expect(buildEximTargets({})).toEqual([]);
  });
});
