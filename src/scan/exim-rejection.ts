/**
 * Exim's commonest refusal, with plain addresses and a plain text:
 *
 *     H=[NAME ][(HELO) ][IP][:PORT][ X=CIPHER][ CV=W] F=<S>[ A=DRIVER[:LOGIN]] rejected RCPT <R>: TEXT
 *
 * A HELO name or TEXT may hold a whole false line. Here neither the host nor an address can, and a TEXT with a closing
 * parenthesis, with which the end of a false host begins, or with another `rejected ` goes the plain way.
 */
import { ownCopy } from '../model/line.ts';
import type { RejectionRecord } from '../model/record.ts';
import { createRejection, type Reason, readReason } from '../parse/exim/rejection-record.ts';
import { setReply } from '../parse/exim/reply.ts';
import { type ByteCursor, CAUSE, EXIM_WORDS, IP, NAME, toBytes } from './bytes.ts';
import { skipWord, takeClient, takeLogin, takeMailbox } from './exim-parts.ts';
import { OTHER } from './outcome.ts';

const GREATER_THAN = 0x3e;

const CIPHER = toBytes(' X=');
const VERIFIED = toBytes(' CV=');
const SENDER = toBytes(' F=<');
const SENDER_END = toBytes('>');
const LOGGED_IN = toBytes(' A=');
const REJECTED = toBytes(' rejected RCPT <');
const RECIPIENT_END = toBytes('>: ');

/** Exim cuts a longer argument (parse/exim/acl-rejection.ts). */
const LONGEST_RECIPIENT = 98;

/** Reads the line behind `H=`. */
export function scanEximRejection(cursor: ByteCursor): RejectionRecord | typeof OTHER {
  const client = takeClient(cursor);
  if (client === undefined) return OTHER;
  if (cursor.take(CIPHER) && !skipWord(cursor, IP | NAME)) return OTHER;
  if (cursor.take(VERIFIED) && !skipWord(cursor, NAME)) return OTHER;
  if (!cursor.take(SENDER)) return OTHER;
  const isNull = cursor.bytes[cursor.at] === GREATER_THAN;
  const sender = isNull ? '' : takeMailbox(cursor);
  if (sender === undefined || !cursor.take(SENDER_END)) return OTHER;
  const user = cursor.take(LOGGED_IN) ? takeLogin(cursor) : '';
  if (user === undefined || !cursor.take(REJECTED)) return OTHER;
  const recipient = takeMailbox(cursor);
  if (recipient === undefined || recipient.length > LONGEST_RECIPIENT) return OTHER;
  if (!cursor.take(RECIPIENT_END)) return OTHER;
  const reason = takeReason(cursor);
  if (reason === undefined) return OTHER;
  const record = createRejection(undefined, { client, uid: undefined, isForgeable: false });
  record.stage = 'RCPT';
  record.sender = sender;
  record.recipient = recipient;
  if (user !== '') record.user = user;
  setReply(record, reason);
  record.relay = reason.relay;
  return record;
}

/** Takes the text up to the end of the line: a known one, or one that the plain parser reads. */
function takeReason(cursor: ByteCursor): Reason | undefined {
  for (const { bytes, reason } of KNOWN) {
    if (cursor.at + bytes.length === cursor.end && cursor.take(bytes)) return reason;
  }
  const text = cursor.rest();
  if (cursor.endOf(EXIM_WORDS) !== cursor.end || text.includes('rejected ')) return undefined;
  return cursor.endOf(CAUSE) === cursor.end ? learn(ownCopy(text)) : readReason(text);
}

/** A text of a refusal and what it says. */
interface Known {
  readonly bytes: Uint8Array;
  readonly reason: Reason;
}

/** Texts of words alone, such as `Unrouteable address`, the last ones that came: most refusals have one of a few. */
const KNOWN: Known[] = [];
const MOST_KNOWN = 8;
let oldest = 0;

function learn(text: string): Reason {
  const reason = readReason(text);
  KNOWN[oldest] = { bytes: toBytes(text), reason };
  oldest = (oldest + 1) % MOST_KNOWN;
  return reason;
}
