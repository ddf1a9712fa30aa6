/**
 * The only way to make an event: all keys, always in the same order, so that V8 keeps one shape for all events. The
 * caller sets the keys one by one. Objects with some of the keys would have another shape at each place that makes
 * them, which cost 0.6 us an event.
 */
import type { EventKind, MailEvent } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import { findAuthor, getDirection, type OpenMessage } from './message.ts';
import type { Turn } from './turn.ts';

/** An event that is still being filled in. */
export type EventDraft = { -readonly [Key in keyof MailEvent]: MailEvent[Key] };

/** An event of this line; all keys that the line itself does not give are undefined. */
export function newEvent({ line, traits }: Turn, kind: EventKind): EventDraft {
  return {
    source: line.at.source,
    line: line.at.line,
    offset: line.at.offset,
    time: line.time,
    mta: traits.mta,
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
    messageId: undefined,
    cause: undefined,
    newRecipients: undefined,
    amends: undefined,
  };
}

/** The event of the line that accepts the message. */
export function newAcceptedEvent(turn: Turn, message: OpenMessage): EventDraft {
  const event = newEvent(turn, 'accepted');
  event.queueId = message.queueId;
  event.submitter = findAuthor(message.submitter, message.sender);
  event.client = message.client;
  event.sender = message.sender;
  event.messageId = shortenMessageId(message.messageId);
  event.size = message.size;
  event.recipients = message.recipients;
  event.newRecipients = message.recipients;
  event.direction = getDirection(message);
  return event;
}

/** Longer ones are not stored: they are made up, and a complaint cannot find them. */
const LONGEST_STORED_ID = 320;

/** A Message-ID as it is stored: without brackets. */
export function shortenMessageId(messageId: string | undefined): string | undefined {
  if (messageId === undefined) return undefined;
  const from = messageId.startsWith('<') ? 1 : 0;
  const end = messageId.length - (messageId.length > from && messageId.endsWith('>') ? 1 : 0);
  return end === from || end - from > LONGEST_STORED_ID ? undefined : messageId.slice(from, end);
}

/** Where the line is and when it was logged. */
export function getPlace({ at, time }: LoggedLine): NonNullable<OpenMessage['acceptedAt']> {
  return { source: at.source, line: at.line, offset: at.offset, time };
}
