/**
 * Content filters: one message under two queue IDs, or behind a proxy. The ties are, in the order of trust, XFORWARD
 * (read with the transaction), `queued as` (read with the delivery), the filter's own line, the Message-ID.
 */
import type { MailEvent, Submitter } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type { LinkRecord, ProxyAcceptRecord } from '../model/record.ts';
import type { Context } from './context.ts';
import { acceptedEvent } from './make-event.ts';
import {
  inherit,
  keptClient,
  LONGEST_MESSAGE_ID,
  newMessage,
  type OpenMessage,
} from './message.ts';

/** The second queue ID is the first one's message behind a content filter. */
export function goesOnAs(
  context: Context,
  line: LoggedLine,
  first: OpenMessage,
  second: OpenMessage,
): void {
  inherit(second, first);
  second.parentQueueId = first.queueId;
  first.continued = true;
  context.messages.touch(first, line.time);
}

/**
 * Last resort for a content filter that neither speaks XFORWARD nor has said `queued as` yet: mail that comes
 * back from this machine with the Message-ID of exactly one message, which is open or has just left by pipe(8).
 */
export function joinByMessageId(
  context: Context,
  line: LoggedLine,
  message: OpenMessage,
  messageId: string,
): void {
  if (mayComeFromFilter(context, message)) {
    const [first, latest] = context.messageIds.bearers(line.host, messageId, line.time);
    if (first !== undefined && !joinOpen(context, line, message, first)) {
      if (message.submitter?.type === 'uid') joinDeparted(context, line, message, first);
      else if (latest !== undefined) joinOpen(context, line, message, latest);
    }
  }
  const kept = messageId.length > LONGEST_MESSAGE_ID ? messageId : (message.messageId as string);
  context.messageIds.add(line.host, kept, message.queueId, line.time, message.parentQueueId);
}

/** True when the open message of that queue ID went on as `message`. */
function joinOpen(
  context: Context,
  line: LoggedLine,
  message: OpenMessage,
  queueId: string,
): boolean {
  const first = context.messages.get(line.host, queueId);
  if (first === undefined || first === message || !isSameMail(message, first)) return false;
  // What was refused or put off behind a filter is past all filters, on its way out.
  if (first.parentQueueId !== undefined && first.outcomes !== undefined) return false;
  if (message.submitter?.type === 'uid') first.piped = (first.piped ?? 0) - 1;
  goesOnAs(context, line, first, message);
  return true;
}

/** The first message has left by pipe(8). By SMTP nobody comes too late: a filter waits for the second reply. */
function joinDeparted(
  context: Context,
  line: LoggedLine,
  message: OpenMessage,
  queueId: string,
): void {
  const first = context.departed.find(line.host, queueId, line.time);
  if (first === undefined || !isSameMail(message, first)) return;
  context.departed.cameBack(first);
  inherit(message, first);
  message.parentQueueId = first.queueId;
}

/** From this machine or a filter beside it, by SMTP or (a pipe(8) filter) by sendmail, and by no authenticated user. */
function mayComeFromFilter(context: Context, { submitter }: OpenMessage): boolean {
  if (submitter?.type === 'uid') return true;
  return submitter?.type === 'client' && context.trust.isFilter(submitter.id);
}

/**
 * A filter that re-injects with sendmail keeps the sender; a local program that merely copies a Message-ID does not.
 * The Message-ID is compared as well, since a short queue ID may be another message's by now.
 */
function isSameMail(second: OpenMessage, first: OpenMessage): boolean {
  if (first.messageId !== undefined && first.messageId !== second.messageId) return false;
  return second.submitter?.type !== 'uid' || second.sender === first.sender;
}

/** The end-of-message reply of a before-queue proxy, with the queue ID behind it. */
export function correlateProxyAccept(
  context: Context,
  line: LoggedLine,
  record: ProxyAcceptRecord,
  events: MailEvent[],
): void {
  const user = record.user ?? context.sessions.find(line)?.user;
  const message =
    record.queueId === undefined ? undefined : context.messages.get(line.host, record.queueId);
  if (message === undefined) return;
  // The line itself names no client: the session that it belongs to does.
  const client = record.client.address === '' ? context.sessions.find(line)?.client : record.client;
  if (client !== undefined) message.client = keptClient(client);
  if (user !== undefined) charge(message, { type: 'user', id: ownCopy(user) }, events);
  context.messages.touch(message, line.time);
}

/** A message went on under another queue ID in a content filter. */
export function correlateLink(
  context: Context,
  line: LoggedLine,
  { queueId, nextQueueId, moved }: LinkRecord,
  events: MailEvent[],
): void {
  const first = context.messages.get(line.host, queueId);
  const second = context.messages.get(line.host, nextQueueId);
  if (first === undefined) return;
  if (moved === true) return move(context, line, first, second, nextQueueId, events);
  if (second === undefined || second.parentQueueId === queueId) return;
  const before = second.submitter;
  inherit(second, first);
  second.parentQueueId = first.queueId;
  if (first.submitter !== undefined && first.submitter.id !== before?.id) {
    charge(second, first.submitter, events);
  }
  context.messages.touch(second, line.time);
}

/** The same message under a new queue ID; it was held before it could be accepted, so that is still to come. */
function move(
  context: Context,
  line: LoggedLine,
  first: OpenMessage,
  known: OpenMessage | undefined,
  queueId: string,
  events: MailEvent[],
): void {
  // What somebody handed in under that ID is another message, of before: short queue IDs come again.
  const ahead = known?.client === undefined && known?.submitter === undefined ? known : undefined;
  const second = ahead ?? newMessage(line.host, queueId, line.time, 'submitted');
  inherit(second, first);
  second.messageId = first.messageId;
  second.acceptedAt ??= first.acceptedAt;
  if (ahead === undefined) context.messages.put(second);
  else context.messages.touch(second, line.time);
  context.messages.close(first);
  if (first.submitter !== undefined && first.acceptedAt === undefined) {
    charge(second, first.submitter, events);
  }
}

/** The submitter of a message that was already given as accepted turns out to be another. */
function charge(message: OpenMessage, submitter: Submitter, events: MailEvent[]): void {
  message.submitter = submitter;
  message.stranger = undefined;
  if (message.acceptedAt === undefined || message.parentQueueId !== undefined) return;
  const { time, ...at } = message.acceptedAt;
  const line: LoggedLine = { ...BLANK_LINE, at, time, host: message.host };
  events.push({ ...acceptedEvent(line, 'postfix', message), amends: true });
}

const BLANK_LINE: Omit<LoggedLine, 'at' | 'time' | 'host'> = {
  instance: '',
  service: '',
  program: '',
  pid: '',
  text: '',
  times: 1,
};
