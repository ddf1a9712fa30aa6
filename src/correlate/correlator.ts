/**
 * Records to events. Remembers open messages and sessions, by host and queue ID. So it knows who sent a message that
 * bounces hours after it was accepted, and which refusals were already counted.
 * Reads and writes no file: `takeChanges` and `takeParts` hand out what must survive a restart.
 */

import { DAY, HOUR } from '../base/time.ts';
import type { NetworkSet } from '../model/address.ts';
import type { MailEvent } from '../model/event.ts';
import type { FindPerson } from '../model/identity.ts';
import { blankLine, type LoggedLine, ownCopy } from '../model/line.ts';
import type { CanonicalLogin } from '../model/login.ts';
import type { LogRecord } from '../model/record.ts';
import type { Classify } from '../model/refusal.ts';
import { AheadIds } from './ahead.ts';
import { correlateDelivery, correlateExpired } from './delivery.ts';
import { correlateDsn } from './dsn.ts';
import { DuplicateLines, RefusedRecipients } from './duplicates.ts';
import { correlateLink, correlateProxyAccept } from './filter.ts';
import { FILTER_DELAY, MessageIds, MOST_MESSAGE_IDS } from './message-ids.ts';
import { type MessageChanges, type MessageStore, OpenMessages } from './messages.ts';
import { PipedMessages } from './piped-messages.ts';
import { correlateAuthFailed, correlateRejection } from './rejection.ts';
import { RelayClients } from './relay-clients.ts';
import { correlateRemoved } from './removal.ts';
import type { ReadPart, StatePart } from './saved-map.ts';
import { SentMail } from './sent-mail.ts';
import { Sessions } from './sessions.ts';
import {
  correlateActive,
  correlateArrival,
  correlateIdentification,
  correlateMessageId,
  correlatePickup,
  correlateSessionEdge,
  correlateTransaction,
} from './submission.ts';
import type { LogTraits, NoticeAddresses, Turn, TurnOfEachKind } from './turn.ts';

/** How long a message may stay silent. Postfix and Exim give up after five days by default. */
const SILENCE = 10 * DAY;
/** `message repeated N times`: no larger number is believed. */
const MAX_REPEATS = 10_000;
/** Names of logins that are remembered only to be shown. */
const MOST_NAMES = 5;

export interface CorrelatorOptions {
  /** finds what a reply means */
  readonly classify: Classify;
  /** makes the one form of a person's logins; undefined: each login is as logged */
  readonly canonicalLogin?: CanonicalLogin;
  /** names the person behind a relay client's address; absent: the address is the submitter */
  readonly findPerson?: FindPerson;
  /** networks whose unauthenticated clients are ours; undefined: infer from the log */
  readonly trusted?: NetworkSet;
  /** there are more networks than `trusted`: infer what is not in it */
  readonly trustedIsPartial?: boolean;
  readonly store?: MessageStore;
  /** bytes of open messages in memory, about */
  readonly limit?: number;
  /** the store already holds messages of an earlier run */
  readonly resuming?: boolean;
  readonly notices?: NoticeAddresses;
  /** all lines come from the same source */
  readonly singleSource?: boolean;
  /** nobody looks at events that say that a message has left the queue: they are counted, not made */
  readonly leavesOutRemovals?: boolean;
}

type Refillable<Fields> = { -readonly [Key in keyof Fields]: Fields[Key] };

/** The turn between two batches. It holds no real line, because a line keeps a whole read buffer in memory. */
const NO_LINE: Pick<Turn, 'line' | 'kind' | 'record' | 'traits' | 'events'> = {
  line: blankLine(),
  kind: 'loss',
  record: { kind: 'loss', reply: '' },
  traits: { mta: 'postfix', outgoing: '', repeatsRefusals: false, completesRemovals: false },
  events: [],
};

export class Correlator {
  readonly #turn: Refillable<Turn>;
  readonly #store: MessageStore | undefined;
  #swept = 0;
  /** how often the log reported that it lost lines */
  losses = 0;
  /** how many messages count for nobody, because their line does not say which login it was */
  ambiguousLogins = 0;
  /** some of these logins, with what follows the colon */
  readonly ambiguousNames = new Set<string>();

  constructor(options: CorrelatorOptions) {
    this.#store = options.store;
    // Spelled out: an object made by spreading NO_LINE is slower to read.
    this.#turn = {
      line: NO_LINE.line,
      kind: NO_LINE.kind,
      record: NO_LINE.record,
      traits: NO_LINE.traits,
      events: NO_LINE.events,
      classify: options.classify,
      canonicalLogin: options.canonicalLogin,
      findPerson: options.findPerson,
      messages: new OpenMessages(options),
      messageIds: new MessageIds(),
      pipedMessages: new PipedMessages(),
      aheadIds: new AheadIds(),
      sessions: new Sessions(),
      relayClients: new RelayClients(options.trusted, options.trustedIsPartial),
      duplicateLines: new DuplicateLines(options.singleSource),
      refusedRecipients: new RefusedRecipients(),
      sentMail: new SentMail(),
      notices: options.notices,
      removals: { areLeftOut: options.leavesOutRemovals === true, leftOut: 0 },
    };
  }

  #noteAmbiguous(login: string): void {
    this.ambiguousLogins++;
    if (this.ambiguousNames.size < MOST_NAMES) this.ambiguousNames.add(ownCopy(login));
  }

  /** Appends the events that this line completes to `events`, oldest first. */
  feed(line: LoggedLine, record: LogRecord, traits: LogTraits, events: MailEvent[]): void {
    const turn = this.#turn;
    turn.line = line;
    turn.kind = record.kind;
    turn.record = record;
    turn.traits = traits;
    turn.events = events;
    if (record.kind === 'arrival' && record.ambiguousLogin !== undefined)
      this.#noteAmbiguous(record.ambiguousLogin);
    const times = Math.min(line.times, MAX_REPEATS);
    if (record.kind === 'loss') this.losses += times;
    else for (let time = 0; time < times; time++) correlate(turn as TurnOfEachKind);
    if (line.time - this.#swept > HOUR) this.#sweep(line.time);
  }

  /** How many events were counted and not made, see `leavesOutRemovals`. */
  get leftOut(): number {
    return this.#turn.removals.leftOut;
  }

  /** Call it at the end of a batch of lines, so that their memory can be freed. */
  endBatch(): void {
    this.#turn.sessions.copyUnclaimed();
    this.#turn.sentMail.copyWaiting();
    Object.assign(this.#turn, NO_LINE);
  }

  takeChanges(): MessageChanges {
    return this.#turn.messages.takeChanges();
  }

  /** State other than the open messages: the parts that changed since the last call, to be stored by name. */
  takeParts(): StatePart[] {
    return this.#savedParts().flatMap((part) => part.takeChanges());
  }

  /** Restores what `takeParts` gave to an earlier process. */
  load(read: ReadPart): void {
    const { messageIds, pipedMessages } = this.#turn;
    for (const part of this.#savedParts()) part.load(read);
    messageIds.load(pipedMessages.messages());
    messageIds.load(this.#store?.recent(FILTER_DELAY, MOST_MESSAGE_IDS) ?? []);
  }

  #savedParts() {
    const { sessions, refusedRecipients, duplicateLines, relayClients } = this.#turn;
    const { pipedMessages, aheadIds, sentMail } = this.#turn;
    return [
      sessions,
      refusedRecipients,
      duplicateLines,
      relayClients,
      pipedMessages,
      aheadIds,
      sentMail,
    ];
  }

  #sweep(now: number): void {
    this.#swept = now;
    this.#turn.messages.expire(now - SILENCE);
    this.#turn.messageIds.expire(now);
  }
}

/** Each kind of record has its function. A table of functions in place of the switch makes a replay slower. */
function correlate(turn: TurnOfEachKind): void {
  switch (turn.kind) {
    case 'connect':
    case 'disconnect':
      return correlateSessionEdge(turn);
    case 'transaction':
      return correlateTransaction(turn);
    case 'pickup':
      return correlatePickup(turn);
    case 'message-id':
      return correlateMessageId(turn);
    case 'active':
      return correlateActive(turn);
    case 'arrival':
      return correlateArrival(turn);
    case 'delivery':
      return correlateDelivery(turn);
    case 'expired':
      return correlateExpired(turn);
    case 'removed':
      return correlateRemoved(turn);
    case 'rejected':
    case 'held':
    case 'discarded':
    case 'rehearsed':
      return correlateRejection(turn);
    case 'auth-failed':
      return correlateAuthFailed(turn);
    case 'dsn':
      return correlateDsn(turn);
    case 'proxy-accept':
      return correlateProxyAccept(turn);
    case 'link':
      return correlateLink(turn);
    case 'identification':
      return correlateIdentification(turn);
  }
  turn.kind satisfies 'loss';
}
