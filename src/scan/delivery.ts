/**
 * Postfix's delivery lines, the same from every agent:
 *
 *     QID: to=<R>[, orig_to=<O>], relay=RELAY[, conn_use=N], delay=T, delays=T/T/T/T, dsn=D, status=WORD (TEXT)
 *
 * The plain parser's own functions read TEXT, which a stranger may have written.
 */
import type { DeliveryRecord, Relay } from '../model/record.ts';
import { findNext, readReason } from '../parse/postfix/delivery.ts';
import { ADDRESS, type ByteCursor, DECIMALS, HOST, toBytes } from './bytes.ts';
import { OTHER, SILENT } from './outcome.ts';

const CLOSE_PARENTHESIS = 0x29;
const AT_SIGN = 0x40;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const TO = toBytes('to=<');
const ORIGINAL_TO = toBytes('>, orig_to=<');
const RELAY = toBytes('>, relay=');
const CONNECTION_USE = toBytes(', conn_use=');
const DELAY = toBytes(', delay=');
const DELAYS = toBytes(', delays=');
const DSN = toBytes(', dsn=');
const STATUS = toBytes(', status=');
const SENT = toBytes('sent (');
const DEFERRED = toBytes('deferred (');
const BOUNCED = toBytes('bounced (');
const PORT = toBytes(':');

/** Reads the line behind its queue ID. */
export function scanDelivery(
  cursor: ByteCursor,
  queueId: string,
): DeliveryRecord | typeof SILENT | typeof OTHER {
  const { bytes, text, end } = cursor;
  if (!cursor.take(TO)) return SILENT;
  if (bytes[end - 1] !== CLOSE_PARENTHESIS) return OTHER;
  const recipient = takeAddress(cursor);
  if (recipient === undefined) return OTHER;
  const original = cursor.take(ORIGINAL_TO) ? takeAddress(cursor) : undefined;
  if (!cursor.take(RELAY)) return OTHER;
  const relay = takeRelay(cursor);
  if (relay === OTHER) return OTHER;
  const dsn = takeStatus(cursor);
  const outcome = dsn === undefined ? undefined : takeOutcome(cursor);
  if (dsn === undefined || outcome === undefined || cursor.at >= end) return OTHER;
  const said = text.slice(cursor.at, end - 1);
  const { code, status, reply, stage, cached } = readReason(said, dsn);
  return {
    kind: 'delivery',
    queueId,
    outcome,
    recipient,
    originalRecipient: original,
    relay,
    probe: undefined,
    code,
    status,
    reply,
    stage,
    cached,
    next: outcome === 'delivered' ? findNext(said) : undefined,
  };
}

/** Takes an address that needs no quotes, up to its bracket. One with a source route begins with `@`: not here. */
function takeAddress(cursor: ByteCursor): string | undefined {
  const from = cursor.at;
  if (cursor.bytes[from] === AT_SIGN) return undefined;
  cursor.at = cursor.endOf(ADDRESS);
  return cursor.since(from);
}

/** Takes `HOST[ADDRESS]:PORT`, `HOST[SOCKET]` or a word, which is no host. */
function takeRelay(cursor: ByteCursor): Relay | undefined | typeof OTHER {
  const { bytes, text, at } = cursor;
  const open = cursor.endOf(HOST);
  cursor.at = open;
  if (bytes[open] !== OPEN_BRACKET) return undefined;
  cursor.at = open + 1;
  const close = cursor.endOf(HOST);
  if (bytes[close] !== CLOSE_BRACKET || open === at) return OTHER;
  cursor.at = close + 1;
  const port = cursor.take(PORT) ? cursor.number() : undefined;
  if (port === -1) return OTHER;
  const host = text.slice(at, open);
  const address = text.slice(open + 1, close);
  if (address.includes('/')) return { host };
  return { host, address: address === 'unknown' ? undefined : address, port };
}

/** Takes everything between the relay and the word of the status; returns D. */
function takeStatus(cursor: ByteCursor): string | undefined {
  if (cursor.take(CONNECTION_USE) && cursor.number() < 0) return undefined;
  if (!cursor.take(DELAY)) return undefined;
  cursor.at = cursor.endOf(DECIMALS);
  if (!cursor.take(DELAYS)) return undefined;
  cursor.at = cursor.endOf(DECIMALS);
  if (!cursor.take(DSN)) return undefined;
  const from = cursor.at;
  cursor.at = cursor.endOf(DECIMALS);
  const dsn = cursor.since(from);
  return cursor.take(STATUS) ? dsn : undefined;
}

function takeOutcome(cursor: ByteCursor): DeliveryRecord['outcome'] | undefined {
  if (cursor.take(SENT)) return 'delivered';
  if (cursor.take(DEFERRED)) return 'deferred';
  return cursor.take(BOUNCED) ? 'bounced' : undefined;
}
