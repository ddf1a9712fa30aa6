/**
 * Content filters: one message under two queue IDs, or behind a proxy. What ties the two together, most trusted
 * first: XFORWARD (read with the transaction), `queued as` (read with the delivery), the filter's own line, the
 * Message-ID.
 */
import type { Submitter } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { DeliveryRecord, LinkRecord, ProxyAcceptRecord } from '../model/record.ts';
import { newAcceptedEvent } from './event-draft.ts';
import {
  copyClient,
  getDirection,
  inheritSubmitter,
  LONGEST_MESSAGE_ID,
  newMessage,
  type OpenMessage,
} from './message.ts';
import { findMessage, makeUser, type Turn } from './turn.ts';

/** The second message is the first one behind a content filter. */
export function continueAs(turn: Turn, first: OpenMessage, second: OpenMessage): void {
  inheritSubmitter(second, first);
  second.parentQueueId = first.queueId;
  first.continued = true;
  turn.messages.touch(first, turn.line.time);
}

/**
 * Ties the message to the one that continues it under the queue ID that the delivery names. True if that is all: then
 * the delivery is no event. A content filter is believed only for a message that came from this machine, or back from
 * that filter: a foreign host names queue IDs of its own, which do not matter here.
 */
export function passOn(turn: Turn<DeliveryRecord>, message: OpenMessage): boolean {
  const { line, record, relayClients } = turn;
  const { queueId, how } = record.next as NonNullable<DeliveryRecord['next']>;
  const next = turn.messages.get(line.host, queueId);
  if (next === undefined || next === message) return false;
  if (how === 'forwarded') {
    next.origin = 'forward';
    next.parentQueueId = message.queueId;
    next.forward = {
      by: ownCopy(message.forward?.by ?? record.originalRecipient ?? record.recipient),
      client: message.client ?? message.forward?.client,
      direction: getDirection(message) ?? message.forward?.direction,
    };
    turn.messages.touch(next, line.time);
    return false;
  }
  const address = record.relay?.address;
  const isHere = address === undefined || relayClients.isLoopback(address);
  const isKnown = next.parentQueueId === message.queueId;
  if (!isHere && !isKnown && !cameBack(turn, message, next)) return false;
  if (isHere && !isKnown && !isFromHere(turn, message, next)) return false;
  inheritSubmitter(next, message);
  next.parentQueueId = message.queueId;
  turn.messages.touch(next, line.time);
  return true;
}

/** Whether the next message came from this machine. */
function isFromHere({ relayClients }: Turn, message: OpenMessage, next: OpenMessage): boolean {
  const { submitter, client, parentQueueId } = next;
  // Both are known to continue the same message: this line shows in which order.
  if (parentQueueId !== undefined && parentQueueId === message.parentQueueId) return true;
  if (submitter?.type === 'client' && relayClients.isLoopback(submitter.id)) return true;
  return client !== undefined && relayClients.isLoopback(client.address);
}

/** A content filter does not listen on these ports. A foreign MX answers on the first, a smarthost on any of them. */
const MAIL_PORTS: ReadonlySet<number | undefined> = new Set([25, 465, 587]);

/**
 * A content filter on another host: it was given a message at a port of its own, and a message with the same
 * Message-ID came back later from the same address. That address is one of ours and has not logged in. It is not
 * enough that a foreign host claims a queue ID of ours: such a host is reached at port 25, the only one that an MX
 * record can mean.
 */
function cameBack(
  { record, relayClients }: Turn<DeliveryRecord>,
  first: OpenMessage,
  second: OpenMessage,
): boolean {
  const { address, port } = record.relay ?? {};
  if (address === undefined || port === undefined || MAIL_PORTS.has(port)) return false;
  if (second.submitter?.type !== 'client' || second.submitter.id !== address) return false;
  if (second.messageId === undefined || second.messageId !== first.messageId) return false;
  if (second.born < first.born || !relayClients.isOurs(address)) return false;
  relayClients.noteFilter(address);
  return true;
}

/** Whether a content filter took the message. That is not a delivery: the next queue ID shows the outcome. */
export function isHandOver({ line, record, relayClients }: Turn<DeliveryRecord>): boolean {
  if (record.outcome !== 'delivered') return false;
  const address = record.relay?.address;
  return line.program === 'pipe' || (address !== undefined && relayClients.isFilter(address));
}

/**
 * The last resort, for a content filter that does not use XFORWARD and has not said `queued as` yet: mail that comes
 * back from this machine with the Message-ID of exactly one message, which is open or has just left by pipe(8).
 */
export function joinByMessageId(turn: Turn, message: OpenMessage, messageId: string): void {
  const { line, messageIds } = turn;
  if (mayComeFromFilter(turn, message)) {
    const [first, latest] = messageIds.find(line.host, messageId, line.time);
    if (first !== undefined && !joinOpen(turn, message, first)) {
      if (message.submitter?.type === 'uid') joinPiped(turn, message, first);
      else if (latest !== undefined) joinOpen(turn, message, latest);
    }
  }
  const kept = messageId.length > LONGEST_MESSAGE_ID ? messageId : (message.messageId as string);
  messageIds.add(line.host, kept, message.queueId, line.time, message.parentQueueId);
}

/** True if the open message with that queue ID continues as `message`. */
function joinOpen(turn: Turn, message: OpenMessage, queueId: string): boolean {
  const first = findMessage(turn, queueId);
  if (first === undefined || first === message || !isSameMail(message, first)) return false;
  // A message that was refused or deferred behind a filter has passed all filters and is on its way out.
  if (first.parentQueueId !== undefined && first.outcomes !== undefined) return false;
  if (message.submitter?.type === 'uid') first.piped = (first.piped ?? 0) - 1;
  continueAs(turn, first, message);
  return true;
}

/**
 * The first message has left by pipe(8). By SMTP this cannot happen: a filter keeps its connection open until the
 * second queue ID is known.
 */
function joinPiped({ line, pipedMessages }: Turn, message: OpenMessage, queueId: string): void {
  const first = pipedMessages.find(line.host, queueId, line.time);
  if (first === undefined || !isSameMail(message, first)) return;
  pipedMessages.noteReturn(first);
  inheritSubmitter(message, first);
  message.parentQueueId = first.queueId;
}

/** From this machine or a filter, by SMTP or (with a pipe(8) filter) by sendmail, but not from a user who logged in. */
function mayComeFromFilter({ relayClients }: Turn, { submitter }: OpenMessage): boolean {
  if (submitter?.type === 'uid') return true;
  return submitter?.type === 'client' && relayClients.isFilter(submitter.id);
}

/**
 * A filter that sends with sendmail keeps the sender; a local program that only copies a Message-ID does not. The
 * Message-ID is compared as well, because a short queue ID may belong to another message by now.
 */
function isSameMail(second: OpenMessage, first: OpenMessage): boolean {
  if (first.messageId !== undefined && first.messageId !== second.messageId) return false;
  return second.submitter?.type !== 'uid' || second.sender === first.sender;
}

/** The end-of-message reply of a before-queue proxy, with the queue ID behind it. */
export function correlateProxyAccept(turn: Turn<ProxyAcceptRecord>): void {
  const { line, record } = turn;
  const message = findMessage(turn, record.queueId);
  if (message === undefined) return;
  const session = turn.sessions.find(line);
  const user = record.user ?? session?.user;
  // If the line does not name the client, its session does.
  const client = record.client.address === '' ? session?.client : record.client;
  if (client !== undefined) message.client = copyClient(client);
  if (user !== undefined) correctSubmitter(turn, message, makeUser(turn, ownCopy(user)));
  turn.messages.touch(message, line.time);
}

/** A content filter's line: the message continues under another queue ID. */
export function correlateLink(turn: Turn<LinkRecord>): void {
  const { line, record, messages } = turn;
  const { queueId, nextQueueId, moved } = record;
  const first = messages.get(line.host, queueId);
  const second = messages.get(line.host, nextQueueId);
  if (first === undefined) return;
  if (moved === true) return moveMessage(turn, first, second);
  if (second === undefined || second.parentQueueId === queueId) return;
  const before = second.submitter;
  inheritSubmitter(second, first);
  second.parentQueueId = first.queueId;
  if (first.submitter !== undefined && first.submitter.id !== before?.id) {
    correctSubmitter(turn, second, first.submitter);
  }
  messages.touch(second, line.time);
}

/** The same message under a new queue ID. It was held before it could be accepted, so its acceptance still follows. */
function moveMessage(
  turn: Turn<LinkRecord>,
  first: OpenMessage,
  known: OpenMessage | undefined,
): void {
  const { line, record, messages } = turn;
  // A message with a client or a submitter is an older one: short queue IDs are used again.
  const ahead = known?.client === undefined && known?.submitter === undefined ? known : undefined;
  const second = ahead ?? newMessage(line.host, record.nextQueueId, line.time, 'submitted');
  inheritSubmitter(second, first);
  second.messageId = first.messageId;
  second.acceptedAt ??= first.acceptedAt;
  if (ahead === undefined) messages.put(second);
  else messages.touch(second, line.time);
  messages.close(first);
  if (first.submitter !== undefined && first.acceptedAt === undefined) {
    correctSubmitter(turn, second, first.submitter);
  }
}

/** The message has another submitter than its `accepted` event said, if it had one already. */
export function correctSubmitter(turn: Turn, message: OpenMessage, submitter: Submitter): void {
  message.submitter = submitter;
  message.stranger = undefined;
  if (message.acceptedAt === undefined || message.parentQueueId !== undefined) return;
  turn.events.push({ ...newAcceptedEvent(turn, message), ...message.acceptedAt, amends: true });
}
