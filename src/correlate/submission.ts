/**
 * How a message comes in: the lines from the transaction to its acceptance, and who is charged with it.
 * The submitter is the user of the session, else the trusted client, else the local account; else a stranger brought it.
 */
import { HOUR, SECOND } from '../base/time.ts';
import type { MailEvent, Mta, Submitter } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type {
  ActiveRecord,
  ArrivalRecord,
  Client,
  MessageIdRecord,
  PickupRecord,
  TransactionRecord,
} from '../model/record.ts';
import { type Context, isNobodys } from './context.ts';
import { becomeDsn } from './dsn.ts';
import { goesOnAs, joinByMessageId } from './filter.ts';
import { acceptedAt, acceptedEvent } from './make-event.ts';
import {
  inherit,
  keptClient,
  LONGEST_MESSAGE_ID,
  newMessage,
  type OpenMessage,
} from './message.ts';
import { isSameClient, type Session } from './sessions.ts';

/** A transaction this old whose session has ended has left no message: its queue ID is free again. */
const ABANDONED_AFTER = 10 * SECOND;
const TRANSACTION_LIFETIME = HOUR;

/** A connection begins or ends: what its process had open is over. */
export function correlateSessionEdge(context: Context, line: LoggedLine): void {
  const session = context.sessions.end(line);
  if (session?.queueId !== undefined) abandon(context, line, session.queueId);
}

/** A `client=` line of Postfix: a transaction has begun, and its session may now have a user. */
export function correlateTransaction(
  context: Context,
  line: LoggedLine,
  record: TransactionRecord,
  events: MailEvent[],
): void {
  const before = context.sessions.find(line);
  if (before !== undefined && !goesOn(before, record)) correlateSessionEdge(context, line);
  const session = context.sessions.of(line);
  session.address = ownCopy(record.client.address);
  if (record.user !== undefined) login(context, session, record.user, events);
  if (record.queueId === undefined) {
    session.client = keptClient(record.client);
    return;
  }
  if (session.queueId !== undefined && session.queueId !== record.queueId) {
    abandon(context, line, session.queueId);
  }
  session.queueId = ownCopy(record.queueId);
  const message = newMessage(line.host, record.queueId, line.time, 'submitted');
  setClient(context, message, record.originalClient ?? record.client, record.user);
  const original =
    record.originalQueueId === undefined
      ? undefined
      : context.messages.get(line.host, record.originalQueueId);
  // Postfix takes XFORWARD from those only who are named in smtpd_authorized_xforward_hosts; often that is $mynetworks.
  if (original !== undefined && isFilterOrNear(context, record.client.address)) {
    goesOnAs(context, line, original, message);
  }
  context.messages.put(message);
}

/** A content filter's address, as far as is known or can be told. */
function isFilterOrNear({ trust }: Context, address: string): boolean {
  return trust.isFilter(address) || (address !== '' && trust.isNear(address));
}

/** Whether the line is of that session: the same client, and still logged in as the same user. */
function goesOn(session: Session, { client, user }: TransactionRecord): boolean {
  if (!isSameClient(session.address, client.address)) return false;
  return session.user === undefined || session.user === user;
}

/** The transaction is over; if no message came of it, none will. */
function abandon(context: Context, line: LoggedLine, queueId: string): void {
  const message = context.messages.get(line.host, queueId);
  if (message === undefined || message.messageId !== undefined || message.acceptedAt) return;
  message.abandoned = true;
  context.messages.touch(message, line.time);
}

/** The session's user is known: rejections given before belong to that user, too. */
function login(context: Context, session: Session, user: string, events: MailEvent[]): void {
  session.user = ownCopy(user);
  const submitter: Submitter = { type: 'user', id: session.user };
  for (const event of context.sessions.claim(session)) {
    events.push({ ...event, submitter, direction: 'outbound', amends: true });
  }
}

function setClient(
  context: Context,
  message: OpenMessage,
  client: Client,
  user: string | undefined,
): void {
  message.client = keptClient(client);
  if (user !== undefined) message.submitter = { type: 'user', id: ownCopy(user) };
  else if (context.trust.isOurs(client.address)) {
    message.submitter = { type: 'client', id: message.client.address };
  } else message.stranger = true;
}

/** Mail from a local program, or one that an operator requeued. */
export function correlatePickup(context: Context, line: LoggedLine, record: PickupRecord): void {
  const message = newMessage(line.host, record.queueId, line.time, 'submitted');
  message.submitter = { type: 'uid', id: record.uid };
  message.sender = ownCopy(record.sender);
  const original =
    record.originalQueueId === undefined
      ? undefined
      : context.messages.get(line.host, record.originalQueueId);
  if (original !== undefined) {
    inherit(message, original);
    message.outcomes = original.outcomes;
    message.outcomeCount = original.outcomeCount;
    message.outcomeLength = original.outcomeLength;
    context.messages.close(original);
  } else if (record.originalQueueId !== undefined) message.submitter = undefined;
  if (record.sender === context.notices?.sender) message.origin = 'notice';
  context.messages.put(message);
}

/** Postfix's cleanup has seen the header: from now on a message will come of it. */
export function correlateMessageId(
  context: Context,
  line: LoggedLine,
  record: MessageIdRecord,
): void {
  let message = context.messages.get(line.host, record.queueId);
  if (message === undefined || isOver(message, line.time)) {
    message = newMessage(line.host, record.queueId, line.time, 'unknown');
    context.messages.put(message);
  }
  message.abandoned = undefined;
  if (message.messageId === undefined) {
    message.messageId = ownCopy(record.messageId.slice(0, LONGEST_MESSAGE_ID));
    joinByMessageId(context, line, message, record.messageId);
  }
  context.messages.touch(message, line.time);
}

/** The first `(queue active)` of Postfix says that the message was accepted. */
export function correlateActive(
  context: Context,
  line: LoggedLine,
  record: ActiveRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  let message = context.messages.get(line.host, record.queueId);
  if (message === undefined) {
    message = newMessage(line.host, record.queueId, line.time, 'unknown');
    context.messages.put(message);
  }
  context.messages.touch(message, line.time);
  if (message.acceptedAt !== undefined) return;
  message.abandoned = undefined;
  message.sender = ownCopy(record.sender);
  message.size = record.size;
  message.recipients = record.recipients;
  if (message.origin === 'unknown') message.origin = originBySender(record.sender);
  if (isNotice(context, message)) message.origin = 'notice';
  message.acceptedAt = acceptedAt(line);
  context.messages.touch(message, line.time);
  // Behind a content filter it is still the same message, accepted once.
  if (message.parentQueueId !== undefined || isNobodys(message)) return;
  events.push(acceptedEvent(line, mta, message));
}

function isNotice(context: Context, message: OpenMessage): boolean {
  const local =
    message.submitter?.type === 'uid' ||
    (message.submitter?.type === 'client' && context.trust.isLoopback(message.submitter.id));
  return local && message.sender !== undefined && message.sender === context.notices?.sender;
}

/** Exim's `<=`: the message is there and accepted. */
export function correlateArrival(
  context: Context,
  line: LoggedLine,
  record: ArrivalRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  const message = newMessage(line.host, record.queueId, line.time, 'submitted');
  message.sender = ownCopy(record.sender);
  message.size = record.size;
  message.recipients = record.recipients?.length;
  if (record.client !== undefined) setClient(context, message, record.client, record.user);
  else if (record.user !== undefined)
    message.submitter = { type: 'user', id: ownCopy(record.user) };
  else if (record.uid !== undefined) message.submitter = { type: 'uid', id: ownCopy(record.uid) };
  if (isNotice(context, message)) message.origin = 'notice';
  message.acceptedAt = acceptedAt(line);
  context.messages.put(message);
  if (record.parentQueueId === undefined) {
    if (message.origin !== 'notice') events.push(acceptedEvent(line, mta, message));
    return;
  }
  message.parentQueueId = ownCopy(record.parentQueueId);
  becomeDsn(context, line, message, mta, events);
}

/** Address verification probes carry this sender unless `address_verify_sender` says otherwise. */
function originBySender(sender: string): OpenMessage['origin'] {
  if (sender === '') return 'dsn';
  return sender.startsWith('double-bounce@') || sender === 'double-bounce' ? 'probe' : 'forward';
}

function isOver(message: OpenMessage, now: number): boolean {
  if (message.messageId !== undefined || message.acceptedAt !== undefined) return false;
  const silence = now - message.touched;
  return (
    silence > TRANSACTION_LIFETIME || (message.abandoned === true && silence > ABANDONED_AFTER)
  );
}
