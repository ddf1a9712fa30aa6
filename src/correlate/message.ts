/** An open message: what the log has told so far about one queue ID, until it leaves the queue. */
import type { Reason, Submitter } from '../model/event.ts';
import type { Position } from '../model/line.ts';
import { ownCopy } from '../model/line.ts';
import type { Client } from '../model/record.ts';

/** Mail that nobody handed in: what the MTA made itself. */
export type Origin = 'submitted' | 'dsn' | 'probe' | 'forward' | 'notice' | 'unknown';

/** The last word about one recipient of an open message. */
export interface Outcome {
  readonly recipient: string;
  readonly kind: 'deferred' | 'bounced' | 'delivered';
  readonly reason?: Reason;
  readonly code?: number;
  readonly status?: string;
  readonly reply?: string;
  /** its refusal was counted as invalid */
  readonly invalid: boolean;
}

/** Mutable, owned by the correlator; JSON-able so that it survives a restart. */
export interface OpenMessage {
  readonly host: string;
  readonly queueId: string;
  origin: Origin;
  /** time of the birth line and of the newest line, ms */
  readonly born: number;
  touched: number;
  submitter?: Submitter;
  client?: Client;
  /** the client is unauthenticated and not known as one of ours, so far */
  stranger?: boolean;
  sender?: string;
  parentQueueId?: string;
  messageId?: string;
  size?: number;
  /** number of recipients told by the accepting line */
  recipients?: number;
  /** where the `accepted` event stands, for correcting it */
  acceptedAt?: Position & { readonly time: number };
  /** the transaction ended, as far as its session tells, before a message came of it */
  abandoned?: boolean;
  outcomes?: Record<string, Outcome>;
}

/** Most recipients of one message that are told apart; beyond it a retry may count again. */
const MAX_OUTCOMES = 1000;

export function newMessage(
  host: string,
  queueId: string,
  born: number,
  origin: Origin,
): OpenMessage {
  return { host, queueId: ownCopy(queueId), born, touched: born, origin };
}

/** Remembers the outcome for (recipient, original recipient); gives back the one before it. */
export function recordOutcome(
  message: OpenMessage,
  key: string,
  outcome: Outcome,
): Outcome | undefined {
  message.outcomes ??= Object.create(null) as Record<string, Outcome>;
  const before = message.outcomes[key];
  if (before === undefined && Object.keys(message.outcomes).length >= MAX_OUTCOMES)
    return undefined;
  message.outcomes[ownCopy(key)] = {
    ...outcome,
    recipient: ownCopy(outcome.recipient),
    ...(outcome.reply === undefined ? {} : { reply: ownCopy(outcome.reply) }),
  };
  return before;
}

/** Takes over who handed the message in, from the ID it had before (content filter, requeue). */
export function inherit(message: OpenMessage, from: OpenMessage): void {
  message.origin = from.origin;
  message.submitter = from.submitter;
  message.client = from.client;
  message.stranger = from.stranger;
  message.parentQueueId ??= from.parentQueueId;
}

/** A client whose strings outlive the batch. */
export function keptClient(client: Client): Client {
  return {
    address: ownCopy(client.address),
    ...(client.name === undefined ? {} : { name: ownCopy(client.name) }),
    ...(client.helo === undefined ? {} : { helo: ownCopy(client.helo) }),
  };
}
