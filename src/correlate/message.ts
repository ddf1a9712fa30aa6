/** An open message: what the log has told so far about one queue ID, until it leaves the queue. */
import type { MailEvent, Reason, Submitter } from '../model/event.ts';
import { ownCopy, type Position } from '../model/line.ts';
import type { Client } from '../model/record.ts';

/** Mail that nobody handed in: what the MTA made itself. */
type Origin = 'submitted' | 'dsn' | 'probe' | 'forward' | 'notice' | 'unknown';

/** The last word about one recipient of an open message. */
export interface Outcome {
  readonly recipient: string;
  readonly kind: 'deferred' | 'bounced' | 'delivered';
  readonly reason?: Reason | undefined;
  readonly code?: number | undefined;
  readonly status?: string | undefined;
  readonly reply?: string | undefined;
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
  submitter?: Submitter | undefined;
  client?: Client | undefined;
  /** the client is unauthenticated and not known as one of ours, so far */
  stranger?: boolean | undefined;
  sender?: string | undefined;
  parentQueueId?: string | undefined;
  messageId?: string | undefined;
  size?: number | undefined;
  /** number of recipients told by the accepting line */
  recipients?: number | undefined;
  /** where the `accepted` event stands, for correcting it */
  acceptedAt?: (Position & { readonly time: number }) | undefined;
  /** the transaction ended, as far as its session tells, before a message came of it */
  abandoned?: boolean | undefined;
  /** it goes on under another queue ID, behind a content filter: handing it over is no delivery */
  continued?: boolean | undefined;
  /** recipients that a pipe(8), perhaps a content filter, took, less the messages that came back from it */
  piped?: number | undefined;
  /** an operator removed it, and that was told; the MTA's own last line follows */
  gone?: boolean | undefined;
  outcomes?: Record<string, Outcome> | undefined;
  /** how many those are, and how long their texts */
  outcomeCount?: number | undefined;
  outcomeLength?: number | undefined;
  /** bytes, about, that it holds in memory; undefined: it is not there */
  weight?: number | undefined;
}

/** Most recipients of one message that are told apart; beyond it a retry may count again. */
const MAX_OUTCOMES = 1000;
/** The same for all their addresses and replies together. */
const MAX_OUTCOME_LENGTH = 200_000;
/** Of a reply that has to be told again when the message expires; one line has at most 512 (RFC 5321 4.5.3.1.5). */
const MAX_REPLY = 2048;
/** `5.123.123` (RFC 3463 2), and room. */
const MAX_STATUS = 16;
/** Of a Message-ID that is remembered with its message; RFC 5322 2.1.1 allows 998 in a line. */
export const LONGEST_MESSAGE_ID = 998;
/** Measured with made-up queue IDs: the object, its strings, the maps' entries; each outcome likewise. */
const MESSAGE_WEIGHT = 900;
const OUTCOME_WEIGHT = 400;

export function newMessage(
  host: string,
  queueId: string,
  born: number,
  origin: Origin,
): OpenMessage {
  // All keys at once: V8 then keeps one shape for all messages. Set one by one, each cost a new one (2 us a message).
  return {
    host,
    queueId: ownCopy(queueId),
    origin,
    born,
    touched: born,
    submitter: undefined,
    client: undefined,
    stranger: undefined,
    sender: undefined,
    parentQueueId: undefined,
    messageId: undefined,
    size: undefined,
    recipients: undefined,
    acceptedAt: undefined,
    abandoned: undefined,
    continued: undefined,
    piped: undefined,
    gone: undefined,
    outcomes: undefined,
    outcomeCount: undefined,
    outcomeLength: undefined,
    weight: undefined,
  };
}

/** Remembers the outcome for (recipient, original recipient); gives back the one before it. */
export function recordOutcome(
  message: OpenMessage,
  key: string,
  outcome: Outcome,
): Outcome | undefined {
  message.outcomes ??= Object.create(null) as Record<string, Outcome>;
  const before = message.outcomes[key];
  const count = message.outcomeCount ?? 0;
  const length = message.outcomeLength ?? 0;
  if (before === undefined && (count >= MAX_OUTCOMES || length >= MAX_OUTCOME_LENGTH)) {
    return undefined;
  }
  const kept = keptOutcome(outcome);
  message.outcomes[ownCopy(key)] = kept;
  const grown = (kept.reply?.length ?? 0) - (before?.reply?.length ?? 0);
  message.outcomeLength = length + grown + (before === undefined ? 2 * key.length : 0);
  if (before === undefined) message.outcomeCount = count + 1;
  return before;
}

function keptOutcome(outcome: Outcome): Outcome {
  const { recipient, status, reply } = outcome;
  return {
    ...outcome,
    recipient: ownCopy(recipient),
    ...(status === undefined ? {} : { status: ownCopy(status.slice(0, MAX_STATUS)) }),
    ...(reply === undefined ? {} : { reply: ownCopy(reply.slice(0, MAX_REPLY)) }),
  };
}

/** Bytes, about, that a message holds in memory. */
export function weigh(message: OpenMessage): number {
  const { sender, messageId, client, submitter } = message;
  const length =
    (sender?.length ?? 0) +
    (messageId?.length ?? 0) +
    (client?.name?.length ?? 0) +
    (client?.helo?.length ?? 0) +
    (submitter?.id.length ?? 0) +
    (message.outcomeLength ?? 0);
  return MESSAGE_WEIGHT + OUTCOME_WEIGHT * (message.outcomeCount ?? 0) + 2 * length;
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

/** A rejection that may be told again in its session, with strings that outlive the batch. */
export function keptEvent(event: MailEvent): MailEvent {
  const { sender, recipient, status, reply, client } = event;
  return {
    ...event,
    host: event.host === undefined ? undefined : ownCopy(event.host),
    client: client === undefined ? undefined : keptClient(client),
    sender: sender === undefined ? undefined : ownCopy(sender),
    recipient: recipient === undefined ? undefined : ownCopy(recipient),
    status: status === undefined ? undefined : ownCopy(status),
    reply: reply === undefined ? undefined : ownCopy(reply),
  };
}
