/**
 * The commonest lines of Postfix, from their bytes to the records that the plain parser (parse/postfix) makes of them.
 * Each function takes the exact common form only, in plain ASCII, and leaves everything else to the plain parser: it
 * alone says what a line means. Where a stranger's text decides, that parser's own functions read the text.
 */
import { decodeText } from '../model/line.ts';
import type { Client, LogRecord, TransactionRecord } from '../model/record.ts';
import { ADDRESS, type ByteCursor, HOST, ID, LOGIN, NAME, toBytes } from './bytes.ts';
import { scanDelivery } from './delivery.ts';
import { OTHER, SILENT } from './outcome.ts';
import { scanRejection } from './rejection.ts';
import type { Role } from './tags.ts';

export type Scanned = LogRecord | typeof SILENT | typeof OTHER;

const COLON = 0x3a;
const SPACE = 0x20;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LOWER_C = 0x63;
const LOWER_D = 0x64;
const LOWER_P = 0x70;
const LOWER_R = 0x72;
const LOWER_W = 0x77;
const UPPER_N = 0x4e;

const SHORTEST_ID = 6;
const LONGEST_ID = 64;
const LONGEST_NAME = 260;
/** Longer texts may have been cut (parse/postfix/cut.ts). */
const LONGEST_TEXT = 769;

const CONNECT_FROM = toBytes('connect from ');
const DISCONNECT_FROM = toBytes('disconnect from ');
const NO_HOSTNAME = toBytes('warning: hostname ');
const CLIENT = toBytes('client=');
const METHOD = toBytes(', sasl_method=');
const USERNAME = toBytes(', sasl_username=');
const MESSAGE_ID = toBytes('message-id=');
const REMOVED = toBytes('removed');
const FROM = toBytes('from=<');
const SIZE = toBytes('>, size=');
const RECIPIENTS = toBytes(', nrcpt=');
const ACTIVE = toBytes(' (queue active)');
const UNKNOWN = toBytes('unknown[');
const NO_QUEUE = toBytes('NOQUEUE: ');

const CONNECT: LogRecord = { kind: 'connect' };
const DISCONNECT: LogRecord = { kind: 'disconnect' };

/** Scans the message at the cursor. Afterwards the cursor may be anywhere in it. */
export function scanPostfix(role: Role, cursor: ByteCursor): Scanned {
  if (role === 'unread') return SILENT;
  if (cursor.end - cursor.at > LONGEST_TEXT) return OTHER;
  switch (role) {
    case 'smtpd':
      return scanSmtpd(cursor);
    case 'postscreen':
      return scanPostscreen(cursor);
    case 'cleanup':
      return scanCleanup(cursor);
    case 'qmgr':
      return scanQmgr(cursor);
    case 'delivery':
      return scanAgent(cursor);
    default:
      return OTHER;
  }
}

/** Of postscreen's lines only those say something that begin with `NOQUEUE: ` or `reject: `. */
function scanPostscreen(cursor: ByteCursor): Scanned {
  const first = cursor.bytes[cursor.at];
  if (first === UPPER_N) return cursor.take(NO_QUEUE) ? scanRejection(cursor, undefined) : OTHER;
  return first === LOWER_R ? OTHER : SILENT;
}

function scanSmtpd(cursor: ByteCursor): Scanned {
  const first = cursor.bytes[cursor.at];
  if (first === LOWER_C && cursor.take(CONNECT_FROM)) return CONNECT;
  if (first === LOWER_D && cursor.take(DISCONNECT_FROM)) return DISCONNECT;
  if (first === UPPER_N) return cursor.take(NO_QUEUE) ? scanRejection(cursor, undefined) : OTHER;
  if (first === LOWER_P) return OTHER;
  // The plain parser looks for `NAME[` behind `warning: `, and `hostname ` is none.
  if (first === LOWER_W) return cursor.take(NO_HOSTNAME) ? SILENT : OTHER;
  const queueId = takeQueueId(cursor);
  if (queueId === undefined) return SILENT;
  return cursor.take(CLIENT) ? scanTransaction(cursor, queueId) : scanRejection(cursor, queueId);
}

/** Takes `QID: `; undefined if the plain parser would find no queue ID either. */
function takeQueueId(cursor: ByteCursor): string | undefined {
  const { bytes, at, text } = cursor;
  const end = cursor.endOf(ID);
  if (end - at < SHORTEST_ID || end - at > LONGEST_ID) return undefined;
  if (end + 2 > cursor.end || bytes[end] !== COLON || bytes[end + 1] !== SPACE) return undefined;
  cursor.at = end + 2;
  return text.slice(at, end);
}

/** Reads `NAME[ADDRESS][, sasl_method=W, sasl_username=U]`. */
function scanTransaction(cursor: ByteCursor, queueId: string): TransactionRecord | typeof OTHER {
  const client = takeClient(cursor);
  if (client === undefined) return OTHER;
  if (cursor.atEnd) return { kind: 'transaction', queueId, client };
  if (!cursor.take(METHOD)) return OTHER;
  cursor.at = cursor.endOf(NAME);
  if (!cursor.take(USERNAME)) return OTHER;
  const from = cursor.at;
  cursor.at = cursor.endOf(LOGIN);
  if (!cursor.atEnd || cursor.at === from) return OTHER;
  return { kind: 'transaction', queueId, client, user: cursor.since(from) };
}

/** Takes `NAME[ADDRESS]`, without a port. */
export function takeClient(cursor: ByteCursor): Client | undefined {
  const { bytes, text, at } = cursor;
  const isUnknown = cursor.take(UNKNOWN);
  const open = isUnknown ? cursor.at - 1 : cursor.endOf(HOST);
  if (open === at || open - at > LONGEST_NAME || bytes[open] !== OPEN_BRACKET) return undefined;
  cursor.at = open + 1;
  const close = cursor.endOf(HOST);
  if (close - open > LONGEST_NAME || bytes[close] !== CLOSE_BRACKET) return undefined;
  cursor.at = close + 1;
  const address = text.slice(open + 1, close);
  return {
    address: address === 'unknown' ? '' : address,
    name: isUnknown ? undefined : text.slice(at, open),
  };
}

function scanCleanup(cursor: ByteCursor): Scanned {
  const queueId = takeQueueId(cursor);
  if (queueId === undefined || !cursor.take(MESSAGE_ID)) return OTHER;
  return { kind: 'message-id', queueId, messageId: decodeText(cursor.rest()) };
}

/** Reads `removed` and `from=<F>, size=N, nrcpt=N (queue active)`. */
function scanQmgr(cursor: ByteCursor): Scanned {
  const queueId = takeQueueId(cursor);
  if (queueId === undefined) return OTHER;
  if (cursor.bytes[cursor.at] === LOWER_R) {
    const isRemoved = cursor.take(REMOVED) && cursor.atEnd;
    return isRemoved ? { kind: 'removed', queueId, how: 'done' } : OTHER;
  }
  if (!cursor.take(FROM)) return OTHER;
  const from = cursor.at;
  const end = cursor.endOf(ADDRESS);
  cursor.at = end;
  const size = cursor.take(SIZE) ? cursor.number() : -1;
  const recipients = size >= 0 && cursor.take(RECIPIENTS) ? cursor.number() : -1;
  if (recipients < 0 || !cursor.take(ACTIVE) || !cursor.atEnd) return OTHER;
  return { kind: 'active', queueId, sender: cursor.text.slice(from, end), size, recipients };
}

/** A delivery agent: of its lines, only those with an outcome say something. */
function scanAgent(cursor: ByteCursor): Scanned {
  const queueId = takeQueueId(cursor);
  return queueId === undefined ? SILENT : scanDelivery(cursor, queueId);
}
