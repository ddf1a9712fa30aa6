/**
 * The life of a message in the queue: pickup(8) (pickup.c), cleanup(8) (cleanup_message.c), qmgr(8) (qmgr_message.c,
 * qmgr_active.c) and postsuper(1). Nearly all their lines begin with the queue ID.
 */
import { decodeText } from '../../model/line.ts';
import type { LogRecord, PickupRecord, RejectionRecord } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { endOfAddress, endOfQueueId } from './primitives.ts';
import { parseRejection } from './rejection.ts';

const QUOTE = 0x22;
const GREATER_THAN = 0x3e;

/** Reads a message of cleanup at `from`, behind the queue ID. */
export function parseCleanup(text: string, from: number, queueId: string): LogRecord | undefined {
  if (text.startsWith('message-id=', from)) {
    return { kind: 'message-id', queueId, messageId: decodeText(text.slice(from + 11)) };
  }
  if (text.startsWith('removed (', from)) return { kind: 'removed', queueId, how: 'canceled' };
  return parseRejection(text, from, queueId);
}

const CLEANUP_WARNINGS: readonly (readonly [string, number, string])[] = [
  ['message rejected: hopcount exceeded', 554, '5.4.0'],
  ['queue file size limit exceeded', 552, '5.3.4'],
];

/** Reads `warning: QID: TEXT` of cleanup: messages that are refused as a whole (cleanup_message.c, cleanup_out.c). */
export function parseCleanupWarning(text: string): RejectionRecord | undefined {
  const end = text.startsWith('warning: ') ? endOfQueueId(text, 9) : -1;
  if (end < 0 || !text.startsWith(': ', end)) return undefined;
  const known = CLEANUP_WARNINGS.find(([words]) => text.startsWith(words, end + 2));
  if (known === undefined) return undefined;
  const [reply, code, status] = known;
  return { kind: 'rejected', queueId: text.slice(9, end), stage: 'EOM', code, status, reply };
}

/** Reads `uid=N from=<F>[ orig_id=QID]` at `from`. Without orig_id the line ends with the bracket, whatever F holds. */
export function parsePickup(text: string, from: number, queueId: string): PickupRecord | undefined {
  const reader = new Reader(text, from);
  if (!reader.literal('uid=')) return undefined;
  const uid = reader.number();
  if (uid === undefined || !reader.literal(' from=<')) return undefined;
  let end = text.length;
  let originalQueueId: string | undefined;
  if (!text.endsWith('>')) {
    end = text.lastIndexOf(' orig_id=');
    if (end < reader.position || endOfQueueId(text, end + 9) !== text.length) return undefined;
    // A sender with an open quote may have written the ID, in a line that was cut.
    if (
      text.charCodeAt(reader.position) === QUOTE &&
      endOfAddress(text, reader.position - 1) !== end
    ) {
      return undefined;
    }
    originalQueueId = text.slice(end + 9);
  }
  if (text.charCodeAt(end - 1) !== GREATER_THAN || end - 1 < reader.position) return undefined;
  const sender = decodeText(text.slice(reader.position, end - 1));
  return { kind: 'pickup', queueId, uid: String(uid), sender, originalQueueId };
}

const EXPIRED = [
  '>, status=expired, returned to sender',
  '>, status=force-expired, returned to sender',
] as const;

/**
 * Reads a message of qmgr at `from`. Only digits and fixed words follow the sender, so its end is found from the
 * right, in external and in internal form.
 */
export function parseQmgr(text: string, from: number, queueId: string): LogRecord | undefined {
  if (text.length === from + 7 && text.endsWith('removed')) {
    return { kind: 'removed', queueId, how: 'done' };
  }
  if (!text.startsWith('from=<', from)) return undefined;
  const start = from + 6;
  if (text.endsWith(' (queue active)')) return parseActive(text, start, queueId);
  for (const words of EXPIRED) {
    const end = text.length - words.length;
    if (end >= start && text.endsWith(words)) {
      return { kind: 'expired', queueId, sender: decodeText(text.slice(start, end)) };
    }
  }
  return undefined;
}

function parseActive(text: string, start: number, queueId: string): LogRecord | undefined {
  const end = text.lastIndexOf('>, size=');
  if (end < start) return undefined;
  const reader = new Reader(text, end + 8);
  const size = reader.number();
  const recipients = reader.literal(', nrcpt=') ? reader.number() : undefined;
  if (size === undefined || recipients === undefined) return undefined;
  if (!reader.literal(' (queue active)') || !reader.atEnd) return undefined;
  return { kind: 'active', queueId, sender: decodeText(text.slice(start, end)), size, recipients };
}

/** Reads what an operator did to a message by postsuper, at `from`. */
export function parsePostsuper(text: string, from: number, queueId: string): LogRecord | undefined {
  const words = text.slice(from);
  if (words === 'removed') return { kind: 'removed', queueId, how: 'operator' };
  if (words === 'placed on hold') return { kind: 'held', queueId };
  if (words === 'requeued') return { kind: 'removed', queueId, how: 'requeued' };
  return undefined;
}
