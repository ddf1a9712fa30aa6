/**
 * Content filters: one message under two queue IDs, or behind a proxy. The ties are, in the order of trust, XFORWARD
 * (read with the transaction), `queued as` (read with the delivery), the filter's own line, the Message-ID.
 */
import type { MailEvent, Submitter } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type { ProxyAcceptRecord } from '../model/record.ts';
import type { Context } from './context.ts';
import { acceptedEvent } from './make-event.ts';
import { inherit, keptClient, LONGEST_MESSAGE_ID, type OpenMessage } from './message.ts';

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
 * back from this machine with the Message-ID of exactly one open message.
 */
export function joinByMessageId(
  context: Context,
  line: LoggedLine,
  message: OpenMessage,
  messageId: string,
): void {
  if (mayComeFromFilter(context, message)) {
    const queueId = context.messageIds.bearer(line.host, messageId, line.time);
    const other = queueId === undefined ? undefined : context.messages.get(line.host, queueId);
    if (other !== undefined && other !== message && isSameMail(message, other)) {
      goesOnAs(context, line, other, message);
      return;
    }
  }
  const kept = messageId.length > LONGEST_MESSAGE_ID ? messageId : (message.messageId as string);
  context.messageIds.add(line.host, kept, message.queueId, line.time);
}

/** From this machine, by SMTP or (a pipe(8) filter) by sendmail, and by no authenticated user. */
function mayComeFromFilter(context: Context, { submitter }: OpenMessage): boolean {
  if (submitter?.type === 'uid') return true;
  return submitter?.type === 'client' && context.trust.isLoopback(submitter.id);
}

/** A filter that re-injects with sendmail keeps the sender; a local program that merely copies a Message-ID does not. */
function isSameMail(second: OpenMessage, first: OpenMessage): boolean {
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

/** `queueId` went on as `next` in a content filter. */
export function correlateLink(
  context: Context,
  line: LoggedLine,
  queueId: string,
  next: string,
  events: MailEvent[],
): void {
  const first = context.messages.get(line.host, queueId);
  const second = context.messages.get(line.host, next);
  if (first === undefined || second === undefined || second.parentQueueId === queueId) return;
  const before = second.submitter;
  inherit(second, first);
  second.parentQueueId = first.queueId;
  if (first.submitter !== undefined && first.submitter.id !== before?.id) {
    charge(second, first.submitter, events);
  }
  context.messages.touch(second, line.time);
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
