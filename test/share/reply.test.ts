/** The engine's protocol: replies in any pieces, and replies that would fill the memory. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeCommand, type Reply, ReplyError, ReplyReader } from '../../src/share/reply.ts';

function encode(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (reply instanceof ReplyError) return `-${reply.message}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  return `*${reply.length}\r\n${reply.map(encode).join('')}`;
}

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\r\n', '*3\r\n$1\r\n', ''));
const reply = fc.letrec<{ any: Reply }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
  ),
})).any;

it('reads what was written, in whatever pieces it comes', () => {
  const replies = fc.array(fc.oneof(reply, fc.constant(new ReplyError('NOAUTH x'))), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(replies, fc.array(fc.nat({ max: 40 })), (written, sizes) => {
      const bytes = Buffer.from(written.map(encode).join(''));
      const reader = new ReplyReader();
      const read: Reply[] = [];
      let at = 0;
      for (const size of [...sizes, bytes.length]) {
        read.push(...reader.feed(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(read).toEqual(written);
    }),
  );
});

it('reads a status, and sends words of any bytes', () => {
  expect(new ReplyReader().feed(Buffer.from('+OK\r\n*-1\r\n'))).toEqual(['OK', null]);
  expect(encodeCommand(['SET', 'ä\r\n', ''])).toBe('*3\r\n$3\r\nSET\r\n$4\r\nä\r\n\r\n$0\r\n\r\n');
});

const MEGABYTE = 'x'.repeat(1024 * 1024);
it.each<[string, string, string]>([
  ['a text that is announced', '$400000000\r\n', ''],
  ['a text in an array', '*2\r\n$400000000\r\n', ''],
  ['many texts', '*100000000\r\n', `$${MEGABYTE.length}\r\n${MEGABYTE}\r\n`],
  ['many small items', '*100000000\r\n', ':1\r\n'.repeat(250_000)],
  ['a line without an end', '+', MEGABYTE],
  ['arrays within arrays', '', '*1\r\n'],
  ['no reply', 'HTTP/1.1 400 Bad Request\r\n', ''],
  ['no size', '$x\r\n', ''],
])('ends with %s', (_, first, more) => {
  const reader = new ReplyReader();
  expect(() => {
    reader.feed(Buffer.from(first));
    for (let count = 0; count < 20; count++) reader.feed(Buffer.from(more));
  }).toThrow(/the engine has sent/);
});
