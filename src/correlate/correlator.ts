/**
 * Records to events: remembers open messages and sessions by host and queue ID, and so knows the submitter of a
 * bounce that comes hours after the message was accepted, and which refusals were counted before.
 * Reads no file and writes none: what must survive is handed out by `takeChanges` and `save`.
 */
import { DAY, HOUR, SECOND } from '../base/time.ts';
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
import type { ReadPart, StatePart } from './ledger.ts';
import { newEvent } from './make-event.ts';
import { inherit, keptClient, newMessage, type OpenMessage } from './message.ts';
import { MessageIds } from './message-ids.ts';
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
/** Of a Message-ID that is remembered with its message; RFC 5322 2.1.1 allows 998 in a line. */
const LONGEST_MESSAGE_ID = 998;
/** `message repeated N times`: beyond this the number is not believed. */
const MAX_REPEATS = 10_000;

export interface CorrelatorOptions {
  /** networks whose unauthenticated clients are ours; undefined: infer from the log */
  readonly trusted?: NetworkSet;
  readonly store?: MessageStore;
  /** bytes of open messages in memory, about */
  readonly limit?: number;
  /** the store already holds messages of an earlier run */
  readonly resuming?: boolean;
  /** reverse-path of our own notices: such mail from this machine is nobody's */
  readonly noticeSender?: string;
}

export class Correlator implements Context {
  readonly messages: OpenMessages;
  readonly sessions = new Sessions();
  readonly trust: Trust;
  readonly copies = new LineCopies();
  readonly refused = new RefusedRecipients();
  readonly #noticeSender: string | undefined;
  readonly #messageIds = new MessageIds();
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

  /** To be called at the end of a batch of lines: nothing that is kept holds on to their memory. */
  settle(): void {
    this.sessions.settle();
  }

  takeChanges(): MessageChanges {
    return this.messages.takeChanges();
  }

  /** State besides the open messages: the parts that changed since the last call, to be stored by their names. */
  takeParts(): StatePart[] {
    return [
      ...this.sessions.takeChanges(),
      ...this.refused.takeChanges(),
      ...this.copies.takeChanges(),
      ...this.trust.takeChanges(),
    ];
  }

  /** Takes up what `takeParts` gave to an earlier process. */
  load(read: ReadPart): void {
    for (const part of [this.sessions, this.refused, this.copies, this.trust]) part.load(read);
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
      this.#goesOnAs(line, original, message);
    }
    this.messages.put(message);
  }

  /** The session's user is known: rejections given before belong to that user, too. */
  #login(session: Session, user: string, events: MailEvent[]): void {
    session.user = ownCopy(user);
    const submitter: Submitter = { type: 'user', id: session.user };
    for (const event of this.sessions.claim(session)) {
      events.push({ ...event, submitter, direction: 'outbound', amends: true });
    }
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
    message.sender = ownCopy(record.sender);
    const original =
      record.originalQueueId === undefined
        ? undefined
        : this.messages.get(line.host, record.originalQueueId);
    if (original !== undefined) {
      inherit(message, original);
      message.outcomes = original.outcomes;
      message.outcomeCount = original.outcomeCount;
      message.outcomeLength = original.outcomeLength;
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
      message.messageId = ownCopy(record.messageId.slice(0, LONGEST_MESSAGE_ID));
      this.#joinByMessageId(line, message, record.messageId);
    }
    this.messages.touch(message, line.time);
  }

  /**
   * Last resort for a content filter that neither speaks XFORWARD nor has said `queued as` yet: mail that comes
   * back from this machine with the Message-ID of exactly one open message.
   */
  #joinByMessageId(line: LoggedLine, message: OpenMessage, messageId: string): void {
    if (this.#mayComeFromFilter(message)) {
      const queueId = this.#messageIds.bearer(line.host, messageId, line.time);
      const other = queueId === undefined ? undefined : this.messages.get(line.host, queueId);
      if (other !== undefined && other !== message && isSameMail(message, other)) {
        this.#goesOnAs(line, other, message);
        return;
      }
    }
    const kept = messageId.length > LONGEST_MESSAGE_ID ? messageId : (message.messageId as string);
    this.#messageIds.add(line.host, kept, message.queueId, line.time);
  }

  /** From this machine, by SMTP or (a pipe(8) filter) by sendmail, and by no authenticated user. */
  #mayComeFromFilter({ submitter }: OpenMessage): boolean {
    if (submitter?.type === 'uid') return true;
    return submitter?.type === 'client' && this.trust.isLoopback(submitter.id);
  }

  #goesOnAs(line: LoggedLine, first: OpenMessage, second: OpenMessage): void {
    inherit(second, first);
    second.parentQueueId = first.queueId;
    first.continued = true;
    this.messages.touch(first, line.time);
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
    message.acceptedAt = acceptedAt(line);
    this.messages.touch(message, line.time);
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
    message.acceptedAt = acceptedAt(line);
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
    const event = newEvent(line, mta, 'dsn-sent');
    event.queueId = message.queueId;
    event.parentQueueId = message.parentQueueId;
    event.client = parent?.client;
    event.sender = '';
    event.recipient = parent?.sender;
    event.direction = directionOf(parent);
    events.push(event);
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
    // Exim says `Completed` after every message that an operator removed or cancelled.
    const follows = mta === 'exim' && record.how !== 'done';
    if (message !== undefined && !follows) this.messages.close(message);
    if (message?.gone === true) return;
    if (message !== undefined && follows) {
      message.gone = true;
      this.messages.touch(message, line.time);
    }
    if (message !== undefined && isNobodys(message) && message.origin !== 'dsn') return;
    const event = newEvent(line, mta, 'removed');
    event.queueId = record.queueId;
    event.parentQueueId = message?.parentQueueId;
    event.submitter = message?.submitter;
    event.client = message?.client;
    event.sender = message?.sender;
    event.direction = directionOf(message);
    events.push(event);
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

function acceptedAt({ at, time }: LoggedLine): OpenMessage['acceptedAt'] {
  return { source: at.source, line: at.line, offset: at.offset, time };
}

/** A filter that re-injects with sendmail keeps the sender; a local program that merely copies a Message-ID does not. */
function isSameMail(second: OpenMessage, first: OpenMessage): boolean {
  return second.submitter?.type !== 'uid' || second.sender === first.sender;
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

function acceptedEvent(line: LoggedLine, mta: Mta, message: OpenMessage): MailEvent {
  const event = newEvent(line, mta, 'accepted');
  event.queueId = message.queueId;
  event.submitter = message.submitter;
  event.client = message.client;
  event.sender = message.sender;
  event.size = message.size;
  event.recipients = message.recipients;
  event.newRecipients = message.recipients;
  event.direction = directionOf(message);
  return event;
}
