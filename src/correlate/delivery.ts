/** Delivery attempts to events: the submitter from the open message, each refused recipient counted once. */

import { getDomain } from '../model/address.ts';
import { isInvalid, type Reason } from '../model/event.ts';
import type { DeliveryRecord, LogRecord } from '../model/record.ts';
import { type EventDraft, newEvent } from './event-draft.ts';
import { isHandOver, passOn } from './filter.ts';
import {
  copyEvent,
  findAuthor,
  getDirection,
  isSystemMail,
  type OpenMessage,
  type Outcome,
  recordOutcome,
} from './message.ts';
import { noteNotification, noteSent } from './notification.ts';
import { isOwnDelivery, isOwnRefusal, noteInsideDomain, noteOwnDomain } from './own-delivery.ts';
import { makeClient, openMessage, type Turn } from './turn.ts';

/** Recipients that Exim delivers to while it receives a message; only the first is, by default. */
const MOST_AHEAD = 100;

type ExpiredRecord = Extract<LogRecord, { readonly kind: 'expired' }>;

/** The outcome of one attempt for one recipient. */
export function correlateDelivery(turn: Turn<DeliveryRecord>): void {
  const { line, record } = turn;
  const message = openMessage(turn, record.queueId);
  if (record.probe === true) message.origin = 'probe';
  if (line.program === 'pipe' && record.outcome === 'delivered') {
    message.piped = (message.piped ?? 0) + 1;
  }
  turn.messages.touch(message, line.time);
  if (message.origin === 'probe' || isNotice(turn, message)) return;
  if (record.next !== undefined && passOn(turn, message)) return;
  if (message.continued === true && isHandOver(turn)) return;
  if (!isOwnDelivery(turn)) {
    inferRelaying(turn, message);
    noteInsideDomain(turn, message);
  } else if (record.outcome === 'delivered') noteOwnDomain(turn);
  addAttempt(turn, message);
}

function addAttempt(turn: Turn<DeliveryRecord>, message: OpenMessage): void {
  const { record } = turn;
  const key = `${record.recipient} ${record.originalRecipient ?? ''}`;
  const reason = findReason(turn, message, key);
  const expired = record.retryTimeout === true;
  const last = expired ? message.outcomes?.[key] : undefined;
  const isOwn =
    expired && last !== undefined ? last.own === true : isOwnRefusal(turn, message, reason);
  const event = newDeliveryEvent(turn, expired ? 'expired' : record.outcome, message, isOwn);
  event.stage = record.stage;
  event.recipient = record.recipient;
  event.originalRecipient = record.originalRecipient;
  event.relay = record.relay;
  event.code = record.code ?? last?.code;
  event.status = record.status ?? last?.status;
  event.reply = record.reply;
  event.reason = reason;
  countOnce(turn, message, key, event);
  turn.events.push(event);
  if (event.kind === 'delivered') {
    noteSent(turn, event);
    noteNotification(turn, message, event);
  }
  if (message.acceptedAt === undefined && isCutThrough(turn)) keepAhead(turn, message, event);
}

/** Exim delivers while it receives, and logs the arrival afterwards: only that names the submitter. */
function isCutThrough({ line, record, traits }: Turn<DeliveryRecord>): boolean {
  return traits.mta === 'exim' && line.text.startsWith('>> ', record.queueId.length + 1);
}

function keepAhead(turn: Turn, message: OpenMessage, event: EventDraft): void {
  if (message.ahead === undefined) turn.aheadIds.add(message.host, message.queueId);
  message.ahead ??= [];
  if (message.ahead.length < MOST_AHEAD) message.ahead.push(copyEvent(event));
  turn.messages.touch(message, event.time);
}

/**
 * Whether the message is one of our notices. Mail to anybody else only has the same sender: it belongs to whoever
 * handed it in.
 */
function isNotice({ record, notices }: Turn<DeliveryRecord>, message: OpenMessage): boolean {
  if (message.origin !== 'notice') return false;
  const recipient = (record.originalRecipient ?? record.recipient).toLowerCase();
  const isOurs = notices?.recipients.some((one) => one.toLowerCase() === recipient) === true;
  if (!isOurs) message.origin = 'submitted';
  return isOurs;
}

/** An event with what the message says about each of its recipients. */
function newDeliveryEvent(
  turn: Turn<DeliveryRecord | ExpiredRecord>,
  kind: 'expired' | Outcome['kind'],
  message: OpenMessage,
  isOwn = false,
): EventDraft {
  const event = newEvent(turn, kind);
  event.queueId = turn.record.queueId;
  event.parentQueueId = message.parentQueueId;
  event.submitter = isSystemMail(message)
    ? undefined
    : findAuthor(message.submitter, message.sender);
  event.client = message.client;
  event.sender = message.sender;
  event.direction = isOwn && !isSystemMail(message) ? 'local' : getDirection(message);
  return event;
}

/** Postfix gave up on all recipients that are still deferred; each one keeps its last reason. */
export function correlateExpired(turn: Turn<ExpiredRecord>): void {
  const message = openMessage(turn, turn.record.queueId);
  turn.messages.touch(message, turn.line.time);
  const deferred = Object.entries(message.outcomes ?? {}).filter(
    ([, last]) => last.kind === 'deferred',
  );
  for (const [key, last] of deferred) addExpired(turn, message, key, last);
  if (deferred.length > 0) return;
  const event = newDeliveryEvent(turn, 'expired', message);
  event.reason = 'network';
  turn.events.push(event);
}

function addExpired(
  turn: Turn<ExpiredRecord>,
  message: OpenMessage,
  key: string,
  last: Outcome,
): void {
  const event = newDeliveryEvent(turn, 'expired', message, last.own);
  event.recipient = last.recipient;
  event.originalRecipient = key.slice(last.recipient.length + 1) || undefined;
  event.code = last.code;
  event.status = last.status;
  event.reply = last.reply;
  event.reason = last.reason;
  countOnce(turn, message, key, event);
  turn.events.push(event);
}

/**
 * Mail of a stranger that goes straight to a foreign host: perhaps the MTA relays for this client. Mail through
 * Postfix's service `relay` proves nothing: that service is for `relay_domains`, for which anybody may leave mail (a
 * backup MX).
 */
function inferRelaying(turn: Turn<DeliveryRecord>, message: OpenMessage): void {
  const { line, record, traits, relayClients } = turn;
  if (!relayClients.infers || message.stranger !== true || message.client === undefined) return;
  if (record.originalRecipient !== undefined || relayClients.isPrivate(record.relay?.address))
    return;
  if (line.program !== traits.outgoing || line.service === 'relay') return;
  const { address } = message.client;
  if (!relayClients.noteRelayed(address, getDomain(record.recipient), nameHosts(record))) return;
  message.submitter = makeClient(turn, address);
  message.stranger = undefined;
}

/** The same for all hosts of one provider: the last two labels of the host's name, else its address. */
function nameHosts({ relay }: DeliveryRecord): string {
  const host = relay?.host;
  if (host === undefined || host.startsWith('[')) return relay?.address ?? '';
  return host.toLowerCase().split('.').slice(-2).join('.');
}

function findReason(
  { record, classify }: Turn<DeliveryRecord>,
  message: OpenMessage,
  key: string,
): Reason | undefined {
  if (record.outcome === 'delivered') return undefined;
  const last = record.retryTimeout === true ? message.outcomes?.[key]?.reason : undefined;
  if (last !== undefined) return last;
  // The same keys in the same order as for rejections: V8 keeps one shape for both, while records have several.
  const reason = classify({
    reply: record.reply,
    code: record.code,
    status: record.status,
    stage: record.stage,
    cached: record.cached,
    recipient: record.recipient,
  });
  // Exim's "Unrouteable address" for a notice to www-data@HOST: there is no way to the sender, who wrote no wrong domain.
  const isLocal = reason === 'invalid-domain' && record.relay === undefined;
  return isLocal && message.origin === 'dsn' ? 'other' : reason;
}

/** A recipient counts once: not at each retry, and not again when the bounce follows the refusal. */
function countOnce(turn: Turn, message: OpenMessage, key: string, event: EventDraft): void {
  const invalid = isInvalid(event);
  const kind = (event.kind === 'expired' ? 'bounced' : event.kind) as Outcome['kind'];
  const before = message.outcomes?.[key];
  if (kind !== 'delivered' || before !== undefined || message.recipients === undefined) {
    const outcome = toOutcome(event, kind, invalid || before?.invalid === true);
    recordOutcome(message, key, outcome, before);
    turn.messages.touch(message, event.time);
  }
  const refusedBefore =
    invalid &&
    before === undefined &&
    message.submitter !== undefined &&
    turn.refusedRecipients.take(message.submitter.id, event.recipient ?? '', message.born);
  const again = before !== undefined && (invalid ? before.invalid : before.kind === kind);
  if (refusedBefore || again) event.repeated = true;
  // If the accepting line did not give the number of recipients, the first outcome of each one adds it.
  const isFirst =
    before === undefined && message.recipients === undefined && !isSystemMail(message);
  if (isFirst && !refusedBefore) event.newRecipients = 1;
}

function toOutcome(event: EventDraft, kind: Outcome['kind'], invalid: boolean): Outcome {
  return {
    recipient: event.recipient ?? '',
    kind,
    reason: event.reason,
    code: event.code,
    status: event.status,
    reply: event.reply,
    relay: kind === 'delivered' ? undefined : event.relay,
    own: event.direction === 'local' ? true : undefined,
    invalid,
  };
}
