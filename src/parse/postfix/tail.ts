/**
 * The tail of smtpd's reject family (smtpd_check.c, log_whatsup): `; from=<F> to=<R> proto=W helo=<H>` and the SASL
 * fields, at the very end of the line, behind a text that may quote what the client said, a whole fake tail included.
 *
 * A tail is believed only when every field of it is well formed and nothing is left over. Whoever writes a tail into
 * an address cannot do that: in front of the real one its last field would have to swallow it, inside a quoted
 * local part the closing quote and the domain would be left over.
 */
import { Reader } from '../reader.ts';
import { takeAddress } from './primitives.ts';

/** What stands behind the text; `at` is the index of its semicolon. All byte strings. */
export interface Tail {
  readonly at: number;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly helo?: string | undefined;
  readonly user?: string | undefined;
  /** content checks of cleanup: what the operator's table says, behind the tail */
  readonly comment?: string | undefined;
  /** index of a place in front from which on everything may belong to the SASL fields of another tail */
  readonly doubtful?: number | undefined;
}

/** Old logs show addresses unquoted; so many places are tried to find their true end, and no more. */
const TRIES = 64;

/** The tail that begins at or after `from`; undefined when there is none that can be believed. */
export function findTail(text: string, from: number): Tail | undefined {
  let doubtful: number | undefined;
  for (let at = text.indexOf(';', from); at >= 0; at = text.indexOf(';', at + 1)) {
    const tail = readTail(text, at);
    if (tail === null) doubtful ??= at;
    else if (tail !== undefined && tail.comment === undefined) {
      // Behind it stands an AUTH= parameter, and this may be a part of that.
      const sender = nextSaslSender(text, from);
      if (isIn(sender, at)) doubtful ??= sender;
      return doubtful === undefined ? tail : { ...tail, doubtful };
    }
  }
  return undefined;
}

/** The tail of a content check, which a comment may follow; undefined when two places could be it. */
export function findOnlyTail(text: string, from: number): Tail | undefined {
  let found: Tail | undefined;
  for (let at = text.indexOf('; from=<', from); at >= 0; at = text.indexOf('; from=<', at + 1)) {
    const tail = parseTail(text, at);
    if (tail !== undefined && found !== undefined) return undefined;
    found = tail ?? found;
  }
  return found;
}

/**
 * Looks for `what` at or after an index. Asked again further right in the same text it does not look at any byte
 * twice, which keeps a line of many tails linear.
 */
function finder(what: string): (text: string, from: number) => number {
  let known = { text: '', from: 0, found: -1 };
  return (text, from) => {
    const { found } = known;
    if (known.text !== text || from < known.from || (found >= 0 && found < from)) {
      known = { text, from, found: text.indexOf(what, from) };
    }
    return known.found;
  };
}

const nextOpen = finder('<');
const nextClose = finder('>');
const nextSaslSender = finder(' sasl_sender=');
const nextSemicolon = finder(';');
const nextProtocol = finder(' proto=');

function parseTail(text: string, at: number): Tail | undefined {
  return readTail(text, at) ?? undefined;
}

/** Null: well formed up to a user's name that may hold anything. */
function readTail(text: string, at: number): Tail | undefined | null {
  const reader = new Reader(text, at + 1);
  const sender = field(reader, ' from=', takeAddress);
  if (sender === null) return undefined;
  const recipient = field(reader, ' to=', takeAddress);
  if (recipient === null) return undefined;
  const proto = field(reader, ' proto=', takeProtocol);
  if (proto === null) return undefined;
  const helo = field(reader, ' helo=', takeHelo);
  if (helo === null) return undefined;
  if (!reader.literal(' sasl_method=')) {
    const user = takeUser(reader);
    if (user === null) return null;
    return ending(reader, { at, sender, recipient, helo, user });
  }
  reader.word();
  const user = takeUser(reader);
  return user === null ? null : ending(reader, { at, sender, recipient, helo, user });
}

function ending(reader: Reader, read: Tail): Tail | undefined {
  // What looks like a source route may have been cut anywhere: see endOfAddress.
  const tail = read.sender?.startsWith('@') ? { ...read, sender: undefined } : read;
  if (reader.atEnd) return tail;
  return reader.literal(': ') ? { ...tail, comment: reader.rest() } : undefined;
}

/** A field that may be absent (undefined), but not broken (null). postscreen separates fields with a comma. */
function field(
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
  let end = reader.position;
  while (end < reader.position + 16 && isAlphanumeric(reader.text.charCodeAt(end))) end++;
  if (end === reader.position) return undefined;
  const word = reader.text.slice(reader.position, end);
  reader.position = end;
  return word;
}

function isAlphanumeric(code: number): boolean {
  const letter = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

/** smtpd replaces space, quotes, brackets, `;` and `@` in a HELO name by `?` (smtpd.c, helo_cmd). */
function takeHelo(reader: Reader): string | undefined {
  const { text, position } = reader;
  if (text.charCodeAt(position) !== 0x3c) return undefined;
  let end = position + 1;
  while (end < text.length && !isBarredFromHelo(text.charCodeAt(end))) end++;
  if (text.charCodeAt(end) !== 0x3e) return undefined;
  reader.position = end + 1;
  return text.slice(position + 1, end);
}

function isBarredFromHelo(code: number): boolean {
  if (code > 0x40) return code === 0x5c;
  return (
    code === 0x20 ||
    code === 0x22 ||
    code === 0x28 ||
    code === 0x29 ||
    code === 0x3b ||
    code === 0x3c ||
    code === 0x3e ||
    code === 0x40
  );
}

/**
 * ` sasl_username=U[ sasl_sender=X]` or ` sasl_username=<U>` to the end. U may hold spaces, but one with an angle
 * bracket (null) could as well be a fake field that swallows the real tail. So could X, the AUTH= parameter of MAIL,
 * in which a client may write anything (smtpd_token.c), if what is in every tail is in it.
 */
function takeUser(reader: Reader): string | undefined | null {
  const { text } = reader;
  if (!reader.literal(' sasl_username=')) {
    if (reader.literal(' sasl_sender=')) return takeSender(reader) ? undefined : null;
    return undefined;
  }
  const start = reader.position;
  const inAngles = userInAngles(text, start);
  if (inAngles !== undefined) {
    reader.position = text.length;
    return inAngles;
  }
  const sender = nextSaslSender(text, start);
  const end = sender < 0 ? text.length : sender;
  if (isIn(nextOpen(text, start), end) || isIn(nextClose(text, start), end)) return null;
  reader.position = end;
  if (reader.literal(' sasl_sender=') && !takeSender(reader)) return null;
  return text.slice(start, end);
}

function isIn(index: number, end: number): boolean {
  return index >= 0 && index < end;
}

/** `<U>`, when this pair of brackets is the last of the line and encloses its end. */
function userInAngles(text: string, start: number): string | undefined {
  if (text.charCodeAt(start) !== 0x3c || !text.endsWith('>')) return undefined;
  const isOnly = nextOpen(text, start + 1) < 0 && nextClose(text, start + 1) === text.length - 1;
  return isOnly ? text.slice(start + 1, -1) : undefined;
}

/** Takes the rest of the line. */
function takeSender(reader: Reader): boolean {
  const { text, position } = reader;
  reader.position = text.length;
  return nextSemicolon(text, position) < 0 && nextProtocol(text, position) < 0;
}

/**
 * A tail with a value that is not in external form: the address of Postfix before 3.5, the HELO name that a HELO
 * restriction refused. Smtpd then quotes the same value at the start of the text, so the true field is the one
 * that says the same. `words` is where `<VALUE>: ` stands.
 */
export function findQuotedTail(text: string, words: number): Tail | undefined {
  if (text.charCodeAt(words) !== 0x3c) return undefined;
  return findQuotedRecipient(text, words) ?? rawHelo(text, words);
}

/** True when `<value>: ` stands at `at`; compared only where the end fits, which keeps many tries cheap. */
function quotes(text: string, at: number, value: string): boolean {
  return text.startsWith('>: ', at + 1 + value.length) && text.startsWith(value, at + 1);
}

function rawHelo(text: string, words: number): Tail | undefined {
  if (!text.endsWith('>')) return undefined;
  let at = text.indexOf('; proto=', words);
  for (let tries = 0; at >= 0 && tries < TRIES; tries++) {
    const reader = new Reader(text, at + 8);
    if (takeProtocol(reader) !== undefined && reader.literal(' helo=<')) {
      const raw = text.slice(reader.position, -1);
      if (quotes(text, words, raw)) return { at };
    }
    at = text.indexOf('; proto=', at + 1);
  }
  return undefined;
}

/** The tail of which `to=<R>` says what `<VALUE>: ` at `words` says, R in any form. */
export function findQuotedRecipient(text: string, words: number): Tail | undefined {
  const end = text.lastIndexOf('> proto=');
  const rest = end < 0 ? undefined : parseTail(text, end);
  if (rest === undefined || rest.comment !== undefined) return undefined;
  let at = text.lastIndexOf(' to=<', end);
  for (let tries = 0; at > words && tries < TRIES; tries++) {
    const raw = text.slice(at + 5, end);
    if (quotes(text, words, raw)) {
      const start = text.lastIndexOf('; from=<', at);
      if (start < 0) return undefined;
      const reader = new Reader(text, start + 7);
      const sender = takeAddress(reader);
      if (text.lastIndexOf(' sasl_sender=', end) > words) {
        // An AUTH= parameter may have written the rest.
        return { at: text.indexOf('; from=<', words + raw.length), recipient: raw };
      }
      const known = reader.position === at ? { ...rest, sender } : rest;
      return { ...known, at: start, recipient: raw };
    }
    at = text.lastIndexOf(' to=<', at - 1);
  }
  return undefined;
}
