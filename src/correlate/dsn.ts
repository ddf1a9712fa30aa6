/** DSNs: mail that the MTA makes itself, about a message that it could not deliver. */
import { ownCopy } from '../model/line.ts';
import type { DsnRecord } from '../model/record.ts';
import { newEvent } from './event-draft.ts';
import { getDirection, type OpenMessage } from './message.ts';
import { findMessage, openMessage, type Turn } from './turn.ts';

/** Postfix's bounce daemon logs the queue ID of the DSN that it made. */
export function correlateDsn(turn: Turn<DsnRecord>): void {
  const message = openMessage(turn, turn.record.dsnQueueId, 'dsn');
  message.parentQueueId = ownCopy(turn.record.queueId);
  becomeDsn(turn, message);
}

/** The message is a DSN about its parent, and belongs to nobody. */
export function becomeDsn(turn: Turn, message: OpenMessage): void {
  message.origin = 'dsn';
  message.submitter = undefined;
  message.stranger = undefined;
  message.client = undefined;
  turn.messages.touch(message, turn.line.time);
  const parent = findMessage(turn, message.parentQueueId ?? '');
  const event = newEvent(turn, 'dsn-sent');
  event.queueId = message.queueId;
  event.parentQueueId = message.parentQueueId;
  event.client = parent?.client;
  event.sender = '';
  event.recipient = parent?.sender;
  event.direction = getDirection(parent);
  turn.events.push(event);
}
