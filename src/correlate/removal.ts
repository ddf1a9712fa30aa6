/** The end of a message: it left the queue, by itself or by an operator's hand. */
import type { MailEvent, Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { RemovedRecord } from '../model/record.ts';
import { type Context, isNobodys, tellDirection } from './context.ts';
import { newEvent } from './make-event.ts';

/** Closes the message, unless it comes back at once; the event tells whose it was. */
export function correlateRemoved(
  context: Context,
  line: LoggedLine,
  record: RemovedRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  const message = context.messages.get(line.host, record.queueId);
  // The mail of a requeue comes back at once, and then asks for its submitter by the old ID.
  if (record.how === 'requeued') return;
  // Exim says `Completed` after every message that an operator removed or cancelled.
  const follows = mta === 'exim' && record.how !== 'done';
  if (message !== undefined && !follows) {
    context.messages.close(message);
    context.departed.add(message, line.time);
  }
  if (message?.gone === true) return;
  if (message !== undefined && follows) {
    message.gone = true;
    context.messages.touch(message, line.time);
  }
  if (message !== undefined && isNobodys(message) && message.origin !== 'dsn') return;
  const event = newEvent(line, mta, 'removed');
  event.queueId = record.queueId;
  event.parentQueueId = message?.parentQueueId;
  event.submitter = message?.submitter;
  event.client = message?.client;
  event.sender = message?.sender;
  event.direction = tellDirection(message);
  events.push(event);
}
