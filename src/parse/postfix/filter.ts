/** Content filters' own lines: they tie the queue ID of a message before the filter to the one behind it. */
import type { LinkRecord } from '../../model/record.ts';
import { endOfQueueId } from './primitives.ts';

/**
 * Reads `(ID) Passed CLEAN ..., Queue-ID: Q1, Message-ID: <M>, ..., queued_as: Q2, ...`. Addresses and Message-ID in
 * it are the sender's words: where a key comes twice, nobody knows which one is amavis's own, and there is no link.
 */
export function parseAmavis(text: string): LinkRecord | undefined {
  if (text.charCodeAt(0) !== 0x28 || !text.includes(') Passed ')) return undefined;
  const queueId = onlyQueueId(text, ', Queue-ID: ');
  const nextQueueId = onlyQueueId(text, ', queued_as: ');
  if (queueId === undefined || nextQueueId === undefined) return undefined;
  return { kind: 'link', queueId, nextQueueId };
}

const REQUEUE = 'Requeue: ';

/**
 * Reads MailScanner's `Requeue: Q1.A1B2C to Q2`, all of it its own words: it takes mail out of the hold queue and
 * puts it into the incoming queue under a new ID.
 */
export function parseMailScanner(text: string): LinkRecord | undefined {
  if (!text.startsWith(REQUEUE)) return undefined;
  const end = endOfQueueId(text, REQUEUE.length);
  const space = end < 0 ? -1 : text.indexOf(' ', end);
  if (space < 0 || !/^\.[0-9A-F]{1,8}$/.test(text.slice(end, Math.min(space, end + 10))))
    return undefined;
  if (!text.startsWith(' to ', space) || endOfQueueId(text, space + 4) !== text.length)
    return undefined;
  return {
    kind: 'link',
    queueId: text.slice(REQUEUE.length, end),
    nextQueueId: text.slice(space + 4),
    moved: true,
  };
}

function onlyQueueId(text: string, key: string): string | undefined {
  const at = text.indexOf(key);
  if (at < 0 || text.indexOf(key, at + 1) >= 0) return undefined;
  const start = at + key.length;
  const end = endOfQueueId(text, start);
  const next = text.charCodeAt(end);
  return end > 0 && (end === text.length || next === 0x2c || next === 0x2f)
    ? text.slice(start, end)
    : undefined;
}
