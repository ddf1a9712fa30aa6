/**
 * Exim's deferrals and failures, with plain addresses and a plain text (RECIPIENT and ROUTE: exim-delivery.ts):
 *
 *     == RECIPIENT[ ROUTE] defer (ERRNO)[: CAUSE][ H=NAME [IP]...][: TEXT]
 *     ** RECIPIENT[ ROUTE]: TEXT
 *
 * The other host chooses TEXT. All in front of it is read from the left, and it holds no quote, so it decides nothing.
 * What it says is read by the plain parser's own functions.
 */
import type { DeliveryRecord } from '../model/record.ts';
import { type Delivery, setFailure, setReason } from '../parse/exim/delivery.ts';
import { type ByteCursor, CAUSE, DIGIT, REPLY, toBytes } from './bytes.ts';
import { takeHost, takeRecipient, takeRoute } from './exim-delivery.ts';
import { OTHER } from './outcome.ts';

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const COLON = 0x3a;
const EQUALS = 0x3d;
const UPPER_H = 0x48;

const HOST = toBytes(' H=');
const DEFER = toBytes(' defer (');
const MINUS = toBytes('-');
const DEFER_END = toBytes(')');
const SEPARATOR = toBytes(': ');
/** since Exim 4.99 */
const WIDE_SEPARATOR = toBytes(' : ');

/** Reads a deferral behind its flag. */
export function scanDeferral(cursor: ByteCursor, queueId: string): DeliveryRecord | typeof OTHER {
  const record = takeStart(cursor, queueId, 'deferred');
  if (record === undefined || !cursor.take(DEFER)) return OTHER;
  const hasErrno = !cursor.take(MINUS) && cursor.bytes[cursor.at] !== DIGIT_0;
  if (!skipErrno(cursor) || !cursor.take(DEFER_END)) return OTHER;
  const cause = hasErrno && cursor.take(SEPARATOR) ? takeCause(cursor) : '';
  if (cause === undefined) return OTHER;
  if (cursor.take(HOST) && !takeHost(cursor, record)) return OTHER;
  if (cursor.atEnd) {
    if (cause !== '') record.reply = cause;
    return record;
  }
  const text = takeText(cursor);
  if (text === undefined) return OTHER;
  setReason(record, text, cause);
  return record;
}

/** Reads a failure behind its flag. */
export function scanFailure(cursor: ByteCursor, queueId: string): DeliveryRecord | typeof OTHER {
  const record = takeStart(cursor, queueId, 'bounced');
  const text = record && takeText(cursor);
  if (record === undefined || text === undefined) return OTHER;
  setFailure(record, text);
  return record;
}

function takeStart(
  cursor: ByteCursor,
  queueId: string,
  outcome: Delivery['outcome'],
): Delivery | undefined {
  const record = takeRecipient(cursor, queueId, outcome);
  return record !== undefined && takeRoute(cursor, record) ? record : undefined;
}

/** Takes a number that does not begin with a 0, unless it is one. */
function skipErrno(cursor: ByteCursor): boolean {
  const { bytes, at } = cursor;
  cursor.at = cursor.endOf(DIGIT);
  return cursor.at === at + 1 || (cursor.at > at && bytes[at] !== DIGIT_0);
}

/** Takes the system's word for an error, which ends at a host or at the end of the line. */
function takeCause(cursor: ByteCursor): string | undefined {
  const { bytes, at } = cursor;
  let end = cursor.endOf(CAUSE);
  if (bytes[end] === EQUALS && bytes[end - 1] === UPPER_H && bytes[end - 2] === SPACE) end -= 2;
  else if (end < cursor.end && bytes[end] !== COLON) return undefined;
  if (end <= at) return undefined;
  cursor.at = end;
  return cursor.since(at);
}

/** Takes the separator, and the text up to the end. */
function takeText(cursor: ByteCursor): string | undefined {
  if (!cursor.take(SEPARATOR) && !cursor.take(WIDE_SEPARATOR)) return undefined;
  return cursor.endOf(REPLY) === cursor.end ? cursor.rest() : undefined;
}
