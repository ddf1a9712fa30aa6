/**
 * Events: records put into context, in the words of docs/events.md. As in records, a property without a value may be
 * there with the value undefined (see record.ts).
 */
import type { Position } from './line.ts';
import type { Client, Relay, Reply, Stage } from './record.ts';

export type Mta = 'postfix' | 'exim';

export const EVENT_KINDS = [
  'accepted',
  'delivered',
  'deferred',
  'bounced',
  'expired',
  'rejected',
  'held',
  'discarded',
  'auth-failed',
  'dsn-sent',
  'removed',
  'dsn-received',
  'complaint',
  'rehearsed',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const REASONS = [
  'invalid-recipient',
  'invalid-domain',
  'mailbox-full',
  'spam-or-content',
  'reputation',
  'auth',
  'rate-limited',
  'relay-denied',
  'too-big',
  'network',
  'other',
] as const;
/** Why a recipient was refused. */
export type Reason = (typeof REASONS)[number];

export const SUBMITTER_TYPES = ['user', 'client', 'uid'] as const;
export type SubmitterType = (typeof SUBMITTER_TYPES)[number];

/** Where we got the mail from: a SASL user, an unauthenticated relay client (IP address) or a local account. */
export interface Submitter {
  readonly type: SubmitterType;
  readonly id: string;
  /** a user's login as the log has it, where the setting `logins` gives it another form (model/login.ts) */
  readonly login?: string;
}

/**
 * outbound: from one of our submitters. inbound: from anyone else. local: our own delivery refused what we had accepted,
 * from whomever; only rules that name this direction count it.
 */
export type Direction = 'inbound' | 'outbound' | 'local';

/**
 * How the message that a DSN answers went wrong. forward: an alias or a forward took it out, and the next server refused
 * it. own-delivery: this server itself refused it, after acceptance. filter: a content filter behind the queue refused it.
 * relayed: the server that it was accepted for refused it.
 */
export const DSN_WAYS = ['forward', 'own-delivery', 'filter', 'relayed'] as const;
export type DsnWay = (typeof DSN_WAYS)[number];

/** Why this server sent a DSN: what became of the first failed recipient of the message that it answers. */
export interface DsnCause extends Reply {
  readonly about: 'failure' | 'delay' | 'success';
  /** the DSN goes to an address of this server: it stays here */
  readonly home?: boolean | undefined;
  readonly way?: DsnWay | undefined;
  readonly recipient?: string | undefined;
  /** the alias or the address that forwards */
  readonly originalRecipient?: string | undefined;
  readonly relay?: Relay | undefined;
  readonly reason?: Reason | undefined;
}

/** Something that happened to mail, with its submitter and its reason. */
export interface MailEvent extends Position, Reply {
  /** ms since the epoch */
  readonly time: number;
  readonly mta: Mta;
  readonly host?: string | undefined;
  readonly kind: EventKind;
  /** true for a 4yz rejection */
  readonly temporary?: boolean | undefined;
  readonly stage?: Stage | undefined;
  readonly queueId?: string | undefined;
  readonly parentQueueId?: string | undefined;
  readonly submitter?: Submitter | undefined;
  readonly client?: Client | undefined;
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
  readonly originalRecipient?: string | undefined;
  readonly relay?: Relay | undefined;
  readonly reason?: Reason | undefined;
  /** bytes (accepted) */
  readonly size?: number | undefined;
  /** number of recipients (accepted) */
  readonly recipients?: number | undefined;
  /** absent if the log does not show it */
  readonly direction?: Direction | undefined;
  /** this recipient's refusal was counted before (retry, bounce after a rejection): rules ignore it */
  readonly repeated?: boolean | undefined;
  /** without brackets (accepted, complaint) */
  readonly messageId?: string | undefined;
  /** why there is a DSN (dsn-sent) */
  readonly cause?: DsnCause | undefined;
  /** recipients that this event shows for the first time; `ratio-of: recipients` adds them up */
  readonly newRecipients?: number | undefined;
  /**
   * This event replaces an earlier one for the same line, because the submitter is only known now. Rules that count by
   * submitter have not seen the earlier one, all others have.
   */
  readonly amends?: boolean | undefined;
}

/** Invalid: the mailbox or its domain does not exist. */
export function isInvalid({ reason }: Pick<MailEvent, 'reason'>): boolean {
  return reason === 'invalid-recipient' || reason === 'invalid-domain';
}

interface Backscatter extends Pick<MailEvent, 'kind' | 'direction'> {
  readonly cause?: Pick<DsnCause, 'home'> | undefined;
}

/** Backscatter: a DSN about a stranger's mail, to an address elsewhere that may be forged. */
export function isBackscatter({ kind, direction, cause }: Backscatter): boolean {
  return kind === 'dsn-sent' && direction === 'inbound' && cause?.home !== true;
}
