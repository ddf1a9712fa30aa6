/** amavis: the line that ties the queue ID of a message before the content filter to the one behind it. */
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
