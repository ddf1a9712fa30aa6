/**
 * One way to make an event: all keys, always in the same order, so that V8 keeps one shape for all of them. They are
 * set one by one, since objects with some of the keys have a shape for each place that makes them: 0.6 us an event.
 */
import type { EventKind, MailEvent, Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import { tellDirection } from './context.ts';
import type { OpenMessage } from './message.ts';

/** An event that is still being filled in. */
export type Draft = { -readonly [Key in keyof MailEvent]: MailEvent[Key] };

/** An event of this line, all other keys undefined; the caller sets what it knows. */
export function newEvent(line: LoggedLine, mta: Mta, kind: EventKind): Draft {
  return {
    source: line.at.source,
    line: line.at.line,
    offset: line.at.offset,
    time: line.time,
    mta,
    host: line.host === '' ? undefined : line.host,
    kind,
    temporary: undefined,
    stage: undefined,
    queueId: undefined,
    parentQueueId: undefined,
    submitter: undefined,
    client: undefined,
    sender: undefined,
    recipient: undefined,
    originalRecipient: undefined,
    relay: undefined,
    code: undefined,
    status: undefined,
    reply: undefined,
    reason: undefined,
    size: undefined,
    recipients: undefined,
    direction: undefined,
    repeated: undefined,
    newRecipients: undefined,
    amends: undefined,
  };
}

/** The event of the line that says that a message was accepted. */
export function acceptedEvent(line: LoggedLine, mta: Mta, message: OpenMessage): MailEvent {
  const event = newEvent(line, mta, 'accepted');
  event.queueId = message.queueId;
  event.submitter = message.submitter;
  event.client = message.client;
  event.sender = message.sender;
  event.size = message.size;
  event.recipients = message.recipients;
  event.newRecipients = message.recipients;
  event.direction = tellDirection(message);
  return event;
}

/** Where that line stands. */
export function acceptedAt({ at, time }: LoggedLine): OpenMessage['acceptedAt'] {
  return { source: at.source, line: at.line, offset: at.offset, time };
}
