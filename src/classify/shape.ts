/**
 * A reply without everything that changes from mail to mail: the key under which its reason is remembered.
 * This runs for every refusal in a log, so it is one scan into a byte buffer, without regular expressions. It keeps
 * more than `normalise` (hosts, case, short numbers). The reason is found from the shape, so two replies with the same
 * shape always have the same reason. Never throws, whatever the text is.
 */
import { IDENTIFIER_DIGITS, IDENTIFIER_LENGTH, TEXT_LIMIT } from './normalise.ts';

const ATOM = 1;
const DIGIT = 2;
const LETTER = 4;
const KIND = new Uint8Array(256).fill(ATOM | LETTER, 0x80);
for (const char of ".-_@+=%&/:~*!?#$'") KIND[char.charCodeAt(0)] = ATOM;
for (let code = 0x30; code <= 0x39; code++) KIND[code] = ATOM | DIGIT;
for (let code = 0x41; code <= 0x5a; code++) KIND[code] = KIND[code + 0x20] = ATOM | LETTER;

const AT = 0x40;
const COLON = 0x3a;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
const SMALL_A = 0x61;

const HEAD_LIMIT = 64;
const OUT = Buffer.allocUnsafe(TEXT_LIMIT + HEAD_LIMIT);

/** `head`, then the shape of `text`. A text with characters beyond Latin-1 is its own shape. */
export function reduceToShape(head: string, text: string): string {
  const length = Math.min(text.length, TEXT_LIMIT);
  const from = Math.min(head.length, HEAD_LIMIT);
  for (let index = 0; index < from; index++) OUT[index] = head.charCodeAt(index);
  let end = from;
  let start = end;
  let seen = 0;
  let sign = -1;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0xff) return head + text.slice(0, length);
    const kind = KIND[code] as number;
    OUT[end++] = code;
    if (kind === 0) {
      if (seen & DIGIT || sign > start) end = reduce(start, end - 1, seen, sign, code);
      start = end;
      seen = 0;
      sign = -1;
    } else {
      seen |= kind;
      if (code === AT) sign = end - 1;
    }
  }
  if (seen & DIGIT || sign > start) end = reduce(start, end, seen, sign, 0) - 1;
  return OUT.toString('latin1', 0, end);
}

/** Shortens the word between `start` and `end` in place, adds `separator` and returns the new end. */
function reduce(start: number, end: number, seen: number, sign: number, separator: number): number {
  let to: number;
  if (sign > start && sign < end - 1 && !isLink(start, end)) to = reduceAddress(start, end, sign);
  else if (seen & LETTER) to = reduceWord(start, end);
  else to = reduceNumber(start, end);
  OUT[to] = separator;
  return to + 1;
}

function isLink(start: number, end: number): boolean {
  for (let index = start; index < end - 2; index++) {
    if (OUT[index] === COLON && OUT[index + 1] === SLASH && OUT[index + 2] === SLASH) return true;
  }
  return false;
}

/** `bob@example.org:blocked` as `a@a:blocked`. */
function reduceAddress(start: number, end: number, sign: number): number {
  let rest = sign + 1;
  while (rest < end && (isHostByte(OUT[rest] as number) || OUT[rest] === DOT)) rest++;
  while (rest > sign + 1 && OUT[rest - 1] === DOT) rest--;
  OUT[start] = SMALL_A;
  OUT[start + 1] = AT;
  OUT[start + 2] = SMALL_A;
  if (rest > start + 3) OUT.copyWithin(start + 3, rest, end);
  return rest > start + 3 ? start + 3 + (end - rest) : end;
}

function isHostByte(code: number): boolean {
  return code === DASH || ((KIND[code] as number) & (DIGIT | LETTER)) !== 0;
}

/** Every number in `mx17.example.org` becomes one `0`, and so does an identifier. A reply code before a dash stays. */
function reduceWord(start: number, end: number): number {
  let to = hasCode(start, end) ? start + 4 : start;
  if (isIdentifier(to, end)) {
    OUT[to] = ZERO;
    return to + 1;
  }
  let inNumber = false;
  for (let index = to; index < end; index++) {
    const code = OUT[index] as number;
    const digit = (KIND[code] as number) === (ATOM | DIGIT);
    if (!digit) OUT[to++] = code;
    else if (!inNumber) OUT[to++] = ZERO;
    inNumber = digit;
  }
  return to;
}

/**
 * `6d16aeabe6ef57` or `4FYv3k2Xz9zlpsw`, by the same rule as in `normalise`. If they stayed, each of these replies
 * would be a new one for the cache of reasons (5 % of a replay).
 */
function isIdentifier(start: number, end: number): boolean {
  if (end - start < IDENTIFIER_LENGTH) return false;
  let digits = 0;
  for (let index = start; index < end; index++) {
    const kind = KIND[OUT[index] as number] as number;
    if (kind === (ATOM | DIGIT)) digits++;
    else if (kind !== (ATOM | LETTER) || (OUT[index] as number) >= 0x80) return false;
  }
  return digits >= IDENTIFIER_DIGITS;
}

function hasCode(start: number, end: number): boolean {
  if (end - start < 4 || OUT[start + 3] !== DASH) return false;
  for (let index = start; index < start + 3; index++) {
    if (KIND[OUT[index] as number] !== (ATOM | DIGIT)) return false;
  }
  return true;
}

/** An IPv4 address becomes `0.0.0.0`, a number of four digits or more `0000`; codes and statuses stay. */
function reduceNumber(start: number, end: number): number {
  let dots = 0;
  let stop = start;
  for (; stop < end; stop++) {
    if (OUT[stop] === DOT) dots++;
    else if (KIND[OUT[stop] as number] !== (ATOM | DIGIT)) break;
  }
  if (dots === 0 && stop === end && end - start >= 4)
    return OUT.fill(ZERO, start, start + 4) && start + 4;
  if (dots > 3 && OUT[stop - 1] === DOT) stop--;
  if (dots < 3 || dots > 4 || stop - start < 7) return end;
  for (let index = 0; index < 7; index++) OUT[start + index] = index % 2 === 0 ? ZERO : DOT;
  OUT.copyWithin(start + 7, stop, end);
  return start + 7 + (end - stop);
}
