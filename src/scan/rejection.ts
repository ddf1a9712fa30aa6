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
 * - TEXT does not begin as one that ends inside `Sender address [F`.
 *
 * Where TEXT names a login or another host, the plain parser reads it.
 */
import type { RejectionRecord } from '../model/record.ts';
import { isTemporary } from '../parse/postfix/primitives.ts';
import { readRejection } from '../parse/postfix/rejection.ts';
import {
  ADDRESS,
  ALPHANUMERIC,
  type ByteCursor,
  DIGIT,
  HELO,
  HOST,
  toBytes,
  WORDS,
} from './bytes.ts';
import { OTHER } from './outcome.ts';

const SPACE = 0x20;
const DOT = 0x2e;
const DIGIT_2 = 0x32;
const DIGIT_4 = 0x34;
const DIGIT_5 = 0x35;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
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
/** Before these words stands `<ADDRESS>: `; a host or a login follows them. */
const PROBED = toBytes('Recipient address rejected: un');
const NOT_OWNED = toBytes('Sender address rejected: not');
const AROUND_ADDRESS = '<>: '.length;

const LONGEST_NAME = 260;
const LONGEST_PORT = 5;
const LONGEST_PROTOCOL = 16;
const CODE_LENGTH = 3;
const LONGEST_DETAIL = 3;

/** The client as the line names it; its HELO name stands in the tail. */
interface Client {
  readonly address: string;
  readonly name: string | undefined;
  helo: string | undefined;
}

/** Code, status, and the index of what follows them. */
interface Status {
  readonly code: number;
  readonly status: string;
  readonly textAt: number;
}

/** The fields of a tail, all of them; `at` is the index of its semicolon. */
interface Tail {
  readonly at: number;
  readonly sender: string;
  readonly recipient: string;
  readonly helo: string;
}

/** Reads the line behind `NOQUEUE: ` or its queue ID. */
export function scanRejection(
  cursor: ByteCursor,
  queueId: string | undefined,
): RejectionRecord | typeof OTHER {
  if (!cursor.take(REJECT_RCPT)) return OTHER;
  const client = takeClient(cursor);
  if (client === undefined || !cursor.take(TEXT_BEGIN)) return OTHER;
  const start = cursor.at;
  const status = takeStatus(cursor);
  const tailAt = status === undefined ? -1 : findTail(cursor);
  const tail = tailAt < 0 ? undefined : takeTail(cursor, tailAt);
  if (status === undefined || tail === undefined) return OTHER;
  if (mayEndInside(cursor, status.textAt, tailAt)) return OTHER;
  const said = cursor.text.slice(start, tailAt);
  if (mayNameOthers(cursor, status.textAt, tail)) {
    return readRejection({ kind: 'rejected', queueId, stage: 'RCPT', client }, said, tail);
  }
  if (tail.helo !== '') client.helo = tail.helo;
  // As the plain parser makes it.
  return {
    kind: 'rejected',
    queueId,
    stage: 'RCPT',
    client,
    user: undefined,
    sender: tail.sender,
    recipient: tail.recipient,
    code: status.code,
    status: status.status,
    reply: said,
    temporary: isTemporary(status),
    relay: undefined,
  };
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
    helo: undefined,
  };
}

/** Takes `CODE STATUS `: of three digits, and of three numbers of up to three digits. */
function takeStatus(cursor: ByteCursor): Status | undefined {
  const { bytes, at } = cursor;
  const code = cursor.number();
  if (cursor.at !== at + CODE_LENGTH || code < 200 || code > 599) return undefined;
  if (bytes[cursor.at] !== SPACE) return undefined;
  const from = ++cursor.at;
  const first = bytes[from];
  if (first !== DIGIT_2 && first !== DIGIT_4 && first !== DIGIT_5) return undefined;
  cursor.at++;
  if (!takeDetail(cursor) || !takeDetail(cursor) || bytes[cursor.at] !== SPACE) return undefined;
  const status = cursor.since(from);
  return { code, status, textAt: ++cursor.at };
}

/** Takes `.N`. */
function takeDetail(cursor: ByteCursor): boolean {
  if (cursor.bytes[cursor.at] !== DOT) return false;
  const from = ++cursor.at;
  cursor.at = cursor.endOf(DIGIT);
  return cursor.at > from && cursor.at - from <= LONGEST_DETAIL;
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

/** Whether the tail may begin inside the brackets of TEXT: see the plain parser, isInsideBrackets. */
function mayEndInside({ bytes, text }: ByteCursor, textAt: number, tailAt: number): boolean {
  return startsWith(bytes, textAt, BLOCKED) && !text.slice(textAt, tailAt).includes('] ');
}

/** Whether TEXT may name the host that was asked about R, or the login that owns F. */
function mayNameOthers(
  { bytes }: ByteCursor,
  textAt: number,
  { recipient, sender }: Tail,
): boolean {
  const at = textAt + AROUND_ADDRESS;
  return (
    startsWith(bytes, at + recipient.length, PROBED) ||
    startsWith(bytes, at + sender.length, NOT_OWNED)
  );
}

function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  // From the right, where refusals of one kind differ.
  for (let index = word.length - 1; index >= 0; index--) {
    if (bytes[at + index] !== word[index]) return false;
  }
  return true;
}
