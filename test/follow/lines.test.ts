import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LINE_LIMIT, LineSplitter } from '../../src/follow/lines.ts';
import type { Line } from '../../src/model/line.ts';

/** Splits `bytes`, cut into chunks at `cuts`. */
function split(bytes: Buffer, cuts: readonly number[] = []): Line[] {
  const splitter = new LineSplitter('mail.log');
  const borders = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  const lines: Line[] = [];
  for (let index = 1; index < borders.length; index++) {
    lines.push(...splitter.push(bytes.subarray(borders[index - 1], borders[index])));
  }
  const last = splitter.end();
  return last === undefined ? lines : [...lines, last];
}

const CASES: readonly (readonly [
  name: string,
  text: string,
  lines: readonly [string, number][],
])[] = [
  ['nothing', '', []],
  ['one line', 'a\n', [['a', 0]]],
  [
    'empty lines',
    '\n\na\n',
    [
      ['', 0],
      ['', 1],
      ['a', 2],
    ],
  ],
  [
    'no newline at the end',
    'a\nbc',
    [
      ['a', 0],
      ['bc', 2],
    ],
  ],
  [
    'CRLF',
    'a\r\nb\r\n',
    [
      ['a', 0],
      ['b', 3],
    ],
  ],
  ['one CR only', 'a\r\r\n', [['a\r', 0]]],
  ['a CR inside a line', 'a\rb\n', [['a\rb', 0]]],
  ['a CR before the missing newline', 'a\r', [['a', 0]]],
  [
    'NUL, NEL, line separators',
    'a\0b\x0b\x0c\x85\xe2\x80\xa8c\n',
    [['a\0b\x0b\x0c\x85\xe2\x80\xa8c', 0]],
  ],
  [
    'bytes that are no UTF-8',
    '\xff\xfe\xc3\n\xe4\n',
    [
      ['\xff\xfe\xc3', 0],
      ['\xe4', 4],
    ],
  ],
];

test.each(CASES)('%s', (_, text, expected) => {
  const bytes = Buffer.from(text, 'latin1');
  const everywhere = Array.from({ length: bytes.length }, (_unused, index) => index);
  for (const cuts of [[], everywhere]) {
    const lines = split(bytes, cuts);
    expect(lines.map((line) => [line.bytes, line.offset])).toEqual(expected);
    expect(lines.map((line) => line.line)).toEqual(expected.map((_line, index) => index + 1));
  }
});

test('any bytes in any chunks give the same lines, and the file can be put together from them', () => {
  const bytes = fc.array(
    fc.constantFrom('a', '\n', '\r', '\0', '\xff', '\r\n', 'long'.repeat(20_000)),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(bytes, fc.array(fc.nat()), (parts, cuts) => {
      const file = Buffer.from(parts.join(''), 'latin1');
      const lines = split(
        file,
        cuts.map((cut) => cut % (file.length + 1)),
      );
      expect(lines).toEqual(split(file));
      for (const line of lines) {
        const end = file.indexOf(10, line.offset);
        const whole = file.toString('latin1', line.offset, end < 0 ? file.length : end);
        expect(line.bytes).toBe(whole.replace(/\r$/, '').slice(0, LINE_LIMIT));
      }
      expect(lines.length).toBe(
        file
          .toString('latin1')
          .split('\n')
          .filter((text, index, all) => index < all.length - 1 || text !== '').length,
      );
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['at the limit', LINE_LIMIT, 0],
  ['one byte over it', LINE_LIMIT + 1, 1],
  ['many times the limit', LINE_LIMIT * 40, 1],
])('a line %s', (_, length, cut) => {
  for (const end of ['\n', '\r\n']) {
    const splitter = new LineSplitter('mail.log', { offset: 100, line: 7 });
    const lines = splitter.push(Buffer.from(`${'x'.repeat(length)}${end}next\n`, 'latin1'));
    expect(lines.map((line) => [line.line, line.offset, line.bytes.length])).toEqual([
      [8, 100, Math.min(length, LINE_LIMIT)],
      [9, 100 + length + end.length, 4],
    ]);
    expect(splitter.cut).toBe(cut);
    expect(splitter.pending).toBe(0);
  }
});

test('a line without end stays within bounds', () => {
  const splitter = new LineSplitter('mail.log');
  const chunk = Buffer.alloc(1_048_576, 0x78);
  for (let count = 0; count < 64; count++) expect(splitter.push(chunk).length).toBe(0);
  expect({ offset: splitter.offset, pending: splitter.pending }).toEqual({
    offset: 0,
    pending: 2 ** 26,
  });
  const [line] = splitter.push(Buffer.from('\n'));
  expect(line?.bytes.length).toBe(LINE_LIMIT);
  expect(splitter.offset).toBe(2 ** 26 + 1);
});
