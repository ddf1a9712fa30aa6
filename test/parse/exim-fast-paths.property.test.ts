/** What the Exim parser has compiled into expressions gives the same as plain code, whatever the bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  endOfAddress,
  takeAngleAddress,
  takeAngleByLexemes,
  takeArgument,
  takeArgumentByLexemes,
} from '../../src/parse/exim/address.ts';
import { takeCString, toOneLine } from '../../src/parse/exim/reply.ts';
import { Reader } from '../../src/parse/reader.ts';

const RUNS = { numRuns: 3000 };
/** Bytes that end addresses, strings and arguments, and others. */
const letters = fc
  .array(fc.constantFrom(...'ab1.@<>"\\()[]:;, \x00\x1f\x7f\x80\xff', ': ', '> ', '"@'), {
    maxLength: 40,
  })
  .map((parts) => parts.join(''));
/** Mostly addresses, so that the common path is tested, too. */
const mailbox = fc.constantFrom(
  'a@b',
  'a.b@c.example',
  '@a:b@c',
  '"a b"@c',
  'a@[192.0.2.1]',
  '',
  'a',
);
const wrapped = fc
  .tuple(
    fc.constantFrom('<', ' <', '', '<<'),
    mailbox,
    letters,
    fc.constantFrom('>', '>: x', '', '> '),
  )
  .map(
    ([open, inside, more, close]) => open + inside + (more.length % 3 === 0 ? '' : more) + close,
  );
const text = fc.oneof(letters, wrapped);
const at = fc.nat({ max: 8 });

function plainAtomEnd(line: string, start: number): number {
  let index = start;
  while (index < line.length && !'"()<>@,:;[]. \x7f'.includes(line.charAt(index))) {
    if (line.charCodeAt(index) < 0x20) break;
    index += line.charAt(index) === '\\' ? 2 : 1;
  }
  return Math.min(index, line.length);
}

function plainLocalEnd(line: string, start: number): number {
  let index = start;
  for (;;) {
    if (line.charAt(index) === '"') {
      index++;
      while (index < line.length && line.charAt(index) !== '"') {
        index += line.charAt(index) === '\\' ? 2 : 1;
      }
      if (index >= line.length) return -1;
      index++;
    } else index = plainAtomEnd(line, index);
    if (line.charAt(index) !== '.') return index;
    while (line.charAt(index) === '.') index++;
  }
}

function plainAddressEnd(line: string, start: number): number {
  const local = plainLocalEnd(line, start);
  if (local <= start) return -1;
  if (line.charAt(local) !== '@') return local;
  if (line.charAt(local + 1) === '[') return line.indexOf(']', local + 1) + 1 || -1;
  let index = local + 1;
  while (index < line.length && !'"()<>@,:;[]\\ \x7f'.includes(line.charAt(index))) {
    if (line.charCodeAt(index) < 0x20) break;
    index++;
  }
  return index;
}

/** What is taken, and the reader's position afterwards. */
function taken(take: (reader: Reader) => string | undefined, line: string, start: number): unknown {
  const reader = new Reader(line, start);
  return [take(reader), reader.position];
}

describe('fast paths of the Exim parser agree with the plain ones', () => {
  it('the end of an address', () => {
    fc.assert(
      fc.property(text, at, (line, start) => {
        expect(endOfAddress(line, start)).toBe(plainAddressEnd(line, start));
      }),
      RUNS,
    );
  });

  it('an address in brackets', () => {
    fc.assert(
      fc.property(text, at, (line, start) => {
        expect(taken(takeAngleAddress, line, start)).toEqual(
          taken(takeAngleByLexemes, line, start),
        );
      }),
      RUNS,
    );
  });

  it("a command's argument, cut or not", () => {
    fc.assert(
      fc.property(text, at, fc.nat({ max: 60 }), (line, start, limit) => {
        expect(taken((reader) => takeArgument(reader, limit), line, start)).toEqual(
          taken((reader) => takeArgumentByLexemes(reader, limit), line, start),
        );
      }),
      RUNS,
    );
  });

  it('a quoted string', () => {
    const plain = (reader: Reader): string | undefined => {
      const { text: line, position } = reader;
      for (let index = position; index < line.length; index++) {
        if (line.charAt(index) === '\\') index++;
        else if (line.charAt(index) === '"') {
          reader.position = index + 1;
          return line.slice(position, index);
        }
      }
      return undefined;
    };
    fc.assert(
      fc.property(text, at, (line, start) => {
        expect(taken(takeCString, line, start)).toEqual(taken(plain, line, start));
      }),
      RUNS,
    );
  });

  it('a text on one line', () => {
    fc.assert(
      fc.property(text, (line) => {
        const spaced = [...line]
          .map((byte) => (byte < ' ' || byte === '\x7f' ? ' ' : byte))
          .join('');
        expect(toOneLine(line)).toBe(new TextDecoder().decode(Buffer.from(spaced, 'latin1')));
      }),
      RUNS,
    );
  });
});
