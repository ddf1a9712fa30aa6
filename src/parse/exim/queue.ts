/** What happens to a queued message as a whole: completed, frozen, cancelled, removed. */
import { decodeText } from '../../model/line.ts';
import type { LogRecord } from '../../model/record.ts';

/** Reads the text behind a message ID that is a state word; undefined for every other text. */
export function parseQueueState(queueId: string, text: string): LogRecord | undefined {
  if (text === 'Completed' || text.startsWith('Completed QT=')) {
    return { kind: 'removed', queueId, how: 'done' };
  }
  if (text === 'Frozen' || text.startsWith('Frozen ')) return held(queueId, text.slice(7));
  if (text.startsWith('frozen by ')) return held(queueId, text);
  if (text.startsWith('cancelled by ')) return { kind: 'removed', queueId, how: 'canceled' };
  if (text.startsWith('removed by ')) return { kind: 'removed', queueId, how: 'operator' };
  // The client was gone when the `<=` line was written: the message does not exist (receive.c).
  if (text.startsWith('rescind the above message-accept')) {
    return { kind: 'removed', queueId, how: 'canceled' };
  }
  return undefined;
}

function held(queueId: string, reply: string): LogRecord {
  return { kind: 'held', queueId, ...(reply !== '' && { reply: decodeText(reply) }) };
}
