/** What is compiled into expressions or remembered for speed gives the same as plain code, whatever the bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeText, ownCopy } from '../../src/model/line.ts';
import { createZone } from '../../src/parse/envelope/clock.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { startsHostAndTag } from '../../src/parse/envelope/exim.ts';
import { TagReader } from '../../src/parse/envelope/tag.ts';
import { StampReader } from '../../src/parse/envelope/timestamp.ts';
import { endOfAddress, endOfQueueId, takeClient } from '../../src/parse/postfix/primitives.ts';
import { endOfQuoted, Reader } from '../../src/parse/reader.ts';

const RUNS = { numRuns: 2000 };
const bytes = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0x20, max: 0x7e })))
  .map((codes) => String.fromCharCode(...codes));
/** Bytes that often end a run, so that short texts hold such ends. */
const dense = fc
  .array(fc.constantFrom(...'AEIOUaeiouyzZ09.-_%:/<>[]"\\ ,;\x00\x7f\x80\xff@'), { maxLength: 40 })
  .map((letters) => letters.join(''));
const text = fc.oneof(bytes, dense);
const at = fc.nat({ max: 12 });

function isHost(code: number): boolean {
  if ((code >= 0x61 && code <= 0x7a) || (code >= 0x2d && code <= 0x3a)) return true;
  return (code >= 0x41 && code <= 0x5a) || code === 0x5f || code === 0x25 || code > 0x7f;
}

function plainHostEnd(line: string, start: number): number {
  let end = start;
  while (end < start + 260 && isHost(line.charCodeAt(end))) end++;
  return end;
}

function plainQueueIdEnd(line: string, start: number): number {
  const letters = '0123456789AEBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
  let end = start;
  while (end < line.length && letters.includes(line.charAt(end))) end++;
  return end - start >= 6 && end - start <= 64 ? end : -1;
}

function plainAddressEnd(line: string, start: number): number {
  if (line.charAt(start) !== '<') return -1;
  let index = start + 1;
  if (line.charAt(index) === '"') {
    index = endOfQuoted(line, index) ?? -1;
    if (index < 0 || !['@', '>'].includes(line.charAt(index))) return -1;
  }
  for (; index < line.length; index++) {
    if (line.charAt(index) === '>') return index + 1;
    if (' <"\\'.includes(line.charAt(index))) return -1;
  }
  return -1;
}

const ID_DASHES = /^.{6}-(?:.{6}-.{2}|.{11}-.{4}) /s;
const SYSLOG_START =
  /^[A-Za-z0-9][\w.:-]{0,250} (?:[\w.-]{1,100}(?:\/[\w.-]{1,100}){1,4}|exim[\w.-]{0,100})\[[0-9]{1,10}\]: /;

/** Prefixes of all forms that have a host, or another word in its place, in pieces. */
const prefixed = fc
  .tuple(
    fc.constantFrom(
      'Nov  1 09:05:07 ',
      '2026-11-01T08:05:07Z ',
      '2026-11-01 09:05:07 ',
      '<22>Nov  1 09:05:07 ',
    ),
    fc.constantFrom('', '<mail.info> ', '<mail.x> ', 'INFO '),
    fc.constantFrom('', 'mx1 ', 'mx2 ', 'mail.info ', 'mx1  '),
    fc.constantFrom('', 'mail.info ', 'mail.info mail.warn ', '<mail.info> '),
    fc.constantFrom('postfix/smtpd[811]: ', 'exim[7]: ', 'app[9]: ', 'docker/app[9]: ', 'no tag '),
    fc.constantFrom('', 'Nov  1 01:05:07 ', '2026-11-01T01:05:07Z mx3 ', '2026-11-01 01:05:07 '),
    fc.constantFrom('', 'postfix/smtpd[812]: ', 'mx2 postfix/smtpd[812]: ', '1xUirY-00014N-13 '),
    text,
  )
  .map((pieces) => pieces.join(''));

describe('fast paths agree with the plain ones', () => {
  it('text of a field', () => {
    fc.assert(
      fc.property(bytes, (field) => {
        expect(decodeText(field)).toBe(new TextDecoder().decode(Buffer.from(field, 'latin1')));
      }),
      RUNS,
    );
  });

  it('a copy', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (field) => {
        expect(ownCopy(field)).toBe(field);
      }),
      RUNS,
    );
  });

  it('the end of a queue ID', () => {
    fc.assert(
      fc.property(text, at, (line, start) => {
        expect(endOfQueueId(line, start)).toBe(plainQueueIdEnd(line, start));
      }),
      RUNS,
    );
    for (const length of [5, 6, 64, 65]) {
      expect(endOfQueueId(`${'A'.repeat(length)}: x`, 0)).toBe(
        plainQueueIdEnd('A'.repeat(length), 0),
      );
    }
  });

  it('the end of an address', () => {
    fc.assert(
      fc.property(text, (line) => {
        expect(endOfAddress(`<${line}`, 0)).toBe(plainAddressEnd(`<${line}`, 0));
        expect(endOfAddress(`<"${line}`, 0)).toBe(plainAddressEnd(`<"${line}`, 0));
      }),
      RUNS,
    );
  });

  it('a client', () => {
    fc.assert(
      fc.property(text, text, (name, address) => {
        const line = `${name}[${address}] x`;
        const open = plainHostEnd(line, 0);
        const close = line.charAt(open) === '[' ? plainHostEnd(line, open + 1) : -1;
        const found = line.charAt(close) === ']';
        expect(takeClient(new Reader(line)) !== undefined).toBe(found);
      }),
      RUNS,
    );
  });

  it('a tag, whatever was read before', () => {
    const words = fc.array(
      fc.oneof(text, fc.constantFrom('postfix/smtpd[1]', 'postfix/smtpd[1', 'a[b]')),
    );
    fc.assert(
      fc.property(words, (lines) => {
        const warm = new TagReader();
        for (const line of lines) {
          const cold = new TagReader();
          expect(warm.read(line, 0, line.length)).toEqual(cold.read(line, 0, line.length));
          expect(warm.pid).toBe(cold.pid);
        }
      }),
      RUNS,
    );
  });

  it('a time stamp, whatever was read before', () => {
    const stamp = fc
      .tuple(
        fc.constantFrom('2026-11-01T09:05:0', '2026-11-01T09:06:0', '2026-11-02T09:05:0'),
        fc.nat(9),
      )
      .map(([start, second]) => `${start}${second}.25+01:00 `);
    const broken = fc
      .tuple(stamp, fc.nat(18), fc.constantFrom('x', ' ', '9'))
      .map(([line, index, letter]) => line.slice(0, index) + letter + line.slice(index + 1));
    fc.assert(
      fc.property(fc.array(fc.oneof(stamp, broken)), (lines) => {
        const warm = new StampReader(createZone('+00:00'), 0);
        for (const line of lines) {
          const cold = new StampReader(createZone('+00:00'), 0);
          expect(warm.long(line, 0, 0x54)).toBe(cold.long(line, 0, 0x54));
        }
      }),
      RUNS,
    );
  });

  it('the start of a syslog line behind a stamp like Exim’s', () => {
    const word = fc.constantFrom(
      'mx1',
      'server-1',
      'server-abcdef-x1',
      '1xUirY-00014N-13',
      '1xUirY-0000000GRSy-2tQh',
    );
    const tag = fc.constantFrom(
      ' postfix/smtpd[811]: ',
      ' exim4[1]: ',
      ' exim: ',
      ' a/b/c[1] ',
      ' Completed ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          fc.tuple(word, tag, text).map((pieces) => pieces.join('')),
        ),
        (line) => {
          expect(startsHostAndTag(line)).toBe(!ID_DASHES.test(line) && SYSLOG_START.test(line));
        },
      ),
      RUNS,
    );
  });

  it('a line behind its prefix, whatever was read before', () => {
    const summarize = (envelope: Envelope, bytes: string) => {
      const line = envelope.read({ source: 'log', line: 1, offset: 0, bytes });
      return line === undefined ? line : { ...line, at: undefined };
    };
    const options = { zone: '+00:00', reference: Date.parse('2026-11-02T00:00:00Z') };
    fc.assert(
      fc.property(fc.array(prefixed, { maxLength: 8 }), (lines) => {
        const warm = new Envelope(options);
        for (const bytes of lines) {
          if (bytes.includes(' last message ')) continue;
          expect(summarize(warm, bytes)).toEqual(summarize(new Envelope(options), bytes));
        }
      }),
      RUNS,
    );
  });
});
