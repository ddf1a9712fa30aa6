/**
 * The commonest lines of Exim's own log file, from their bytes. A message's last line is made a record here, and lines
 * that say nothing are left out; the plain parser reads all others, without its envelope.
 */
import type { LogRecord } from '../model/record.ts';
import { startsHostAndTag, startsSyslogLine } from '../parse/envelope/exim.ts';
import { ALPHANUMERIC, type ByteCursor, toBytes } from './bytes.ts';
import { scanArrival } from './exim-arrival.ts';
import { scanEximDelivery } from './exim-delivery.ts';
import { scanDeferral, scanFailure } from './exim-failure.ts';
import { scanEximLogin } from './exim-login.ts';
import { mayBeCut, takeRelay } from './exim-parts.ts';
import { scanEximRejection } from './exim-rejection.ts';
import { OTHER, PLAIN, SILENT } from './outcome.ts';

const SPACE = 0x20;
const HYPHEN = 0x2d;
const OPEN_BRACKET = 0x5b;

/** Where the hyphens and the end of a message ID are: `1xUirY-00014N-13` up to Exim 4.96, `1xUirY-00000001a2B-3c4D` since. */
const IDS = [
  { first: 6, second: 13, length: 16 },
  { first: 6, second: 18, length: 23 },
] as const;

/** Lines of sessions that say nothing about mail, by their beginnings: what follows is not read. */
const SESSIONS = [
  'no MAIL in SMTP connection from ',
  'unexpected disconnection while reading SMTP command from ',
  'no host name found for IP address ',
  'SMTP connection from ',
  'Start queue run: ',
  'End queue run: ',
].map(toBytes);
/** What follows the host of an attempt to deliver that failed: nothing that the plain parser takes for a refusal. */
const ATTEMPTS = [
  ': ',
  ' Connection timed out',
  ' Connection refused',
  ' Network is unreachable',
  ' No route to host',
].map(toBytes);

/** A longer line may have lost its end (parse/exim/parser.ts). */
const LONGEST_WHOLE = 7000;

const ARRIVED = toBytes('<= ');
const CLIENT = toBytes('H=');
const DELIVERED = toBytes('=> ');
/** another recipient of the same delivery */
const DELIVERED_TOO = toBytes('-> ');
const DEFERRED = toBytes('== ');
const FAILED = toBytes('** ');
const COMPLETED = toBytes('Completed');

type Scanned = LogRecord | typeof SILENT | typeof OTHER;

/** Scans the text at the cursor, behind Exim's stamp. OTHER: the parser has to read it; PLAIN: the envelope, too. */
export function scanExim(cursor: ByteCursor): Scanned | typeof PLAIN {
  const { bytes, at, text, end } = cursor;
  if (bytes[at] === OPEN_BRACKET || bytes[at] === SPACE) return PLAIN;
  const length = idLength(cursor);
  if (length > 0) {
    cursor.at = at + length + 1;
    return end - at > LONGEST_WHOLE ? OTHER : scanOfMessage(cursor, text.slice(at, at + length));
  }
  if (isSession(cursor)) return SILENT;
  if (end - at <= LONGEST_WHOLE) {
    const refusal = cursor.take(CLIENT) ? scanEximRejection(cursor) : scanEximLogin(cursor);
    if (refusal !== OTHER) return refusal;
  }
  const rest = text.slice(at, end);
  return startsHostAndTag(rest) || startsSyslogLine(rest) ? PLAIN : OTHER;
}

/** Scans what stands behind a message ID. */
function scanOfMessage(cursor: ByteCursor, queueId: string): Scanned {
  if (cursor.take(DELIVERED) || cursor.take(DELIVERED_TOO)) {
    return scanEximDelivery(cursor, queueId);
  }
  if (cursor.take(ARRIVED)) return scanArrival(cursor, queueId);
  if (cursor.take(DEFERRED)) return scanDeferral(cursor, queueId);
  if (cursor.take(FAILED)) return scanFailure(cursor, queueId);
  if (cursor.take(CLIENT)) return isAttempt(cursor) ? SILENT : OTHER;
  if (!cursor.take(COMPLETED) || !cursor.atEnd) return OTHER;
  return { kind: 'removed', queueId, how: 'done' };
}

/** Whether a host that did not take the message stands behind `H=`: that is no refusal yet, or it has a line of its own. */
function isAttempt(cursor: ByteCursor): boolean {
  if (takeRelay(cursor) === undefined) return false;
  return ATTEMPTS.some((beginning) => cursor.take(beginning)) && !mayBeCut(cursor);
}

/** Length of the message ID at the cursor, which a space follows; 0 if there is none. */
function idLength(cursor: ByteCursor): number {
  const { bytes, at, end } = cursor;
  for (const { first, second, length } of IDS) {
    if (bytes[at + first] !== HYPHEN || bytes[at + second] !== HYPHEN) continue;
    if (at + length >= end || bytes[at + length] !== SPACE) continue;
    if (cursor.endOf(ALPHANUMERIC) !== at + first) return 0;
    cursor.at = at + first + 1;
    const isWhole = cursor.endOf(ALPHANUMERIC) === at + second;
    cursor.at = at + second + 1;
    const isId = isWhole && cursor.endOf(ALPHANUMERIC) === at + length;
    cursor.at = at;
    return isId ? length : 0;
  }
  return 0;
}

function isSession(cursor: ByteCursor): boolean {
  const first = cursor.bytes[cursor.at];
  for (const beginning of SESSIONS) {
    if (beginning[0] === first && cursor.take(beginning)) return !mayBeCut(cursor);
  }
  return false;
}
