/**
 * Records to events: remembers open messages and sessions by host and queue ID, and so knows the submitter of a
 * bounce that comes hours after the message was accepted, and which refusals were counted before.
 * Reads no file and writes none: what must survive is handed out by `takeChanges` and `save`.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../base/time.ts';
import type { NetworkSet } from '../model/address.ts';
import type { MailEvent, Mta, Submitter } from '../model/event.ts';
import { type LoggedLine, ownCopy } from '../model/line.ts';
import type {
  ActiveRecord,
  ArrivalRecord,
  Client,
  DsnRecord,
  LogRecord,
  MessageIdRecord,
  PickupRecord,
  ProxyAcceptRecord,
  RemovedRecord,
  TransactionRecord,
} from '../model/record.ts';
import { type Context, directionOf, isNobodys } from './context.ts';
import { correlateDelivery, correlateExpired } from './delivery.ts';
import { makeEvent } from './make-event.ts';
import { inherit, keptClient, newMessage, type OpenMessage } from './message.ts';
import { type MessageChanges, type MessageStore, OpenMessages } from './messages.ts';
import { LineCopies, RefusedRecipients } from './once.ts';
import { correlateAuthFailed, correlateRejection } from './rejection.ts';
import { type Session, Sessions } from './sessions.ts';
import { Trust } from './trust.ts';

/** How long a message may stay silent: Postfix and Exim give up after five days (log-formats: queue lifetime). */
const SILENCE = 10 * DAY;
/** A transaction this old whose session has ended has left no message: its queue ID is free again. */
const ABANDONED_AFTER = 10 * SECOND;
const TRANSACTION_LIFETIME = HOUR;
/** Two queue IDs with one Message-ID belong together when they are this close (content filter). */
const FILTER_DELAY = 10 * MINUTE;
const MAX_MESSAGE_IDS = 50_000;
/** `message repeated N times`: beyond this the number is not believed. */
const MAX_REPEATS = 10_000;

export interface CorrelatorOptions {
  /** networks whose unauthenticated clients are ours; undefined: infer from the log */
  readonly trusted?: NetworkSet;
  readonly store?: MessageStore;
  /** most open messages in memory */
  readonly limit?: number;
  /** the store already holds messages of an earlier run */
  readonly resuming?: boolean;
  /** reverse-path of our own notices: such mail from this machine is nobody's */
  readonly noticeSender?: string;
}

/** State besides the open messages, versioned JSON. */
export interface CorrelatorState {
  readonly version: 1;
  readonly sessions: unknown;
  readonly refused: unknown;
  readonly copies: unknown;
  readonly relayed: unknown;
}

export class Correlator implements Context {
  readonly messages: OpenMessages;
  readonly sessions = new Sessions();
  readonly trust: Trust;
  readonly copies = new LineCopies();
  readonly refused = new RefusedRecipients();
  readonly #noticeSender: string | undefined;
  /** Message-ID to the queue ID that bore it last; undefined when two open messages share it */
  readonly #messageIds = new Map<string, OpenMessage | undefined>();
  #swept = 0;
  /** how often the log itself said that it lost lines */
  losses = 0;

  constructor(options: CorrelatorOptions = {}) {
    this.messages = new OpenMessages(options);
    this.trust = new Trust(options.trusted);
    this.#noticeSender = options.noticeSender;
  }

  /** Appends the events that this line completes to `events`, oldest first. */
  feed(line: LoggedLine, record: LogRecord, mta: Mta, events: MailEvent[]): void {
    const times = Math.min(line.times, MAX_REPEATS);
    for (let time = 0; time < times; time++) this.#feedOnce(line, record, mta, events);
    if (line.time - this.#swept > HOUR) this.#sweep(line.time);
  }

  takeChanges(): MessageChanges {
    return this.messages.takeChanges();
  }

  save(): CorrelatorState {
    return {
      version: 1,
      sessions: this.sessions.save(),
      refused: this.refused.save(),
      copies: this.copies.save(),
      relayed: this.trust.save(),
    };
  }

  load(state: CorrelatorState): void {
    this.sessions.load(state.sessions as [string, Session][]);
    this.refused.load(state.refused as [string, number][]);
    this.copies.load(state.copies as [string, string[]][]);
    this.trust.load(state.relayed as string[]);
  }

  #feedOnce(line: LoggedLine, record: LogRecord, mta: Mta, events: MailEvent[]): void {
    switch (record.kind) {
      case 'connect':
      case 'disconnect':
        return this.#sessionEdge(line);
      case 'transaction':
        return this.#transaction(line, record, events);
      case 'pickup':
        return this.#pickup(line, record);
      case 'message-id':
        return this.#messageId(line, record);
      case 'active':
        return this.#active(line, record, mta, events);
      case 'arrival':
        return this.#arrival(line, record, mta, events);
      case 'delivery':
        return correlateDelivery(this, line, record, mta, events);
      case 'expired':
        return correlateExpired(this, line, record.queueId, mta, events);
      case 'removed':
        return this.#removed(line, record, mta, events);
      case 'rejected':
      case 'held':
      case 'discarded':
        return correlateRejection(this, line, record, mta, events);
      case 'auth-failed':
        return correlateAuthFailed(this, line, record, mta, events);
      case 'dsn':
        return this.#dsn(line, record, mta, events);
      case 'proxy-accept':
        return this.#proxyAccept(line, record, events);
      case 'link':
        return this.#link(line, record.queueId, record.nextQueueId, events);
      case 'loss':
        this.losses++;
        return;
    }
  }

  #sessionEdge(line: LoggedLine): void {
    const session = this.sessions.end(line);
    if (session?.queueId !== undefined) this.#abandon(line, session.queueId);
  }

  /** The transaction is over; if no message came of it, none will. */
  #abandon(line: LoggedLine, queueId: string): void {
    const message = this.messages.get(line.host, queueId);
    if (message === undefined || message.messageId !== undefined || message.acceptedAt) return;
    message.abandoned = true;
    this.messages.touch(message, line.time);
  }

  #transaction(line: LoggedLine, record: TransactionRecord, events: MailEvent[]): void {
    const session = this.sessions.of(line);
    if (record.user !== undefined) this.#login(session, record.user, events);
    if (record.queueId === undefined) {
      session.client = keptClient(record.client);
      return;
    }
    if (session.queueId !== undefined && session.queueId !== record.queueId) {
      this.#abandon(line, session.queueId);
    }
    session.queueId = ownCopy(record.queueId);
    const message = newMessage(line.host, record.queueId, line.time, 'submitted');
    this.#setClient(message, record.originalClient ?? record.client, record.user);
    const original =
      record.originalQueueId === undefined
        ? undefined
        : this.messages.get(line.host, record.originalQueueId);
    if (original !== undefined && this.trust.isLoopback(record.client.address)) {
      inherit(message, original);
      message.parentQueueId = original.queueId;
    }
    this.messages.put(message);
  }

  /** The session's user is known: rejections given before belong to that user, too. */
  #login(session: Session, user: string, events: MailEvent[]): void {
    session.user = ownCopy(user);
    const submitter: Submitter = { type: 'user', id: session.user };
    for (const event of session.unclaimed) {
      events.push({ ...event, submitter, direction: 'outbound', amends: true });
    }
    session.unclaimed = [];
  }

  #setClient(message: OpenMessage, client: Client, user: string | undefined): void {
    message.client = keptClient(client);
    if (user !== undefined) message.submitter = { type: 'user', id: ownCopy(user) };
    else if (this.trust.isOurs(client.address)) {
      message.submitter = { type: 'client', id: message.client.address };
    } else message.stranger = true;
  }

  #pickup(line: LoggedLine, record: PickupRecord): void {
    const message = newMessage(line.host, record.queueId, line.time, 'submitted');
    message.submitter = { type: 'uid', id: record.uid };
    const original =
      record.originalQueueId === undefined
        ? undefined
        : this.messages.get(line.host, record.originalQueueId);
    if (original !== undefined) {
      inherit(message, original);
      message.outcomes = original.outcomes;
      this.messages.close(original);
    } else if (record.originalQueueId !== undefined) message.submitter = undefined;
    if (record.sender === this.#noticeSender) message.origin = 'notice';
    this.messages.put(message);
  }

  #messageId(line: LoggedLine, record: MessageIdRecord): void {
    let message = this.messages.get(line.host, record.queueId);
    if (message === undefined || isOver(message, line.time)) {
      message = newMessage(line.host, record.queueId, line.time, 'unknown');
      this.messages.put(message);
    }
    message.abandoned = undefined;
    if (message.messageId === undefined) {
      message.messageId = ownCopy(record.messageId);
      this.#joinByMessageId(line, message);
    }
    this.messages.touch(message, line.time);
  }

  /**
   * Last resort for a content filter that neither speaks XFORWARD nor has said `queued as` yet: mail that comes
   * back from this machine with the Message-ID of exactly one open message.
   */
  #joinByMessageId(line: LoggedLine, message: OpenMessage): void {
    const key = `${line.host} ${message.messageId}`;
    const other = this.#messageIds.get(key);
    const fromFilter =
      message.submitter?.type === 'client' && this.trust.isLoopback(message.submitter.id);
    if (other !== undefined && fromFilter && line.time - other.touched < FILTER_DELAY) {
      inherit(message, other);
      message.parentQueueId = other.queueId;
      return;
    }
    if (this.#messageIds.size >= MAX_MESSAGE_IDS) this.#messageIds.clear();
    const shared = other !== undefined && line.time - other.touched < FILTER_DELAY;
    this.#messageIds.set(ownCopy(key), shared ? undefined : message);
  }

  #active(line: LoggedLine, record: ActiveRecord, mta: Mta, events: MailEvent[]): void {
    let message = this.messages.get(line.host, record.queueId);
    if (message === undefined) {
      message = newMessage(line.host, record.queueId, line.time, 'unknown');
      this.messages.put(message);
    }
    this.messages.touch(message, line.time);
    if (message.acceptedAt !== undefined) return;
    message.abandoned = undefined;
    message.sender = ownCopy(record.sender);
    message.size = record.size;
    message.recipients = record.recipients;
    if (message.origin === 'unknown') message.origin = originBySender(record.sender);
    if (this.#isNotice(message)) message.origin = 'notice';
    message.acceptedAt = { ...line.at, time: line.time };
    // Behind a content filter it is still the same message, accepted once.
    if (message.parentQueueId !== undefined || isNobodys(message)) return;
    events.push(acceptedEvent(line, mta, message));
  }

  #isNotice(message: OpenMessage): boolean {
    const local =
      message.submitter?.type === 'uid' ||
      (message.submitter?.type === 'client' && this.trust.isLoopback(message.submitter.id));
    return local && message.sender !== undefined && message.sender === this.#noticeSender;
  }

  #arrival(line: LoggedLine, record: ArrivalRecord, mta: Mta, events: MailEvent[]): void {
    const message = newMessage(line.host, record.queueId, line.time, 'submitted');
    message.sender = ownCopy(record.sender);
    message.size = record.size;
    message.recipients = record.recipients?.length;
    if (record.client !== undefined) this.#setClient(message, record.client, record.user);
    else if (record.user !== undefined)
      message.submitter = { type: 'user', id: ownCopy(record.user) };
    else if (record.uid !== undefined) message.submitter = { type: 'uid', id: ownCopy(record.uid) };
    if (this.#isNotice(message)) message.origin = 'notice';
    message.acceptedAt = { ...line.at, time: line.time };
    this.messages.put(message);
    if (record.parentQueueId === undefined) {
      if (message.origin !== 'notice') events.push(acceptedEvent(line, mta, message));
      return;
    }
    message.parentQueueId = ownCopy(record.parentQueueId);
    this.#becomeDsn(line, message, mta, events);
  }

  #dsn(line: LoggedLine, record: DsnRecord, mta: Mta, events: MailEvent[]): void {
    const known = this.messages.get(line.host, record.dsnQueueId);
    const message = known ?? newMessage(line.host, record.dsnQueueId, line.time, 'dsn');
    if (known === undefined) this.messages.put(message);
    message.parentQueueId = ownCopy(record.queueId);
    this.#becomeDsn(line, message, mta, events);
  }

  #becomeDsn(line: LoggedLine, message: OpenMessage, mta: Mta, events: MailEvent[]): void {
    message.origin = 'dsn';
    message.submitter = undefined;
    message.stranger = undefined;
    message.client = undefined;
    this.messages.touch(message, line.time);
    const parent = this.messages.get(line.host, message.parentQueueId ?? '');
    events.push(
      makeEvent(line, mta, 'dsn-sent', {
        queueId: message.queueId,
        parentQueueId: message.parentQueueId,
        client: parent?.client,
        sender: '',
        recipient: parent?.sender,
        direction: directionOf(parent),
      }),
    );
  }

  #proxyAccept(line: LoggedLine, record: ProxyAcceptRecord, events: MailEvent[]): void {
    const user = record.user ?? this.sessions.find(line)?.user;
    const message =
      record.queueId === undefined ? undefined : this.messages.get(line.host, record.queueId);
    if (message === undefined) return;
    // The line itself names no client: the session that it belongs to does.
    const client = record.client.address === '' ? this.sessions.find(line)?.client : record.client;
    if (client !== undefined) message.client = keptClient(client);
    if (user !== undefined) this.#charge(message, { type: 'user', id: ownCopy(user) }, events);
    this.messages.touch(message, line.time);
  }

  /** `queueId` went on as `next` in a content filter. */
  #link(line: LoggedLine, queueId: string, next: string, events: MailEvent[]): void {
    const first = this.messages.get(line.host, queueId);
    const second = this.messages.get(line.host, next);
    if (first === undefined || second === undefined || second.parentQueueId === queueId) return;
    const before = second.submitter;
    inherit(second, first);
    second.parentQueueId = first.queueId;
    if (first.submitter !== undefined && first.submitter.id !== before?.id) {
      this.#charge(second, first.submitter, events);
    }
    this.messages.touch(second, line.time);
  }

  /** The submitter of a message that was already given as accepted turns out to be another. */
  #charge(message: OpenMessage, submitter: Submitter, events: MailEvent[]): void {
    message.submitter = submitter;
    message.stranger = undefined;
    if (message.acceptedAt === undefined || message.parentQueueId !== undefined) return;
    const { time, ...at } = message.acceptedAt;
    const line: LoggedLine = { ...BLANK_LINE, at, time, host: message.host };
    events.push({ ...acceptedEvent(line, 'postfix', message), amends: true });
  }

  #removed(line: LoggedLine, record: RemovedRecord, mta: Mta, events: MailEvent[]): void {
    const message = this.messages.get(line.host, record.queueId);
    // The mail of a requeue comes back at once, and then asks for its submitter by the old ID.
    if (record.how === 'requeued') return;
    if (message !== undefined) this.messages.close(message);
    if (message !== undefined && isNobodys(message) && message.origin !== 'dsn') return;
    events.push(
      makeEvent(line, mta, 'removed', {
        queueId: record.queueId,
        parentQueueId: message?.parentQueueId,
        submitter: message?.submitter,
        client: message?.client,
        sender: message?.sender,
        direction: directionOf(message),
      }),
    );
  }

  #sweep(now: number): void {
    this.#swept = now;
    this.messages.expire(now - SILENCE);
    this.#messageIds.clear();
  }
}

const BLANK_LINE: Omit<LoggedLine, 'at' | 'time' | 'host'> = {
  instance: '',
  service: '',
  program: '',
  pid: '',
  text: '',
  times: 1,
};

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

function acceptedEvent(line: LoggedLine, mta: Mta, message: OpenMessage): MailEvent {
  return makeEvent(line, mta, 'accepted', {
    queueId: message.queueId,
    submitter: message.submitter,
    client: message.client,
    sender: message.sender,
    size: message.size,
    recipients: message.recipients,
    newRecipients: message.recipients,
    direction: directionOf(message),
  });
}
