/**
 * What Postfix's lines are made of: queue IDs (mail_queue.h), `name[address]:port` (smtpd_peer.c), addresses in
 * external form (quote_822_local.c), SMTP stages and replies. Each function reads a byte string at a position, and
 * returns -1 or undefined when it does not find what it reads.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, Reply, Stage } from '../../model/record.ts';
import { endOfDigits, endOfQuoted, endOfRun, isDigit, type Reader } from '../reader.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const TWO = 0x32;
const FOUR = 0x34;
const FIVE = 0x35;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const GREATER_THAN = 0x3e;
const AT_SIGN = 0x40;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const STAGES: ReadonlyMap<string, Stage> = new Map<string, Stage>([
  ['CONNECT', 'CONNECT'],
  ['connect', 'CONNECT'],
  ['HELO', 'HELO'],
  ['EHLO', 'HELO'],
  ['STARTTLS', 'STARTTLS'],
  ['AUTH', 'AUTH'],
  ['MAIL', 'MAIL'],
  ['RCPT', 'RCPT'],
  ['DATA', 'DATA'],
  ['BDAT', 'DATA'],
  ['END-OF-MESSAGE', 'EOM'],
  ['VRFY', 'VRFY'],
  ['ETRN', 'ETRN'],
  ['RSET', 'OTHER'],
  ['NOOP', 'OTHER'],
  ['XCLIENT', 'OTHER'],
  ['XFORWARD', 'OTHER'],
  ['UNKNOWN', 'OTHER'],
]);

/** The stage that smtpd names (smtpd.h, `state->where`); undefined for any other word. */
export function parseStage(word: string): Stage | undefined {
  return STAGES.get(word);
}

const QUEUE_ID = /[0-9A-HJ-NP-TV-Zb-df-hj-np-tv-z]*/y;
const SHORTEST_QUEUE_ID = 6;
const LONGEST_QUEUE_ID = 64;
/** What host names and addresses hold: no space, bracket, quote, comma or semicolon. */
const HOST_WORD = /[a-zA-Z0-9\-./:_%\x80-\xff]{0,260}/y;
/** What needs no quotes in an address, and the closing bracket. */
const PLAIN_ADDRESS = /[^ "<>\\]*>/y;

/**
 * Index after the queue ID at `at`, or -1. Short IDs are upper-case hex digits, long ones digits and consonants
 * (mail_queue.h), so neither `NOQUEUE` nor `warning` is one.
 */
export function endOfQueueId(text: string, at: number): number {
  const end = endOfRun(QUEUE_ID, text, at);
  return end - at >= SHORTEST_QUEUE_ID && end - at <= LONGEST_QUEUE_ID ? end : -1;
}

/** The queue ID at the end of a reply such as `250 2.0.0 Ok: queued as 9F3C21A0B7`. */
export function findQueuedAs(reply: string): string | undefined {
  const at = reply.lastIndexOf('queued as ');
  if (at < 0) return undefined;
  const end = endOfQueueId(reply, at + 10);
  return end === reply.length ? reply.slice(at + 10, end) : undefined;
}

/**
 * Index after `<address>` at `at`, or -1. In external form (quote_822_local.c) the local part is a quoted string, or
 * holds neither space, angle bracket, quote nor backslash, and after a quoted string only the domain can follow. So
 * this never ends at a bracket inside the address. The exception is what looks like a source route: of
 * `"@a:b"@example.org` Postfix quotes nothing before the colon, and logs `<@a:b@example.org>`.
 */
export function endOfAddress(text: string, at: number): number {
  if (text.charCodeAt(at) !== LESS_THAN) return -1;
  let start = at + 1;
  if (text.charCodeAt(start) === QUOTE) {
    start = endOfQuoted(text, start) ?? -1;
    const next = text.charCodeAt(start);
    if (start < 0 || (next !== AT_SIGN && next !== GREATER_THAN)) return -1;
  }
  const end = endOfRun(PLAIN_ADDRESS, text, start);
  return end > start ? end : -1;
}

/** Takes `<address>` and returns the address as it is logged; see `endOfAddress`. */
export function takeAddress(reader: Reader): string | undefined {
  const end = endOfAddress(reader.text, reader.position);
  if (end < 0) return undefined;
  const address = reader.text.slice(reader.position + 1, end - 1);
  reader.position = end;
  return address;
}

/** The address without the quotes of external form: `"a b"@example.org` is `a b@example.org` (unquote_822_local.c). */
export function unquote(address: string): string {
  if (address.charCodeAt(0) !== QUOTE) return address;
  const end = endOfQuoted(address, 0);
  if (end === undefined) return address;
  return address.slice(1, end - 1).replace(/\\(.)/gs, '$1') + address.slice(end);
}

/** Takes `name[address]` and the port after it. Both parts hold only what host names and addresses are made of. */
export function takeClient(reader: Reader): Client | undefined {
  const { text, position } = reader;
  const open = endOfRun(HOST_WORD, text, position);
  if (text.charCodeAt(open) !== OPEN_BRACKET) return undefined;
  const close = endOfRun(HOST_WORD, text, open + 1);
  if (text.charCodeAt(close) !== CLOSE_BRACKET) return undefined;
  reader.position = endOfPort(text, close + 1);
  const name = text.slice(position, open);
  const address = text.slice(open + 1, close);
  return {
    address: address === 'unknown' ? '' : address,
    name: name === 'unknown' || name === '' ? undefined : decodeText(name),
  };
}

function endOfPort(text: string, at: number): number {
  if (text.charCodeAt(at) !== COLON) return at;
  const end = endOfDigits(text, at + 1, 5);
  return end > at + 1 ? end : at;
}

/** A reply and what its beginning says. */
interface ParsedReply extends Reply {
  /** index of the text behind code and status */
  readonly textAt: number;
}

/** Splits `550 5.1.1 text`; `dsn` is the status of a reply that names none. */
export function parseReply(text: string, dsn?: string): ParsedReply {
  const codeEnd = endOfCode(text);
  const statusAt = codeEnd === 0 ? 0 : codeEnd + 1;
  const statusEnd = endOfStatus(text, statusAt);
  const hasStatus = statusEnd > statusAt;
  return {
    code: codeEnd > 0 ? Number(text.slice(0, 3)) : undefined,
    status: hasStatus ? text.slice(statusAt, statusEnd) : dsn,
    reply: text === '' ? undefined : decodeText(text),
    textAt: hasStatus ? statusEnd + 1 : statusAt,
  };
}

/** Index after the reply code at the start of `text`, or 0: three digits, then space, hyphen or end (RFC 5321 4.2). */
function endOfCode(text: string): number {
  const first = text.charCodeAt(0);
  if (first < TWO || first > FIVE) return 0;
  if (!isDigit(text.charCodeAt(1)) || !isDigit(text.charCodeAt(2))) return 0;
  const next = text.charCodeAt(3);
  return text.length === 3 || next === SPACE || next === HYPHEN ? 3 : 0;
}

/** Index after the enhanced status code `5.1.1` at `at`, or `at` (RFC 3463 2). */
function endOfStatus(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if (first !== TWO && first !== FOUR && first !== FIVE) return at;
  if (text.charCodeAt(at + 1) !== DOT) return at;
  const subject = endOfDigits(text, at + 2, 3);
  if (subject === at + 2 || text.charCodeAt(subject) !== DOT) return at;
  const detail = endOfDigits(text, subject + 1, 3);
  return detail === subject + 1 || isDigit(text.charCodeAt(detail)) ? at : detail;
}

/** Real text of a byte string that may be absent. */
export function decodeOptional(bytes: string | undefined): string | undefined {
  return bytes === undefined ? undefined : decodeText(bytes);
}

/** True for 4yz, and without a code for a status 4.y.z; undefined otherwise, so that the key is absent. */
export function isTemporary({ code, status }: Reply): true | undefined {
  if (code !== undefined) return code >= 400 && code < 500 ? true : undefined;
  return status?.startsWith('4') ? true : undefined;
}
