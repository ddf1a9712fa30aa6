/**
 * The arrival line (receive.c): `<= SENDER FIELDS` (and `(= ...`: accepted, but the client was told otherwise).
 *
 * This line names the submitter of a message, next to fields that strangers choose. So it is read strictly: each known
 * field once, in Exim's order, with the size, which is never missing, and nothing left over at the end. A line that
 * does not fit is undefined rather than attributed to the wrong person. Only what follows the size may be unknown, and
 * only when no field before it is free text. Unknown ` XX=` fields are skipped.
 */
import { decodeText } from '../../model/line.ts';
import type { ArrivalRecord } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { takeBareAddress } from './address.ts';
import {
  ANYWHERE,
  type Arrival,
  type Field,
  isSeen,
  takeCertificate,
  takeFieldName,
  takeSize,
} from './arrival-field.ts';
import { hasHostEnd } from './host.ts';

/** Reads the line behind its flag: `SENDER FIELDS`. */
export function parseArrival(queueId: string, text: string): ArrivalRecord | undefined {
  const reader = new Reader(text);
  const sender = reader.literal('<>') ? '' : takeBareAddress(reader);
  if (sender === undefined) return undefined;
  return takeFields(reader, createArrival(queueId, decodeText(sender)), 0, 0);
}

/** All keys at once: V8 then keeps one shape for all arrivals, which makes reading them fast. */
function createArrival(queueId: string, sender: string): Arrival {
  return {
    kind: 'arrival',
    queueId,
    sender,
    client: undefined,
    user: undefined,
    ambiguousLogin: undefined,
    uid: undefined,
    size: undefined,
    recipients: undefined,
    parentQueueId: undefined,
    messageId: undefined,
  };
}

/** Takes all fields to the end of the line into the record. `seen` and `order` are those of the fields before. */
function takeFields(
  reader: Reader,
  record: Arrival,
  seenBefore: number,
  orderBefore: number,
): Arrival | undefined {
  let seen = seenBefore;
  let order = orderBefore;
  let sizeEnd = reader.text.length;
  while (!reader.atEnd) {
    const field = takeFieldName(reader);
    if (field === undefined || !isExpected(field, seen, order)) break;
    seen |= field.bit;
    order = Math.max(order, field.order);
    if (field.take === takeCertificate && reader.text.startsWith('"/', reader.position)) {
      return readBehindRawName(reader, record, seen, order);
    }
    if (!field.take(reader, record)) break;
    if (field.take === takeSize) sizeEnd = reader.position;
    if (reader.atEnd) return record.size === undefined ? undefined : record;
  }
  return mayEndUnknown(record, seen, reader.text.slice(sizeEnd)) ? record : undefined;
}

/** True for a field that may come anywhere, and for one that is new and not too late. */
function isExpected({ bit, order }: Field, seen: number, last: number): boolean {
  return order === ANYWHERE || ((seen & bit) === 0 && order >= last);
}

/**
 * Whether a line is certain although something unknown follows its size (a patched Exim, a DKIM domain with a space).
 * It is not when a login, a HELO name, an identd or a certificate may have written the size.
 */
function mayEndUnknown({ client, size }: Arrival, seen: number, behindSize: string): boolean {
  const hasIdent = client !== undefined && isSeen('U', seen);
  if (size === undefined || hasIdent || isSeen('DN', seen)) return false;
  return !behindSize.includes(' S=') && !hasHostEnd(behindSize);
}

/** How many quotes are tried as the end of a raw name. */
const MOST_TRIES = 16;

/**
 * Reads what follows a certificate's name in OpenSSL's form (`/CN=...`), which is logged as it is, with its quotes. The
 * name ends where everything that follows fits: an attacker who writes fields into it leaves a quote over, and no
 * single quote is allowed behind the size.
 */
function readBehindRawName(
  reader: Reader,
  record: Arrival,
  seen: number,
  order: number,
): Arrival | undefined {
  const { text } = reader;
  let end = text.indexOf('" ', reader.position);
  for (let tries = 0; end >= 0 && tries < MOST_TRIES; tries++) {
    reader.position = end + 1;
    const found = takeFields(reader, { ...record }, seen, order);
    if (found !== undefined && found.ambiguousLogin?.includes('"') !== true) return found;
    end = text.indexOf('" ', end + 1);
  }
  return undefined;
}
