/**
 * The commonest lines of Exim's own log file, from their bytes. A message's last line is made a record here, and lines
 * that say nothing are left out; the plain parser reads all others, without its envelope.
 */
import type { LogRecord } from '../model/record.ts';
import { startsHostAndTag, startsSyslogLine } from '../parse/envelope/exim.ts';
import { ALPHANUMERIC, type ByteCursor, toBytes } from './bytes.ts';
import { scanArrival } from './exim-arrival.ts';
import { scanEximDelivery } from './exim-delivery.ts';
import { scanEximRejection } from './exim-rejection.ts';
import { OTHER, PLAIN, SILENT } from './outcome.ts';

const SPACE = 0x20;
const ASTERISK = 0x2a;
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
/** In the end of a line, an asterisk may belong to Exim's mark of a line that was cut. */
const LONGEST_MARK = 64;

/** A longer line may have lost its end (parse/exim/parser.ts). */
const LONGEST_WHOLE = 7000;

const ARRIVED = toBytes('<= ');
const CLIENT = toBytes('H=');
const DELIVERED = toBytes('=> ');
const COMPLETED = toBytes('Completed');

/** Scans the text at the cursor, behind Exim's stamp. OTHER: the parser has to read it; PLAIN: the envelope, too. */
export function scanExim(
  cursor: ByteCursor,
): LogRecord | typeof SILENT | typeof OTHER | typeof PLAIN {
  const { bytes, at, text, end } = cursor;
  if (bytes[at] === OPEN_BRACKET || bytes[at] === SPACE) return PLAIN;
  const length = idLength(cursor);
  if (length > 0) {
    if (end - at > LONGEST_WHOLE) return OTHER;
    cursor.at = at + length + 1;
    if (cursor.take(DELIVERED)) return scanEximDelivery(cursor, text.slice(at, at + length));
    if (cursor.take(ARRIVED)) return scanArrival(cursor, text.slice(at, at + length));
    if (!cursor.take(COMPLETED) || !cursor.atEnd) return OTHER;
    return { kind: 'removed', queueId: text.slice(at, at + length), how: 'done' };
  }
  if (isSession(cursor)) return SILENT;
  // Nothing that begins like this is host and tag.
  if (cursor.take(CLIENT)) return end - at > LONGEST_WHOLE ? OTHER : scanEximRejection(cursor);
  const rest = text.slice(at, end);
  return startsHostAndTag(rest) || startsSyslogLine(rest) ? PLAIN : OTHER;
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
  const { bytes, at, end } = cursor;
  const first = bytes[at];
  for (const beginning of SESSIONS) {
    if (beginning[0] !== first || !cursor.take(beginning)) continue;
    for (let index = Math.max(cursor.at, end - LONGEST_MARK); index < end; index++) {
      if (bytes[index] === ASTERISK) return false;
    }
    return true;
  }
  return false;
}
