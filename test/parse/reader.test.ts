import { describe, expect, test } from 'vitest';
import { takeAddress } from '../../src/parse/postfix/primitives.ts';
import { endOfQuoted, Reader } from '../../src/parse/reader.ts';

describe('the cursor moves behind what was taken, and only then', () => {
  test('a literal', () => {
    const reader = new Reader('abc');
    expect(reader.literal('b')).toBe(false);
    expect(reader.literal('ab')).toBe(true);
    expect(reader.rest()).toBe('c');
    expect(reader.atEnd).toBe(true);
  });

  test('up to a delimiter', () => {
    const reader = new Reader('a: b');
    expect(reader.until('; ')).toBeUndefined();
    expect(reader.until(': ')).toBe('a');
    expect(reader.position).toBe(3);
  });

  test('a word', () => {
    const reader = new Reader('ab c');
    expect(reader.word()).toBe('ab');
    expect(reader.word()).toBeUndefined();
    expect(reader.literal(' ')).toBe(true);
    expect(reader.word()).toBe('c');
    expect(reader.word()).toBeUndefined();
  });

  test('a number', () => {
    const reader = new Reader('12a');
    expect(reader.number()).toBe(12);
    expect(reader.number()).toBeUndefined();
    expect(reader.position).toBe(2);
    expect(new Reader('1'.repeat(16)).number()).toBeUndefined();
  });
});

const ANGLES: readonly (readonly [string, string | undefined, number])[] = [
  ['<a@example.org> b', 'a@example.org', 15],
  ['<> b', '', 2],
  ['<"a> b"@example.org> c', '"a> b"@example.org', 20],
  ['<"a\\">"@example.org>', '"a\\">"@example.org', 20],
  ['a@example.org>', undefined, 0],
  ['<a@example.org', undefined, 0],
  ['<"a@example.org>', undefined, 0],
];

test.each(ANGLES)('address in %j', (text, address, position) => {
  const reader = new Reader(text);
  expect(takeAddress(reader)).toBe(address);
  expect(reader.position).toBe(position);
});

test.each([
  ['"ab"c', 4],
  ['"a\\"b"', 6],
  ['"a\\\\"b"', 5],
  ['"ab', undefined],
  ['"ab\\"', undefined],
] as const)('end of the quoted string in %j', (text, end) => {
  expect(endOfQuoted(text, 0)).toBe(end);
});
