/**
 * The tail of smtpd's rejection lines (smtpd_check.c, log_whatsup): `; from=<F> to=<R> proto=W helo=<H>` and the SASL
 * fields, at the very end of the line. The text in front of it may quote the client, and so hold a whole false tail.
 *
 * A tail is believed only when each of its fields is well formed and nothing is left over. An attacker who writes a
 * false tail into an address cannot achieve that in a whole line: before the true tail, the last false field would have
 * to swallow the true one; inside a quoted local part, the closing quote and the domain would be left over.
 *
 * In a line that was cut, the true tail may be the one that could not be read, and a false one may end the line. So a
 * tail behind what looks like another one names no user.
 */
import { isAlphanumeric, Reader } from '../reader.ts';
import { takeAddress } from './primitives.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const SEMICOLON = 0x3b;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;
const AT_SIGN = 0x40;
const BACKSLASH = 0x5c;

/** The fields of a tail, as byte strings. */
export interface Tail {
  /** index of the semicolon */
  readonly at: number;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly helo?: string | undefined;
  readonly user?: string | undefined;
  /** what a header_checks or body_checks table says, behind the tail */
  readonly comment?: string | undefined;
  /** The line from this index on may just as well be the SASL fields of another tail. */
  readonly ambiguousFrom?: number | undefined;
  /** Index of what looks like a tail in front of this one: one of the two is a part of a client's text. */
  readonly falseFrom?: number | undefined;
}

/** How many places are tried as the end of an address that was logged without quotes. */
const MOST_TRIES = 64;
const LONGEST_PROTOCOL = 16;
/** More blanks than the envelope takes off the end of a line. */
const MANY_BLANKS = ' '.repeat(9);

/** The tail that begins at or after `from`; undefined when there is none that can be believed. */
export function findTail(text: string, from: number): Tail | undefined {
  let ambiguousFrom: number | undefined;
  let falseFrom: number | undefined;
  for (let at = text.indexOf(';', from); at >= 0; at = text.indexOf(';', at + 1)) {
    const tail = readTail(text, at);
    if (tail === undefined) continue;
    if (tail === 'ambiguous') ambiguousFrom ??= at;
    else if (tail === 'false' || tail.comment !== undefined) falseFrom ??= at;
    else {
      // This tail may be a part of the AUTH= parameter that an earlier sasl_sender shows.
      const sender = nextSaslSender(text, from);
      if (isBefore(sender, at)) ambiguousFrom ??= sender;
      const isOnly = ambiguousFrom === undefined && falseFrom === undefined;
      return isOnly ? tail : { ...tail, ambiguousFrom, falseFrom };
    }
  }
  return undefined;
}

/**
 * The last tail of a header_checks or body_checks line, before an optional comment. The sender of the mail chose the
 * text in front of it: when the last one cannot be read, an earlier one is false, and of two nobody knows which is true.
 */
export function findContentTail(text: string, from: number): Tail | undefined {
  const at = text.lastIndexOf('; from=<');
  const tail = at < from ? undefined : readCertainTail(text, at);
  if (tail === undefined) return undefined;
  for (let other = at; other > from; ) {
    other = text.lastIndexOf('; from=<', other - 1);
    if (other >= from && readCertainTail(text, other) !== undefined) return undefined;
  }
  return tail;
}

/**
 * A tail with a value that is not in external form: an address of Postfix before 3.5, or the HELO name that a HELO
 * restriction refused. smtpd then quotes the same value at the start of the text, so the true field is the one with
 * that value. `valueAt` is the index of `<VALUE>: `.
 */
export function findTailByValue(text: string, valueAt: number): Tail | undefined {
  if (text.charCodeAt(valueAt) !== LESS_THAN) return undefined;
  return findTailByRecipient(text, valueAt) ?? findTailByHelo(text, valueAt);
}

/** True for `<value>: ` at `at`, where a `<` stands. Its end is compared first, which keeps many tries cheap. */
export function hasValueAt(text: string, at: number, value: string): boolean {
  return text.startsWith('>: ', at + 1 + value.length) && text.startsWith(value, at + 1);
}

function findTailByHelo(text: string, valueAt: number): Tail | undefined {
  if (!text.endsWith('>')) return undefined;
  let at = text.indexOf('; proto=', valueAt);
  for (let tries = 0; at >= 0 && tries < MOST_TRIES; tries++) {
    const reader = new Reader(text, at + 8);
    if (takeProtocol(reader) !== undefined && reader.literal(' helo=<')) {
      const helo = text.slice(reader.position, -1);
      if (hasValueAt(text, valueAt, helo)) return { at };
    }
    at = text.indexOf('; proto=', at + 1);
  }
  return undefined;
}

/** The tail whose `to=<R>`, in any form, has the value of `<VALUE>: ` at `valueAt`. */
export function findTailByRecipient(text: string, valueAt: number): Tail | undefined {
  const end = text.lastIndexOf('> proto=');
  const rest = end < 0 ? undefined : readCertainTail(text, end);
  if (rest === undefined || rest.comment !== undefined) return undefined;
  let at = text.lastIndexOf(' to=<', end);
  for (let tries = 0; at > valueAt && tries < MOST_TRIES; tries++) {
    const recipient = text.slice(at + 5, end);
    if (hasValueAt(text, valueAt, recipient)) return addSender(text, valueAt, rest, at, recipient);
    at = text.lastIndexOf(' to=<', at - 1);
  }
  return undefined;
}

/** Completes the tail whose fields behind the recipient are `rest`; `recipientAt` is the index of ` to=<`. */
function addSender(
  text: string,
  valueAt: number,
  rest: Tail,
  recipientAt: number,
  recipient: string,
): Tail | undefined {
  const start = text.lastIndexOf('; from=<', recipientAt);
  // An earlier one may be the true tail, of a line that was cut.
  if (start < 0 || text.indexOf('; from=<', valueAt + recipient.length) !== start) return undefined;
  // The AUTH= parameter that sasl_sender shows may have written all but the recipient.
  if (text.lastIndexOf(' sasl_sender=', rest.at) > valueAt) {
    return { at: text.indexOf('; from=<', valueAt + recipient.length), recipient };
  }
  const reader = new Reader(text, start + 7);
  const sender = takeAddress(reader);
  const known = reader.position === recipientAt ? { ...rest, sender } : rest;
  return { ...known, at: start, recipient };
}

/** Looks for `what` at or after an index, in a text that it is asked about again and again. */
type Finder = (text: string, from: number) => number;

/** Asked from left to right, it looks at no byte twice, so that a line of many tails takes linear time. */
function createFinder(what: string): Finder {
  let known = { text: '', from: 0, found: -1 };
  return (text, from) => {
    const { found } = known;
    if (known.text !== text || from < known.from || (found >= 0 && found < from)) {
      known = { text, from, found: text.indexOf(what, from) };
    }
    return known.found;
  };
}

const nextLessThan = createFinder('<');
const nextGreaterThan = createFinder('>');
const nextSaslSender = createFinder(' sasl_sender=');
const nextSemicolon = createFinder(';');
const nextProtocol = createFinder(' proto=');

/** True for an index that was found, and is less than `end`. */
function isBefore(found: number, end: number): boolean {
  return found >= 0 && found < end;
}

function readCertainTail(text: string, at: number): Tail | undefined {
  const tail = readTail(text, at);
  return tail === 'ambiguous' || tail === 'false' ? undefined : tail;
}

/**
 * Ambiguous: well formed up to SASL fields, which may hold anything. False: it begins like a tail, but a field does not
 * end or is not in external form, or something follows the last field. Undefined: nothing like a tail.
 */
function readTail(text: string, at: number): Tail | 'ambiguous' | 'false' | undefined {
  const reader = new Reader(text, at + 1);
  const sender = takeField(reader, ' from=', takeAddress);
  if (sender === null) return 'false';
  const recipient = takeField(reader, ' to=', takeAddress);
  if (recipient === null) return 'false';
  const protocol = takeField(reader, ' proto=', takeProtocol);
  if (protocol === null) return 'false';
  const helo = takeField(reader, ' helo=', takeHelo);
  if (helo === null) return 'false';
  const fieldsEnd = reader.position;
  if (reader.literal(' sasl_method=')) reader.word();
  const user = takeUser(reader);
  if (user === null) return 'ambiguous';
  return (
    finishTail(reader, { at, sender, recipient, helo, user }) ??
    (fieldsEnd > at + 1 ? 'false' : undefined)
  );
}

function finishTail(reader: Reader, read: Tail): Tail | undefined {
  // What looks like a source route may have been cut anywhere: see endOfAddress.
  const tail = read.sender?.startsWith('@') ? { ...read, sender: undefined } : read;
  if (reader.atEnd) return tail;
  return reader.literal(': ') ? { ...tail, comment: reader.rest() } : undefined;
}

/** Takes a field, which may be absent (undefined) or malformed (null). postscreen separates fields with a comma. */
function takeField(
  reader: Reader,
  name: string,
  take: (reader: Reader) => string | undefined,
): string | undefined | null {
  const start = reader.position;
  reader.literal(',');
  if (reader.literal(name)) return take(reader) ?? null;
  reader.position = start;
  return undefined;
}

function takeProtocol(reader: Reader): string | undefined {
  const { text, position } = reader;
  let end = position;
  while (end < position + LONGEST_PROTOCOL && isAlphanumeric(text.charCodeAt(end))) end++;
  if (end === position) return undefined;
  reader.position = end;
  return text.slice(position, end);
}

function takeHelo(reader: Reader): string | undefined {
  const { text, position } = reader;
  if (text.charCodeAt(position) !== LESS_THAN) return undefined;
  let end = position + 1;
  while (end < text.length && !isReplacedInHelo(text.charCodeAt(end))) end++;
  if (text.charCodeAt(end) !== GREATER_THAN) return undefined;
  reader.position = end + 1;
  return text.slice(position + 1, end);
}

/** What smtpd replaces by `?` in a HELO name (smtpd.c, NEUTER_CHARACTERS). */
function isReplacedInHelo(code: number): boolean {
  if (code > AT_SIGN) return code === BACKSLASH;
  return (
    code === SPACE ||
    code === QUOTE ||
    code === OPEN_PARENTHESIS ||
    code === CLOSE_PARENTHESIS ||
    code === SEMICOLON ||
    code === LESS_THAN ||
    code === GREATER_THAN ||
    code === AT_SIGN
  );
}

/**
 * Takes ` sasl_username=U[ sasl_sender=X]` or ` sasl_username=<U>`, to the end of the line. Null when ambiguous: U may
 * hold spaces, but with an angle bracket in it, it could as well be a false field that swallows the true tail. With many
 * blanks behind it, the line may have been cut in them.
 */
function takeUser(reader: Reader): string | undefined | null {
  const { text } = reader;
  if (!reader.literal(' sasl_username=')) {
    return reader.literal(' sasl_sender=') && !takeSaslSender(reader) ? null : undefined;
  }
  if (text.endsWith(MANY_BLANKS)) return null;
  const start = reader.position;
  const bracketed = readBracketedUser(text, start);
  if (bracketed !== undefined) {
    reader.position = text.length;
    return bracketed;
  }
  const sender = nextSaslSender(text, start);
  const end = sender < 0 ? text.length : sender;
  if (isBefore(nextLessThan(text, start), end)) return null;
  if (isBefore(nextGreaterThan(text, start), end)) return null;
  reader.position = end;
  if (reader.literal(' sasl_sender=') && !takeSaslSender(reader)) return null;
  return text.slice(start, end);
}

/** The U of `<U>`, when these brackets are the only ones and end the line. */
function readBracketedUser(text: string, start: number): string | undefined {
  if (text.charCodeAt(start) !== LESS_THAN || !text.endsWith('>')) return undefined;
  const isOnly =
    nextLessThan(text, start + 1) < 0 && nextGreaterThan(text, start + 1) === text.length - 1;
  return isOnly ? text.slice(start + 1, -1) : undefined;
}

/**
 * Takes the rest of the line, the AUTH= parameter of MAIL, in which a client may write anything (smtpd_token.c). False
 * when it holds what every tail has.
 */
function takeSaslSender(reader: Reader): boolean {
  const { text, position } = reader;
  reader.position = text.length;
  return nextSemicolon(text, position) < 0 && nextProtocol(text, position) < 0;
}
