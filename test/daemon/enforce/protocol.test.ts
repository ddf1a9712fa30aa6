/** What a reader may request from the step, and what it may not. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeReconcile, parseRequest, splitLines } from '../../../src/daemon/enforce/protocol.ts';

const block = {
  id: 7,
  key: { type: 'user', id: 'alice@example.net' },
  cause: 'invalid-recipients',
  start: 1_700_000_000_000,
};
const reconcile = (change: object) =>
  JSON.stringify({ kind: 'reconcile', blocks: [block], written: {}, pending: [], ...change });

describe('a request', () => {
  it('arrives as it was sent', () => {
    const request = {
      blocks: [{ ...block, key: { type: 'user', id: 'alice@example.net' }, end: 5 } as const],
      written: new Map([['postfix.user', new Set([7])]]),
      pending: new Set(['postfix.user']),
      now: 1,
    };
    const sent = encodeReconcile(request);
    expect(parseRequest(JSON.stringify(sent))).toEqual(sent);
  });

  it('names no file and no command: anything else in it is dropped', () => {
    const request = parseRequest(
      reconcile({
        file: '/etc/shadow',
        now: 0,
        timeout: 0,
        blocks: [{ ...block, line: 'x', file: '/etc/shadow' }],
      }),
    );
    expect(request).toEqual({ kind: 'reconcile', blocks: [block], written: {}, pending: [] });
  });

  it.each([
    ['something that is not JSON', 'rm -rf /'],
    ['something that is not an object', '7'],
    ['another request', '{"kind":"release","ids":["4ABC"]}'],
    ['deleting', '{"kind":"remove","ids":["4ABC"]}'],
    [
      'a key of another kind',
      reconcile({ blocks: [{ ...block, key: { type: 'host', id: 'x' } }] }),
    ],
    [
      'an identity that is not a string',
      reconcile({ blocks: [{ ...block, key: { type: 'user', id: {} } }] }),
    ],
    ['a time outside the calendar', reconcile({ blocks: [{ ...block, start: 1e300 }] })],
    ['a number of a block below 0', reconcile({ blocks: [{ ...block, id: -1 }] })],
    ['a number of a block with a fraction', reconcile({ blocks: [{ ...block, id: 0.5 }] })],
    ['a long cause', reconcile({ blocks: [{ ...block, cause: 'x'.repeat(5000) }] })],
    ['more blocks than any server has', reconcile({ blocks: Array(100_001).fill(block) })],
    ['numbers that are not numbers', reconcile({ written: { 'postfix.user': ['/etc/shadow'] } })],
    ['IDs that are not strings', '{"kind":"hold","ids":[7]}'],
  ])('with %s is refused', (_what, line) => {
    expect(parseRequest(line)).toHaveProperty('error');
  });

  it('of any bytes is refused without an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(parseRequest(line)).toHaveProperty('error');
      }),
    );
  });
});

describe('lines of a stream', () => {
  it('are the same whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 1, max: 5 }),
        async (text, size) => {
          const bytes = Buffer.from(text);
          const chunks: Buffer[] = [];
          for (let from = 0; from < bytes.length; from += size)
            chunks.push(bytes.subarray(from, from + size));
          const lines: string[] = [];
          for await (const line of splitLines(Readable.from(chunks), 1e6)) lines.push(line);
          expect(lines).toEqual(bytes.toString().split('\n').slice(0, -1));
        },
      ),
    );
  });

  it('do not fill the memory', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(1000, 'x');
    }
    const next = splitLines(endless(), 10_000).next();
    await expect(next).rejects.toThrow('a line longer than 10000 bytes');
  });
});
