/** The end of a message: it left the queue by itself, or an operator removed it. */
import type { RemovedRecord } from '../model/record.ts';
import { newEvent } from './event-draft.ts';
import { findAuthor, getDirection, isSystemMail, type OpenMessage } from './message.ts';
import { findMessage, type Turn } from './turn.ts';

/** Closes the message; the event shows whose it was. */
export function correlateRemoved(turn: Turn<RemovedRecord>): void {
  const { line, record, messages } = turn;
  // A requeued message comes back at once, and then its submitter is looked up by the old queue ID.
  if (record.how === 'requeued') return;
  const message = findMessage(turn, record.queueId);
  const isLastLine = record.how === 'done' || !turn.traits.completesRemovals;
  if (message !== undefined && isLastLine) {
    messages.close(message);
    turn.pipedMessages.add(message, line.time);
  }
  if (message?.gone === true) return;
  if (message !== undefined && !isLastLine) {
    message.gone = true;
    messages.touch(message, line.time);
  }
  if (message !== undefined && isSystemMail(message) && message.origin !== 'dsn') return;
  if (turn.removals.areLeftOut) turn.removals.leftOut++;
  else addRemoval(turn, message);
}

function addRemoval(turn: Turn<RemovedRecord>, message: OpenMessage | undefined): void {
  const event = newEvent(turn, 'removed');
  event.queueId = turn.record.queueId;
  event.parentQueueId = message?.parentQueueId;
  event.submitter = findAuthor(message?.submitter, message?.sender);
  event.client = message?.client;
  event.sender = message?.sender;
  event.direction = getDirection(message);
  turn.events.push(event);
}
