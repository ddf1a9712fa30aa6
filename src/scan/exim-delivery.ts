/**
 * Exim's delivery to another host or to a mailbox here, with plain addresses and a reply in plain ASCII:
 *
 *     => RECIPIENT ROUTE[ C="REPLY"]
 *
 * RECIPIENT: R, R <ORIGINAL>, or LOCAL <LOCAL@DOMAIN>.
 * ROUTE: R=ROUTER T=TRANSPORT[ H=NAME [IP][:PORT][*][ X=CIPHER][ CV=W][ K]]
 *
 * The plain parser looks for a quoted original address in all of the line, as a stranger may have written what stands
 * in front of it. Here nothing but the reply's ends is a quote.
 */
import type { DeliveryRecord } from '../model/record.ts';
import { createDelivery, type Delivery, findLocal } from '../parse/exim/delivery.ts';
import { chooseSpelling } from '../parse/exim/recipient.ts';
import { parseReply, setReply } from '../parse/exim/reply.ts';
import { type ByteCursor, IP, MAILBOX, NAME, REPLY, toBytes } from './bytes.ts';
import { skipWord, takeMailbox, takeRelay, takeWord } from './exim-parts.ts';
import { OTHER } from './outcome.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const AT_SIGN = 0x40;

const ORIGINAL = toBytes(' <');
const ORIGINAL_END = toBytes('>');
const ROUTER = toBytes(' R=');
const TRANSPORT = toBytes(' T=');
const HOST = toBytes(' H=');
const CIPHER = toBytes(' X=');
const VERIFIED = toBytes(' CV=');
const CHUNKED = toBytes(' K');
const ANSWER = toBytes(' C="');

/** Reads the line behind its flag. */
export function scanEximDelivery(
  cursor: ByteCursor,
  queueId: string,
): DeliveryRecord | typeof OTHER {
  const record = takeRecipient(cursor, queueId, 'delivered');
  if (record === undefined || !takeRoute(cursor, record)) return OTHER;
  if (cursor.atEnd) return record;
  if (!cursor.take(ANSWER)) return OTHER;
  const answerAt = cursor.at;
  const end = cursor.endOf(REPLY);
  if (end + 1 !== cursor.end || cursor.bytes[end] !== QUOTE) return OTHER;
  setReply(record, parseReply(cursor.text.slice(answerAt, end)));
  return record;
}

/** Takes the addresses that the line begins with into a new record. */
export function takeRecipient(
  cursor: ByteCursor,
  queueId: string,
  outcome: Delivery['outcome'],
): Delivery | undefined {
  const from = cursor.at;
  const localEnd = cursor.endOf(MAILBOX);
  if (cursor.bytes[localEnd] !== AT_SIGN) {
    const mailbox = takeMailboxOf(cursor, from, localEnd);
    return mailbox === undefined ? mailbox : createDelivery(queueId, outcome, mailbox, undefined);
  }
  const recipient = takeMailbox(cursor);
  if (recipient === undefined) return undefined;
  if (!cursor.take(ORIGINAL)) return createDelivery(queueId, outcome, recipient, undefined);
  const original = takeMailbox(cursor);
  if (original === undefined || !cursor.take(ORIGINAL_END)) return undefined;
  const addresses = chooseSpelling(recipient, original);
  return createDelivery(queueId, outcome, addresses.recipient, addresses.original);
}

/** Takes `LOCAL <LOCAL@DOMAIN>`: the mailbox of a local part that stands between `from` and `end`. */
function takeMailboxOf(cursor: ByteCursor, from: number, end: number): string | undefined {
  const { bytes } = cursor;
  cursor.at = end;
  if (end === from || !cursor.take(ORIGINAL)) return undefined;
  const start = cursor.at;
  for (let index = from; index < end; index++) {
    if (bytes[index] !== bytes[start + index - from]) return undefined;
  }
  const isSame = bytes[start + end - from] === AT_SIGN;
  const mailbox = isSame ? takeMailbox(cursor) : undefined;
  return cursor.take(ORIGINAL_END) ? mailbox : undefined;
}

/** Takes ROUTE into the record. Mail that nobody took may have none, or only a part of it. */
export function takeRoute(cursor: ByteCursor, record: Delivery): boolean {
  if (!cursor.take(ROUTER)) return record.outcome !== 'delivered';
  if (!skipWord(cursor, NAME)) return false;
  if (!cursor.take(TRANSPORT)) return true;
  const transport = takeWord(cursor, NAME);
  if (transport === undefined) return false;
  record.local = findLocal(transport);
  return !cursor.take(HOST) || takeHost(cursor, record);
}

/** Takes `NAME [IP]...` behind `H=`. */
export function takeHost(cursor: ByteCursor, record: Delivery): boolean {
  const relay = takeRelay(cursor);
  if (relay === undefined) return false;
  record.relay = relay;
  // With a host behind it, a transport delivers no mailbox here.
  if (record.local === 'mailbox') record.local = undefined;
  if (cursor.take(CIPHER)) {
    if (!skipWord(cursor, IP | NAME)) return false;
    // The line's separator, not a part of the cipher.
    if (cursor.bytes[cursor.at - 1] === COLON) cursor.at--;
  }
  if (cursor.take(VERIFIED) && !skipWord(cursor, NAME)) return false;
  cursor.take(CHUNKED);
  return true;
}
