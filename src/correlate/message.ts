/** An open message: what the log has said about one queue ID, until the message leaves the queue. */
import type { Direction, MailEvent, Reason, Submitter } from '../model/event.ts';
import { ownCopy, type Position } from '../model/line.ts';
import type { Client, Relay } from '../model/record.ts';

/** Where a message comes from: somebody handed it in, or the MTA or Postern made it. */
export type Origin = 'submitted' | 'dsn' | 'probe' | 'forward' | 'notice' | 'unknown';

/** The last outcome for one recipient of an open message. */
export interface Outcome {
  readonly recipient: string;
  readonly kind: 'deferred' | 'bounced' | 'delivered';
  readonly reason?: Reason | undefined;
  readonly code?: number | undefined;
  readonly status?: string | undefined;
  readonly reply?: string | undefined;
  readonly relay?: Relay | undefined;
  /** our own delivery refused it */
  readonly own?: boolean | undefined;
  /** the refusal was counted as invalid */
  readonly invalid: boolean;
}

/** The message that a forward continues, and the address that forwards it. */
interface Forward {
  readonly by: string;
  readonly client?: Client | undefined;
  readonly direction?: Direction | undefined;
}

/** Mutable, owned by the correlator. It is saved as JSON, under these names, so that it survives a restart. */
export interface OpenMessage {
  readonly host: string;
  readonly queueId: string;
  origin: Origin;
  /** time of the first line, ms */
  readonly born: number;
  /** time of the newest line, ms */
  touched: number;
  submitter?: Submitter | undefined;
  client?: Client | undefined;
  /** the client is unauthenticated and not known as one of ours, so far */
  stranger?: boolean | undefined;
  sender?: string | undefined;
  parentQueueId?: string | undefined;
  messageId?: string | undefined;
  size?: number | undefined;
  /** number of recipients, if the accepting line gives it */
  recipients?: number | undefined;
  /** the line of the `accepted` event, to correct that event later */
  acceptedAt?: (Position & { readonly time: number }) | undefined;
  /** the session went on or ended before this transaction left a message */
  abandoned?: boolean | undefined;
  /** continues under another queue ID, behind a content filter: handing it over is not a delivery */
  continued?: boolean | undefined;
  /** recipients that a pipe(8) took, perhaps a content filter, less the messages that came back from it */
  piped?: number | undefined;
  /** deliveries that were logged before the arrival (Exim's cut-through): their submitter is not known yet */
  ahead?: MailEvent[] | undefined;
  /** an operator removed it, and there was an event; the MTA's own last line follows */
  gone?: boolean | undefined;
  /** a forward of local(8): where the forwarded message came from. No submitter, because a forward has none */
  forward?: Forward | undefined;
  /** a notification that came from elsewhere: there was an event */
  notified?: boolean | undefined;
  outcomes?: Record<string, Outcome> | undefined;
  outcomeCount?: number | undefined;
  /** characters of all addresses and replies in `outcomes` */
  outcomeLength?: number | undefined;
  /** bytes of memory, about; undefined: it is not in memory */
  weight?: number | undefined;
}

/** Most recipients of one message that are remembered; beyond it a retry may count again. */
const MAX_OUTCOMES = 1000;
/** Most characters of all their addresses and replies. */
const MAX_OUTCOME_LENGTH = 200_000;
/** Characters kept of a reply, for the event of an expiry; a reply line has at most 512 (RFC 5321 4.5.3.1.5). */
const MAX_REPLY = 2048;
/** Longer than any status, such as `5.123.123` (RFC 3463 2). */
const MAX_STATUS = 16;
/** Characters kept of a Message-ID with its message; RFC 5322 2.1.1 allows 998 in a line. */
export const LONGEST_MESSAGE_ID = 998;
/** Bytes, measured with made-up queue IDs: the object, its strings and the entries of the maps. */
const MESSAGE_WEIGHT = 900;
const OUTCOME_WEIGHT = 500;
const EVENT_WEIGHT = 2000;

export function newMessage(
  host: string,
  queueId: string,
  born: number,
  origin: Origin,
): OpenMessage {
  // All keys at once, so that V8 keeps one shape for all messages. Setting keys one by one cost 2 us a message.
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
    ahead: undefined,
    gone: undefined,
    forward: undefined,
    notified: undefined,
    outcomes: undefined,
    outcomeCount: undefined,
    outcomeLength: undefined,
    weight: undefined,
  };
}

/**
 * Remembers the outcome for one recipient in place of the one `before`; the key is the recipient, a space and the original
 * recipient, if any.
 */
export function recordOutcome(
  message: OpenMessage,
  key: string,
  outcome: Outcome,
  before: Outcome | undefined,
): void {
  message.outcomes ??= Object.create(null) as Record<string, Outcome>;
  const count = message.outcomeCount ?? 0;
  const length = message.outcomeLength ?? 0;
  const isFull = count >= MAX_OUTCOMES || length >= MAX_OUTCOME_LENGTH;
  if (before === undefined && isFull) return;
  const kept = copyOutcome(outcome);
  message.outcomes[ownCopy(key)] = kept;
  const grown = (kept.reply?.length ?? 0) - (before?.reply?.length ?? 0);
  message.outcomeLength = length + grown + (before === undefined ? 2 * key.length : 0);
  if (before === undefined) message.outcomeCount = count + 1;
}

function copyOutcome(outcome: Outcome): Outcome {
  const { recipient, kind, reason, code, status, reply, relay, own, invalid } = outcome;
  // Spelled out: a copy by spreading takes three times as long.
  return {
    recipient: ownCopy(recipient),
    kind,
    reason,
    code,
    status: copyText(status?.slice(0, MAX_STATUS)),
    reply: copyText(reply?.slice(0, MAX_REPLY)),
    relay: relay && copyRelay(relay),
    own,
    invalid,
  };
}

function copyRelay({ host, address, port }: Relay): Relay {
  return { host: copyText(host), address: copyText(address), port };
}

/** Bytes of memory that a message takes, about. */
export function weigh(message: OpenMessage): number {
  const { sender, messageId, client, submitter } = message;
  const length =
    (sender?.length ?? 0) +
    (messageId?.length ?? 0) +
    (client?.name?.length ?? 0) +
    (client?.helo?.length ?? 0) +
    (submitter?.id.length ?? 0) +
    (message.outcomeLength ?? 0);
  const events = EVENT_WEIGHT * (message.ahead?.length ?? 0);
  return MESSAGE_WEIGHT + OUTCOME_WEIGHT * (message.outcomeCount ?? 0) + events + 2 * length;
}

/** Takes the submitter from the queue ID that the message had before (content filter, requeue). */
export function inheritSubmitter(message: OpenMessage, from: OpenMessage): void {
  message.origin = from.origin;
  message.submitter = from.submitter;
  message.client = from.client;
  message.stranger = from.stranger;
  message.parentQueueId ??= from.parentQueueId;
}

/** A client whose strings outlive the batch of lines. */
export function copyClient({ address, name, helo }: Client): Client {
  return { address: ownCopy(address), name: copyText(name), helo: copyText(helo) };
}

/** A rejection that a session keeps, with strings that outlive the batch of lines. */
export function copyEvent(event: MailEvent): MailEvent {
  const { host, client, sender, recipient, status, reply } = event;
  return {
    ...event,
    host: copyText(host),
    client: client && copyClient(client),
    sender: copyText(sender),
    recipient: copyText(recipient),
    status: copyText(status),
    reply: copyText(reply),
  };
}

function copyText(text: string | undefined): string | undefined {
  return text === undefined ? undefined : ownCopy(text);
}

/** Mail that the MTA or Postern made (DSNs, probes, notices): it counts for nobody. */
export function isSystemMail({ origin }: OpenMessage): boolean {
  return origin === 'dsn' || origin === 'probe' || origin === 'notice';
}

/**
 * The submitter of an event about mail of this sender. Replies by machines and bounces have the null reverse-path:
 * nobody wrote them, whatever client or local account handed them in. A user is another matter: whoever logged in can
 * be told apart, and a stolen password must not escape the rules by an empty sender.
 */
export function findAuthor(
  submitter: Submitter | undefined,
  sender: string | undefined,
): Submitter | undefined {
  return sender === '' && submitter?.type !== 'user' ? undefined : submitter;
}

/** Outbound if one of ours handed the message in, inbound if a stranger did. */
export function getDirection(message: OpenMessage | undefined): Direction | undefined {
  if (message === undefined || isSystemMail(message)) return undefined;
  if (message.submitter !== undefined) return 'outbound';
  return message.stranger === true ? 'inbound' : undefined;
}
