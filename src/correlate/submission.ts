/**
 * How a message comes in: the lines from the transaction to its acceptance, and who handed it in.
 * The submitter is the user of the session, else the trusted client, else the local account. If there is none of
 * these, the message came from a stranger.
 */

import { HOUR, SECOND } from '../base/time.ts';
import type { MailEvent } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type {
  ActiveRecord,
  ArrivalRecord,
  Client,
  IdentificationRecord,
  MessageIdRecord,
  PickupRecord,
  TransactionRecord,
} from '../model/record.ts';
import { becomeDsn } from './dsn.ts';
import { getPlace, newAcceptedEvent, shortenMessageId } from './event-draft.ts';
import { continueAs, correctSubmitter, joinByMessageId } from './filter.ts';
import {
  copyClient,
  getDirection,
  inheritSubmitter,
  isSystemMail,
  LONGEST_MESSAGE_ID,
  newMessage,
  type OpenMessage,
  type Origin,
} from './message.ts';
import { isSameClient, type Session } from './sessions.ts';
import { findMessage, makeClient, makeUser, openMessage, type Turn } from './turn.ts';

/** After this time, a transaction whose session has ended has left no message: its queue ID is free again. */
const ABANDONED_AFTER = 10 * SECOND;
const TRANSACTION_LIFETIME = HOUR;

/** A connection begins or ends: whatever its process had open is over. */
export function correlateSessionEdge(turn: Turn): void {
  const session = turn.sessions.end(turn.line);
  if (session?.queueId !== undefined) abandon(turn, session.queueId);
}

/** A `client=` line of Postfix: a transaction has begun, and its session may now have a user. */
export function correlateTransaction(turn: Turn<TransactionRecord>): void {
  const { line, record, sessions } = turn;
  const known = sessions.find(line);
  if (known !== undefined && !isSameSession(known, record)) correlateSessionEdge(turn);
  const session = sessions.open(line);
  session.address = ownCopy(record.client.address);
  if (record.user !== undefined) logIn(turn, session, record.user);
  if (record.queueId === undefined) session.client = copyClient(record.client);
  else beginMessage(turn, session, record.queueId);
}

function beginMessage(turn: Turn<TransactionRecord>, session: Session, queueId: string): void {
  const { line, record } = turn;
  if (session.queueId !== undefined && session.queueId !== queueId) abandon(turn, session.queueId);
  session.queueId = ownCopy(queueId);
  const message = newMessage(line.host, queueId, line.time, 'submitted');
  setClient(turn, message, record.originalClient ?? record.client, record.user);
  const original = findMessage(turn, record.originalQueueId);
  // Postfix takes XFORWARD only from the clients in smtpd_authorized_xforward_hosts; often that is $mynetworks.
  if (original !== undefined && mayBeFilter(turn, record.client.address)) {
    continueAs(turn, original, message);
  }
  turn.messages.put(message);
}

/** The address of a content filter, or one on a network of ours. */
function mayBeFilter({ relayClients }: Turn, address: string): boolean {
  return relayClients.isFilter(address) || (address !== '' && relayClients.isPrivate(address));
}

/** The line belongs to that session: the same client, still logged in as the same user. */
function isSameSession(session: Session, { client, user }: TransactionRecord): boolean {
  if (!isSameClient(session.address, client.address)) return false;
  return session.user === undefined || session.user === user;
}

/** The transaction is over; if it has not left a message by now, it leaves none. */
function abandon(turn: Turn, queueId: string): void {
  const message = findMessage(turn, queueId);
  if (message === undefined || message.messageId !== undefined || message.acceptedAt) return;
  message.abandoned = true;
  turn.messages.touch(message, turn.line.time);
}

/** The session's user is known: earlier rejections of this session belong to that user, too. */
function logIn(turn: Turn, session: Session, user: string): void {
  const { sessions, events } = turn;
  session.user = ownCopy(user);
  const submitter = makeUser(turn, session.user);
  for (const event of sessions.takeUnclaimed(session)) {
    events.push({ ...event, submitter, direction: 'outbound', amends: true });
  }
}

function setClient(turn: Turn, message: OpenMessage, client: Client, user?: string): void {
  message.client = copyClient(client);
  if (user !== undefined) message.submitter = makeUser(turn, ownCopy(user));
  else if (turn.relayClients.isOurs(client.address)) {
    message.submitter = makeClient(turn, message.client.address);
  } else message.stranger = true;
}

/** Mail from a local program, or mail that an operator requeued. */
export function correlatePickup(turn: Turn<PickupRecord>): void {
  const { line, record, messages } = turn;
  const message = newMessage(line.host, record.queueId, line.time, 'submitted');
  message.submitter = { type: 'uid', id: record.uid };
  message.sender = ownCopy(record.sender);
  const original = findMessage(turn, record.originalQueueId);
  if (original !== undefined) {
    inheritSubmitter(message, original);
    message.outcomes = original.outcomes;
    message.outcomeCount = original.outcomeCount;
    message.outcomeLength = original.outcomeLength;
    messages.close(original);
  } else if (record.originalQueueId !== undefined) message.submitter = undefined;
  if (record.sender === turn.notices?.sender) message.origin = 'notice';
  messages.put(message);
}

/** Postfix's cleanup has seen the header: this transaction leaves a message. */
export function correlateMessageId(turn: Turn<MessageIdRecord>): void {
  const { line, record, messages } = turn;
  let message = messages.get(line.host, record.queueId);
  if (message === undefined || isOver(message, line.time)) {
    message = newMessage(line.host, record.queueId, line.time, 'unknown');
    messages.put(message);
  }
  message.abandoned = undefined;
  if (message.messageId === undefined) {
    message.messageId = ownCopy(record.messageId.slice(0, LONGEST_MESSAGE_ID));
    joinByMessageId(turn, message, record.messageId);
  }
  messages.touch(message, line.time);
}

/** The first `(queue active)` of Postfix means that the message was accepted. */
export function correlateActive(turn: Turn<ActiveRecord>): void {
  const { line, record, messages } = turn;
  const message = openMessage(turn, record.queueId);
  messages.touch(message, line.time);
  if (message.acceptedAt !== undefined) return;
  message.abandoned = undefined;
  message.sender = ownCopy(record.sender);
  message.size = record.size;
  message.recipients = record.recipients;
  if (message.origin === 'unknown') message.origin = inferOrigin(record.sender);
  if (isNotice(turn, message)) message.origin = 'notice';
  message.acceptedAt = getPlace(line);
  messages.touch(message, line.time);
  // Behind a content filter it is still the same message, which is accepted once.
  if (message.parentQueueId !== undefined || isSystemMail(message)) return;
  turn.events.push(newAcceptedEvent(turn, message));
}

function isNotice({ relayClients, notices }: Turn, { sender, submitter }: OpenMessage): boolean {
  const isLocal =
    submitter?.type === 'uid' ||
    (submitter?.type === 'client' && relayClients.isLoopback(submitter.id));
  return isLocal && sender !== undefined && sender === notices?.sender;
}

/** Exim's `<=`: the message exists and is accepted. */
export function correlateArrival(turn: Turn<ArrivalRecord>): void {
  const { line, record } = turn;
  const message = newMessage(line.host, record.queueId, line.time, 'submitted');
  message.sender = ownCopy(record.sender);
  message.size = record.size;
  message.recipients = record.recipients?.length;
  setSubmitter(turn, message);
  const isAhead = turn.aheadIds.take(line.host, record.queueId);
  const known = isAhead ? findMessage(turn, record.queueId) : undefined;
  if (known !== undefined && known.acceptedAt === undefined) takeAccount(message, known);
  const ahead = takeAhead(turn, message, known);
  if (isNotice(turn, message)) message.origin = 'notice';
  message.acceptedAt = getPlace(line);
  turn.messages.put(message);
  if (record.parentQueueId !== undefined) {
    message.parentQueueId = ownCopy(record.parentQueueId);
    becomeDsn(turn, message);
  } else if (message.origin !== 'notice') {
    const accepted = newAcceptedEvent(turn, message);
    accepted.messageId = shortenMessageId(record.messageId);
    turn.events.push(accepted, ...ahead);
  }
}

/** Events of deliveries that were logged before this arrival, now with the submitter; the message takes them over. */
function takeAhead(
  turn: Turn<ArrivalRecord>,
  message: OpenMessage,
  known: OpenMessage | undefined,
): MailEvent[] {
  if (known?.ahead === undefined || known.acceptedAt !== undefined) return [];
  message.outcomes = known.outcomes;
  message.outcomeCount = known.outcomeCount;
  message.outcomeLength = known.outcomeLength;
  const { submitter, sender, client } = newAcceptedEvent(turn, message);
  return known.ahead.map((event) => ({
    ...event,
    submitter,
    sender,
    client,
    direction: event.direction ?? getDirection(message),
    // The arrival gives the number of recipients, if it is logged at all.
    newRecipients: message.recipients === undefined ? event.newRecipients : undefined,
    amends: true,
  }));
}

/** The account that cPanel named before the arrival. */
function takeAccount(message: OpenMessage, { submitter }: OpenMessage): void {
  if (submitter?.type === 'uid' && message.submitter?.type !== 'user')
    message.submitter = submitter;
}

/** cPanel names the account of a message that came in without a login, such as that of a web site. */
export function correlateIdentification(turn: Turn<IdentificationRecord>): void {
  const { line, record } = turn;
  // An account begins with a letter: `-remote-` and `-system-` are none.
  if (record.uid === undefined || !/^[a-z]/i.test(record.uid)) return;
  const message = openMessage(turn, record.queueId);
  if (message.submitter?.type === 'user' || isSystemMail(message)) return;
  if (message.acceptedAt === undefined) turn.aheadIds.add(line.host, record.queueId);
  correctSubmitter(turn, message, { type: 'uid', id: ownCopy(record.uid) });
  turn.messages.touch(message, line.time);
}

function setSubmitter(turn: Turn<ArrivalRecord>, message: OpenMessage): void {
  const { client, user, uid, ambiguousLogin } = turn.record;
  // Somebody logged in, but the line does not say who: it may be neither the part before the colon nor the client.
  if (ambiguousLogin !== undefined) message.client = client && copyClient(client);
  else if (client !== undefined) setClient(turn, message, client, user);
  else if (user !== undefined) message.submitter = makeUser(turn, ownCopy(user));
  else if (uid !== undefined) message.submitter = { type: 'uid', id: ownCopy(uid) };
}

/** Address verification probes have this sender unless `address_verify_sender` is set. */
function inferOrigin(sender: string): Origin {
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
