/** Events: records put into context. The words are those of docs/events.md; JSON in and out. */
import { formatTime } from '../base/time.ts';
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

/** Who handed us the mail: SASL user, unauthenticated relay client (IP address), local account. */
export interface Submitter {
  readonly type: SubmitterType;
  readonly id: string;
}

/** One thing that happened to mail, with its submitter and its reason. */
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
  /** outbound: one of ours handed it in. inbound: anyone else. Absent when the log does not tell. */
  readonly direction?: 'inbound' | 'outbound' | undefined;
  /** this recipient's refusal was counted before (retry, bounce after a rejection): rules pass it over */
  readonly repeated?: boolean | undefined;
  /** recipients that this event shows for the first time; what `ratio-of: recipients` adds up */
  readonly newRecipients?: number | undefined;
  /**
   * This event stands for the one given earlier for the same line: only now the submitter is known.
   * It replaces that one in the store; rules that count by submitter have not seen it yet, all others have.
   */
  readonly amends?: boolean | undefined;
}

const KEYS = [
  'source',
  'line',
  'offset',
  'time',
  'mta',
  'host',
  'kind',
  'temporary',
  'stage',
  'queueId',
  'parentQueueId',
  'submitter',
  'client',
  'sender',
  'recipient',
  'originalRecipient',
  'relay',
  'code',
  'status',
  'reply',
  'reason',
  'size',
  'recipients',
  'direction',
  'repeated',
] as const satisfies readonly (keyof MailEvent)[];

/** The event as users see it: keys in a fixed order, absent when unknown, time as RFC 3339. */
export function eventToJson(event: MailEvent): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const key of KEYS) {
    const value = event[key];
    if (value === undefined) continue;
    if (key === 'time') json.time = formatTime(event.time);
    else if (key !== 'client') json[key] = value;
    else if (isTold(value as Client)) json.client = told(value as Client);
  }
  return json;
}

/** Whether the log told anything about the client; its address is empty where the MTA did not know it. */
function isTold({ address, name, helo }: Client): boolean {
  return address !== '' || name !== undefined || helo !== undefined;
}

function told(client: Client): Partial<Client> {
  const { address, ...rest } = client;
  return address === '' ? rest : client;
}

/** Invalid: the mailbox or its domain does not exist. */
export function isInvalid(event: MailEvent): boolean {
  return event.reason === 'invalid-recipient' || event.reason === 'invalid-domain';
}
