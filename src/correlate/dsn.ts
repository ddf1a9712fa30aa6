/** DSNs: mail that the MTA makes itself, about a message that it could not deliver. */
import type { MailEvent, Mta } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type { DsnRecord } from '../model/record.ts';
import { type Context, tellDirection } from './context.ts';
import { newEvent } from './make-event.ts';
import { newMessage, type OpenMessage } from './message.ts';

/** Postfix's bounce says which queue ID a DSN has. */
export function correlateDsn(
  context: Context,
  line: LoggedLine,
  record: DsnRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  const known = context.messages.get(line.host, record.dsnQueueId);
  const message = known ?? newMessage(line.host, record.dsnQueueId, line.time, 'dsn');
  if (known === undefined) context.messages.put(message);
  message.parentQueueId = ownCopy(record.queueId);
  becomeDsn(context, line, message, mta, events);
}

/** The message is a DSN about its parent, and nobody's mail. */
export function becomeDsn(
  context: Context,
  line: LoggedLine,
  message: OpenMessage,
  mta: Mta,
  events: MailEvent[],
): void {
  message.origin = 'dsn';
  message.submitter = undefined;
  message.stranger = undefined;
  message.client = undefined;
  context.messages.touch(message, line.time);
  const parent = context.messages.get(line.host, message.parentQueueId ?? '');
  const event = newEvent(line, mta, 'dsn-sent');
  event.queueId = message.queueId;
  event.parentQueueId = message.parentQueueId;
  event.client = parent?.client;
  event.sender = '';
  event.recipient = parent?.sender;
  event.direction = tellDirection(parent);
  events.push(event);
}
