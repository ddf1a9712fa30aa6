/**
 * Records to events: remembers open messages and sessions by host and queue ID, and so knows the submitter of a
 * bounce that comes hours after the message was accepted, and which refusals were counted before.
 * Reads no file and writes none: what must survive is handed out by `takeChanges` and `takeParts`.
 * Each kind of record has its own function; this file chooses it and holds the state that they share.
 */
import { DAY, HOUR } from '../base/time.ts';
import type { NetworkSet } from '../model/address.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { LogRecord } from '../model/record.ts';
import type { Context, Notices } from './context.ts';
import { correlateDelivery, correlateExpired } from './delivery.ts';
import { Departed } from './departed.ts';
import { correlateDsn } from './dsn.ts';
import { correlateLink, correlateProxyAccept } from './filter.ts';
import type { ReadPart, StatePart } from './ledger.ts';
import { FILTER_DELAY, MessageIds, MOST_MESSAGE_IDS } from './message-ids.ts';
import { type MessageChanges, type MessageStore, OpenMessages } from './messages.ts';
import { LineCopies, RefusedRecipients } from './once.ts';
import { correlateAuthFailed, correlateRejection } from './rejection.ts';
import { correlateRemoved } from './removal.ts';
import { Sessions } from './sessions.ts';
import {
  correlateActive,
  correlateArrival,
  correlateMessageId,
  correlatePickup,
  correlateSessionEdge,
  correlateTransaction,
} from './submission.ts';
import { RelayClients } from './trust.ts';

/** How long a message may stay silent: Postfix and Exim give up after five days (log-formats: queue lifetime). */
const SILENCE = 10 * DAY;
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
  readonly notices?: Notices;
  /** all lines come from one source and never from another */
  readonly sole?: boolean;
}

export class Correlator implements Context {
  readonly messages: OpenMessages;
  readonly sessions = new Sessions();
  readonly trust: RelayClients;
  readonly copies: LineCopies;
  readonly refused = new RefusedRecipients();
  readonly notices: Notices | undefined;
  readonly messageIds = new MessageIds();
  readonly departed = new Departed();
  readonly #store: MessageStore | undefined;
  #swept = 0;
  /** how often the log itself said that it lost lines */
  losses = 0;

  constructor(options: CorrelatorOptions = {}) {
    this.messages = new OpenMessages(options);
    this.#store = options.store;
    this.trust = new RelayClients(options.trusted);
    this.copies = new LineCopies(options.sole);
    this.notices = options.notices;
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
      ...this.departed.takeChanges(),
    ];
  }

  /** Takes up what `takeParts` gave to an earlier process. */
  load(read: ReadPart): void {
    const { sessions, refused, copies, trust, departed } = this;
    for (const part of [sessions, refused, copies, trust, departed]) part.load(read);
    this.messageIds.load(departed.messages());
    this.messageIds.load(this.#store?.recent(FILTER_DELAY, MOST_MESSAGE_IDS) ?? []);
  }

  #feedOnce(line: LoggedLine, record: LogRecord, mta: Mta, events: MailEvent[]): void {
    switch (record.kind) {
      case 'connect':
      case 'disconnect':
        return correlateSessionEdge(this, line);
      case 'transaction':
        return correlateTransaction(this, line, record, events);
      case 'pickup':
        return correlatePickup(this, line, record);
      case 'message-id':
        return correlateMessageId(this, line, record);
      case 'active':
        return correlateActive(this, line, record, mta, events);
      case 'arrival':
        return correlateArrival(this, line, record, mta, events);
      case 'delivery':
        return correlateDelivery(this, line, record, mta, events);
      case 'expired':
        return correlateExpired(this, line, record.queueId, mta, events);
      case 'removed':
        return correlateRemoved(this, line, record, mta, events);
      case 'rejected':
      case 'held':
      case 'discarded':
        return correlateRejection(this, line, record, mta, events);
      case 'auth-failed':
        return correlateAuthFailed(this, line, record, mta, events);
      case 'dsn':
        return correlateDsn(this, line, record, mta, events);
      case 'proxy-accept':
        return correlateProxyAccept(this, line, record, events);
      case 'link':
        return correlateLink(this, line, record, events);
      case 'loss':
        this.losses++;
        return;
    }
  }

  #sweep(now: number): void {
    this.#swept = now;
    this.messages.expire(now - SILENCE);
    this.messageIds.expire(now);
  }
}
