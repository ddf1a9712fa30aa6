/**
 * Exim's delivery to another host, of an address that was not rewritten, with a reply in plain ASCII:
 *
 *     => R R=ROUTER T=TRANSPORT H=NAME [IP][:PORT][*][ X=CIPHER][ CV=W][ K] C="REPLY"
 */
import type { DeliveryRecord, Relay } from '../model/record.ts';
import { findLocal } from '../parse/exim/delivery.ts';
import { parseReply, setReply, unescapeText } from '../parse/exim/reply.ts';
import { type ByteCursor, IP, LABELS, NAME, REPLY, toBytes } from './bytes.ts';
import { takeIp, takeMailbox, takeWord } from './exim-parts.ts';
import { OTHER } from './outcome.ts';

const QUOTE = 0x22;

const ROUTER = toBytes(' R=');
const TRANSPORT = toBytes(' T=');
const HOST = toBytes(' H=');
const OPEN = toBytes(' [');
const COLON = toBytes(':');
const REUSED = toBytes('*');
const CIPHER = toBytes(' X=');
const VERIFIED = toBytes(' CV=');
const CHUNKED = toBytes(' K');
const ANSWER = toBytes(' C="');
/** The largest port is 65535. */
const LARGEST_PORT = 99_999;

/** Reads the line behind its flag. */
export function scanEximDelivery(
  cursor: ByteCursor,
  queueId: string,
): DeliveryRecord | typeof OTHER {
  const recipient = takeMailbox(cursor);
  if (recipient === undefined || !cursor.take(ROUTER) || !takeWord(cursor, NAME)) return OTHER;
  if (!cursor.take(TRANSPORT)) return OTHER;
  const transport = takeWord(cursor, NAME);
  const relay = transport === undefined ? undefined : takeRelay(cursor);
  if (transport === undefined || relay === undefined) return OTHER;
  if (cursor.take(CIPHER) && !takeWord(cursor, IP | NAME)) return OTHER;
  if (cursor.bytes[cursor.at - 1] === COLON[0]) return OTHER;
  if (cursor.take(VERIFIED) && !takeWord(cursor, NAME)) return OTHER;
  cursor.take(CHUNKED);
  if (!cursor.take(ANSWER)) return OTHER;
  const answerAt = cursor.at;
  const end = cursor.endOf(REPLY);
  if (end + 1 !== cursor.end || cursor.bytes[end] !== QUOTE) return OTHER;
  const record = {
    kind: 'delivery' as const,
    queueId,
    outcome: 'delivered' as const,
    recipient,
    originalRecipient: undefined,
    relay,
    stage: undefined,
    code: undefined,
    status: undefined,
    reply: undefined,
    // With a host behind it, a transport delivers no mailbox here.
    local: findLocal(transport) === 'lmtp' ? ('lmtp' as const) : undefined,
    retryTimeout: undefined,
  };
  setReply(record, parseReply(unescapeText(cursor.text.slice(answerAt, end))));
  return record;
}

/** Takes ` H=NAME [IP][:PORT][*]`. */
function takeRelay(cursor: ByteCursor): Relay | undefined {
  if (!cursor.take(HOST)) return undefined;
  const host = takeWord(cursor, LABELS);
  if (host === undefined || !cursor.take(OPEN)) return undefined;
  const address = takeIp(cursor);
  if (address === undefined) return undefined;
  const port = cursor.take(COLON) ? cursor.number() : undefined;
  if (port !== undefined && (port < 0 || port > LARGEST_PORT)) return undefined;
  cursor.take(REUSED);
  return { host, address, port };
}
