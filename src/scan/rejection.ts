/**
 * The commonest refusals of smtpd and postscreen:
 *
 *     NOQUEUE: reject: RCPT from NAME[ADDRESS][:PORT]: CODE STATUS TEXT; from=<F> to=<R> proto=W helo=<H>
 *
 * A stranger chooses F, R and H, and TEXT may quote any of them: an address may hold a whole false tail (tail.ts of the
 * plain parser). So a line is only taken here if no false tail can be in it:
 *
 * - Each field of a tail has a `=`. The first one of the line, behind the client, is that of `; from=<`, so there is no
 *   field in TEXT. Neither is there `;:`, which the plain parser takes for a tail without fields.
 * - F, R and H hold nothing that needs quotes, and behind H the line ends.
 * - TEXT is about F or R, which it names exactly as they are in the tail, or about no address at all.
 */
import type { Client, RejectionRecord } from '../model/record.ts';
import { readRejection } from '../parse/postfix/rejection.ts';
import type { Tail } from '../parse/postfix/tail.ts';
import {
  ADDRESS,
  ALPHANUMERIC,
  type ByteCursor,
  DIGIT,
  HELO,
  HOST,
  STATUS_NUMBERS,
  toBytes,
  WORDS,
} from './bytes.ts';
import { OTHER } from './outcome.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LESS_THAN = 0x3c;
const AT_SIGN = 0x40;
const OPEN_BRACKET = 0x5b;

const REJECT_RCPT = toBytes('reject: RCPT from ');
const UNKNOWN = toBytes('unknown[');
const CLIENT_END = toBytes(']');
const TEXT_BEGIN = toBytes(': ');
const FROM = toBytes('; from=<');
const TO = toBytes('> to=<');
const PROTOCOL = toBytes('> proto=');
const GREETING = toBytes(' helo=<');
const COMMA_TO = toBytes('>, to=<');
const COMMA_PROTOCOL = toBytes('>, proto=');
const COMMA_GREETING = toBytes(', helo=<');
const TAIL_END = toBytes('>');
const BLOCKED = toBytes('Service unavailable; ');

const LONGEST_NAME = 260;
const LONGEST_PORT = 5;
const LONGEST_PROTOCOL = 16;
const CODE_LENGTH = 3;

/** Reads the line behind `NOQUEUE: ` or its queue ID. */
export function scanRejection(
  cursor: ByteCursor,
  queueId: string | undefined,
): RejectionRecord | typeof OTHER {
  if (!cursor.take(REJECT_RCPT)) return OTHER;
  const client = takeClient(cursor);
  if (client === undefined || !cursor.take(TEXT_BEGIN)) return OTHER;
  const start = cursor.at;
  const valueAt = findValue(cursor);
  const tailAt = valueAt < 0 ? -1 : findTail(cursor);
  if (tailAt < valueAt) return OTHER;
  const tail = takeTail(cursor, tailAt);
  if (tail === undefined || !isAboutTail(cursor, valueAt, tail)) return OTHER;
  const said = cursor.text.slice(start, tailAt);
  return readRejection({ kind: 'rejected', queueId, stage: 'RCPT', client }, said, tail);
}

/** Takes `NAME[ADDRESS]` or, of postscreen, `[ADDRESS]:PORT`. */
function takeClient(cursor: ByteCursor): Client | undefined {
  const { bytes, text, at } = cursor;
  const isUnknown = cursor.take(UNKNOWN);
  const open = isUnknown ? cursor.at - 1 : cursor.endOf(HOST);
  if (open - at > LONGEST_NAME || bytes[open] !== OPEN_BRACKET) return undefined;
  cursor.at = open + 1;
  const close = cursor.endOf(HOST);
  cursor.at = close;
  if (close - open > LONGEST_NAME || !cursor.take(CLIENT_END)) return undefined;
  if (bytes[cursor.at] === COLON && bytes[cursor.at + 1] !== SPACE) {
    cursor.at++;
    const port = cursor.at;
    cursor.at = cursor.endOf(DIGIT);
    if (cursor.at === port || cursor.at - port > LONGEST_PORT) return undefined;
  }
  const address = text.slice(open + 1, close);
  return {
    address: address === 'unknown' ? '' : address,
    name: isUnknown || open === at ? undefined : text.slice(at, open),
  };
}

/** Takes `CODE STATUS ` and returns the index of what follows; -1 if there is something else. */
function findValue(cursor: ByteCursor): number {
  const { bytes, at } = cursor;
  if (cursor.endOf(DIGIT) !== at + CODE_LENGTH || bytes[at + CODE_LENGTH] !== SPACE) return -1;
  cursor.at = at + CODE_LENGTH + 1;
  const end = cursor.endOf(STATUS_NUMBERS);
  if (end === cursor.at || bytes[end] !== SPACE) return -1;
  cursor.at = end + 1;
  return end + 1;
}

/** Index of the `;` in front of the first field; -1 if the text in front of it is not plain, or there is none. */
function findTail(cursor: ByteCursor): number {
  const { bytes, end } = cursor;
  for (;;) {
    // Everything that is printable, but `=` and `;`.
    cursor.at = cursor.endOf(WORDS);
    const tailAt = cursor.at;
    if (tailAt >= end || bytes[tailAt] !== SEMICOLON) return -1;
    if (cursor.take(FROM)) return tailAt;
    if (bytes[tailAt + 1] === COLON) return -1;
    cursor.at = tailAt + 1;
  }
}

/** Takes the fields, behind `; from=<`. Postscreen separates them with commas. */
function takeTail(cursor: ByteCursor, at: number): Tail | undefined {
  const sender = takeAddress(cursor);
  if (sender === undefined || !(cursor.take(TO) || cursor.take(COMMA_TO))) return undefined;
  const recipient = takeAddress(cursor);
  if (recipient === undefined) return undefined;
  if (!cursor.take(PROTOCOL) && !cursor.take(COMMA_PROTOCOL)) return undefined;
  const protocol = cursor.at;
  cursor.at = cursor.endOf(ALPHANUMERIC);
  if (cursor.at === protocol || cursor.at - protocol > LONGEST_PROTOCOL) return undefined;
  if (!cursor.take(GREETING) && !cursor.take(COMMA_GREETING)) return undefined;
  const from = cursor.at;
  cursor.at = cursor.endOf(HELO);
  const helo = cursor.since(from);
  return cursor.take(TAIL_END) && cursor.atEnd ? { at, sender, recipient, helo } : undefined;
}

/** Takes an address that needs no quotes. One with a source route begins with `@`: not here. */
function takeAddress(cursor: ByteCursor): string | undefined {
  const from = cursor.at;
  if (cursor.bytes[from] === AT_SIGN) return undefined;
  cursor.at = cursor.endOf(ADDRESS);
  return cursor.since(from);
}

/** Whether the plain parser would believe the tail: see there, chooseTail. */
function isAboutTail({ bytes, text }: ByteCursor, valueAt: number, tail: Tail): boolean {
  if (bytes[valueAt] !== LESS_THAN) {
    return !startsWith(bytes, valueAt, BLOCKED) || text.slice(valueAt, tail.at).includes('] ');
  }
  return isValue(text, valueAt, tail.recipient ?? '') || isValue(text, valueAt, tail.sender ?? '');
}

/** Whether `<ADDRESS>: ` stands there. */
function isValue(text: string, at: number, address: string): boolean {
  return text.startsWith('>: ', at + 1 + address.length) && text.startsWith(address, at + 1);
}

function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return false;
  }
  return true;
}
