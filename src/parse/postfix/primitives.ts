/**
 * What Postfix lines are made of: queue IDs, `name[address]:port`, addresses in external form, replies.
 * Every function takes from a byte string at a position and says -1 or undefined when it is not there.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, Reply, Stage } from '../../model/record.ts';
import { endOfQuoted, endOfRun, isDigit, type Reader } from '../reader.ts';

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

/**
 * Index after the queue ID at `at`, or -1. Short IDs are upper-case hex digits, long ones digits and consonants,
 * so neither `NOQUEUE` nor `warning` is one (mail_queue.h).
 */
export function endOfQueueId(text: string, at: number): number {
  const end = endOfRun(QUEUE_ID, text, at);
  return end - at >= 6 && end - at <= 64 ? end : -1;
}

const QUEUE_ID = /[0-9A-HJ-NP-TV-Zb-df-hj-np-tv-z]*/y;
const HOST_WORD = /[a-zA-Z0-9\-./:_%\x80-\xff]{0,260}/y;
/** What needs no quotes in an address, and its closing bracket. */
const PLAIN_ADDRESS = /[^ "<>\\]*>/y;

/**
 * Index after `<address>` at `at`, or -1. External form (quote_822_local.c): the local part is a quoted string or
 * holds neither space, angle bracket, quote nor backslash, and after a quoted one only the domain can follow. So
 * this never ends at a bracket that the address's owner wrote. What looks like a source route is the exception: of
 * `"@a:b"@example.org` Postfix quotes nothing in front of the colon, and logs `<@a:b@example.org>`.
 */
export function endOfAddress(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x3c) return -1;
  let start = at + 1;
  if (text.charCodeAt(start) === 0x22) {
    start = endOfQuoted(text, start) ?? -1;
    const next = text.charCodeAt(start);
    if (start < 0 || (next !== 0x40 && next !== 0x3e)) return -1;
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

/** Takes `name[address]` and the port after it. Both parts hold only what host names and addresses are made of. */
export function takeClient(reader: Reader): Client | undefined {
  const { text, position } = reader;
  const open = endOfHostWord(text, position);
  if (text.charCodeAt(open) !== 0x5b) return undefined;
  const close = endOfHostWord(text, open + 1);
  if (text.charCodeAt(close) !== 0x5d) return undefined;
  reader.position = endOfPort(text, close + 1);
  const name = text.slice(position, open);
  const address = text.slice(open + 1, close);
  return {
    address: address === 'unknown' ? '' : address,
    name: name === 'unknown' || name === '' ? undefined : decodeText(name),
  };
}

/** Index after `host[address]` parts: no space, bracket, quote, comma or semicolon. */
function endOfHostWord(text: string, at: number): number {
  return endOfRun(HOST_WORD, text, at);
}

function endOfPort(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x3a || !isDigit(text.charCodeAt(at + 1))) return at;
  let end = at + 1;
  while (end < at + 6 && isDigit(text.charCodeAt(end))) end++;
  return end;
}

/** Index after a reply code at the start of `text`, or 0: three digits, then space, hyphen or the end. */
function endOfCode(text: string): number {
  const first = text.charCodeAt(0);
  if (first < 0x32 || first > 0x35) return 0;
  if (!isDigit(text.charCodeAt(1)) || !isDigit(text.charCodeAt(2))) return 0;
  const next = text.charCodeAt(3);
  return text.length === 3 || next === 0x20 || next === 0x2d ? 3 : 0;
}

/** Index after `5.1.1` at `at`, or `at`. RFC 3463 2: one digit, then twice one to three. */
function endOfStatus(text: string, at: number): number {
  const first = text.charCodeAt(at);
  if ((first !== 0x32 && first !== 0x34 && first !== 0x35) || text.charCodeAt(at + 1) !== 0x2e) {
    return at;
  }
  const subject = endOfDetail(text, at + 2);
  if (subject === at + 2 || text.charCodeAt(subject) !== 0x2e) return at;
  const detail = endOfDetail(text, subject + 1);
  return detail === subject + 1 || isDigit(text.charCodeAt(detail)) ? at : detail;
}

function endOfDetail(text: string, at: number): number {
  let end = at;
  while (end < at + 3 && isDigit(text.charCodeAt(end))) end++;
  return end;
}

/** A reply with what its start says. `words` is the index of the text after code and status. */
export interface ParsedReply extends Reply {
  readonly words: number;
}

/** Splits `550 5.1.1 text`; without a status in the reply, `dsn` is the status. */
export function parseReply(text: string, dsn?: string): ParsedReply {
  const codeEnd = endOfCode(text);
  const statusAt = codeEnd === 0 ? 0 : codeEnd + 1;
  const statusEnd = endOfStatus(text, statusAt);
  const found = statusEnd > statusAt;
  return {
    code: codeEnd > 0 ? Number(text.slice(0, 3)) : undefined,
    status: found ? text.slice(statusAt, statusEnd) : dsn,
    reply: text === '' ? undefined : decodeText(text),
    words: found ? statusEnd + 1 : statusAt,
  };
}

/** True for 4yz, and for a lone enhanced status 4.y.z; undefined otherwise, so that it is absent. */
export function isTemporary(reply: Reply): true | undefined {
  if (reply.code !== undefined) return reply.code >= 400 && reply.code < 500 ? true : undefined;
  return reply.status?.startsWith('4') ? true : undefined;
}

/** The address behind its external form: `"a b"@example.org` is `a b@example.org` (unquote_822_local.c). */
export function unquoted(address: string): string {
  if (address.charCodeAt(0) !== 0x22) return address;
  const end = endOfQuoted(address, 0);
  if (end === undefined) return address;
  return address.slice(1, end - 1).replace(/\\(.)/gs, '$1') + address.slice(end);
}
