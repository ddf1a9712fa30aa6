/** Delivery attempts to events: the submitter from the open message, each refused recipient counted once. */

import { classify } from '../classify/classify.ts';
import type { MailEvent, Mta, Reason } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { DeliveryRecord } from '../model/record.ts';
import { type Context, isNobodys, tellDirection } from './context.ts';
import { type Draft, newEvent } from './make-event.ts';
import { inherit, newMessage, type OpenMessage, type Outcome, recordOutcome } from './message.ts';

/** One recipient's outcome. */
export function correlateDelivery(
  context: Context,
  line: LoggedLine,
  record: DeliveryRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  const message = findMessage(context, line, record.queueId);
  if (record.probe === true) message.origin = 'probe';
  if (line.program === 'pipe' && record.outcome === 'delivered') {
    message.piped = (message.piped ?? 0) + 1;
  }
  context.messages.touch(message, line.time);
  if (message.origin === 'probe' || isNoticeTo(context, message, record)) return;
  if (record.next !== undefined && passOn(context, line, record, message)) return;
  if (message.continued === true && isHandOver(context, line, record)) return;
  inferRelaying(context, line, record, message);

  const key = `${record.recipient} ${record.originalRecipient ?? ''}`;
  const reason = giveReason(record, message, key);
  const expired = record.retryTimeout === true;
  const last = expired ? message.outcomes?.[key] : undefined;
  const event = newEvent(line, mta, expired ? 'expired' : record.outcome);
  fillIn(event, message);
  event.stage = record.stage;
  event.queueId = record.queueId;
  event.recipient = record.recipient;
  event.originalRecipient = record.originalRecipient;
  event.relay = record.relay;
  event.code = record.code ?? last?.code;
  event.status = record.status ?? last?.status;
  event.reply = record.reply;
  event.reason = reason;
  countOnce(context, message, key, event);
  events.push(event);
}

/** Whether it is one of our notices. Mail to anybody else only bears their sender: it is whoever handed it in. */
function isNoticeTo(context: Context, message: OpenMessage, record: DeliveryRecord): boolean {
  if (message.origin !== 'notice') return false;
  const recipient = (record.originalRecipient ?? record.recipient).toLowerCase();
  const isOurs = context.notices?.recipients.some((one) => one.toLowerCase() === recipient);
  if (isOurs !== true) message.origin = 'submitted';
  return isOurs === true;
}

/** What the message tells about each of its recipients. */
function fillIn(event: Draft, message: OpenMessage): void {
  event.parentQueueId = message.parentQueueId;
  event.submitter = isNobodys(message) ? undefined : message.submitter;
  event.client = message.client;
  event.sender = message.sender;
  event.direction = tellDirection(message);
}

/** Postfix gave up on all recipients that are still deferred; each keeps its last reason. */
export function correlateExpired(
  context: Context,
  line: LoggedLine,
  queueId: string,
  mta: Mta,
  events: MailEvent[],
): void {
  const message = findMessage(context, line, queueId);
  context.messages.touch(message, line.time);
  const deferred = Object.entries(message.outcomes ?? {}).filter(
    ([, last]) => last.kind === 'deferred',
  );
  if (deferred.length === 0) {
    const event = newEvent(line, mta, 'expired');
    fillIn(event, message);
    event.queueId = queueId;
    event.reason = 'network';
    events.push(event);
  }
  for (const [key, last] of deferred) {
    const { recipient, code, status, reply, reason } = last;
    const event = newEvent(line, mta, 'expired');
    fillIn(event, message);
    event.queueId = queueId;
    event.recipient = recipient;
    event.originalRecipient = key.slice(recipient.length + 1) || undefined;
    event.code = code;
    event.status = status;
    event.reply = reply;
    event.reason = reason;
    countOnce(context, message, key, event);
    events.push(event);
  }
}

function findMessage(context: Context, line: LoggedLine, queueId: string): OpenMessage {
  const known = context.messages.get(line.host, queueId);
  if (known !== undefined) return known;
  const message = newMessage(line.host, queueId, line.time, 'unknown');
  context.messages.put(message);
  return message;
}

/**
 * The message goes on under another queue ID. A content filter is believed only for a message that came from this
 * machine or back from the filter; what a foreign host says of its queue is its own affair. True when there is no
 * event.
 */
function passOn(
  context: Context,
  line: LoggedLine,
  record: DeliveryRecord,
  message: OpenMessage,
): boolean {
  const { queueId, how } = record.next as NonNullable<DeliveryRecord['next']>;
  const address = record.relay?.address;
  const near = address === undefined || context.trust.isLoopback(address);
  const next = context.messages.get(line.host, queueId);
  if (next === undefined || next === message) return false;
  const known = next.parentQueueId === message.queueId;
  if (how === 'queued' && !near && !known && !cameBack(context, record, message, next)) {
    return false;
  }
  if (how === 'forwarded') {
    next.origin = 'forward';
    next.parentQueueId = message.queueId;
    context.messages.touch(next, line.time);
    return false;
  }
  const fromHere =
    !near ||
    known ||
    // Both are known as what one message went on as: this line tells in which order.
    (next.parentQueueId !== undefined && next.parentQueueId === message.parentQueueId) ||
    (next.submitter?.type === 'client' && context.trust.isLoopback(next.submitter.id)) ||
    (next.client !== undefined && context.trust.isLoopback(next.client.address));
  if (!fromHere) return false;
  inherit(next, message);
  next.parentQueueId = message.queueId;
  context.messages.touch(next, line.time);
  return true;
}

/** No mail goes out to these ports of a content filter; a foreign MX answers on the first, a smarthost on any. */
const MAIL_PORTS: ReadonlySet<number | undefined> = new Set([25, 465, 587]);

/**
 * A content filter on another address: what it was given at a port of its own has come back from the very same
 * address, which is one of ours and not logged in, with the same Message-ID, since then. That a foreign host claims a
 * queue ID of ours is not enough: it is reached at port 25, and no MX record names another.
 */
function cameBack(
  { trust }: Context,
  { relay }: DeliveryRecord,
  first: OpenMessage,
  second: OpenMessage,
): boolean {
  const address = relay?.address;
  if (address === undefined || relay?.port === undefined || MAIL_PORTS.has(relay.port))
    return false;
  if (second.submitter?.type !== 'client' || second.submitter.id !== address) return false;
  if (second.messageId === undefined || second.messageId !== first.messageId) return false;
  if (second.born < first.born || !trust.isOurs(address)) return false;
  trust.sawFilter(address);
  return true;
}

/** `sent` to a content filter is not a delivery: the other queue ID tells what becomes of it. */
function isHandOver({ trust }: Context, line: LoggedLine, record: DeliveryRecord): boolean {
  if (record.outcome !== 'delivered') return false;
  const address = record.relay?.address;
  return line.program === 'pipe' || (address !== undefined && trust.isFilter(address));
}

/**
 * Mail of a stranger that goes straight to a foreign host: the MTA relays for it, so it is one of ours. Not by way of
 * Postfix's service `relay`: that one serves `relay_domains`, for which everybody may leave mail (a backup MX).
 */
function inferRelaying(
  context: Context,
  line: LoggedLine,
  record: DeliveryRecord,
  message: OpenMessage,
): void {
  if (message.stranger !== true || message.client === undefined) return;
  if (record.originalRecipient !== undefined || !leadsOut(context, record)) return;
  if ((line.program !== 'smtp' && line.program !== 'exim') || line.service === 'relay') return;
  if (!context.trust.sawRelayed(message.client.address)) return;
  message.submitter = { type: 'client', id: message.client.address };
  message.stranger = undefined;
}

/** A foreign host; or a relay on this machine that refused the recipient, which a content filter leaves to others. */
function leadsOut({ trust }: Context, { relay, stage, outcome }: DeliveryRecord): boolean {
  if (!trust.isNear(relay?.address)) return true;
  const here = relay?.address !== undefined && trust.isLoopback(relay.address);
  return here && stage === 'RCPT' && outcome !== 'delivered';
}

function giveReason(record: DeliveryRecord, message: OpenMessage, key: string): Reason | undefined {
  if (record.outcome === 'delivered') return undefined;
  const last = message.outcomes?.[key]?.reason;
  if (record.retryTimeout === true && last !== undefined) return last;
  return classify({
    reply: record.reply,
    code: record.code,
    status: record.status,
    stage: record.stage,
    cached: record.cached,
    recipient: record.recipient,
  });
}

/** A recipient counts once: not at each retry, and not again when the bounce follows the refusal. */
function countOnce(context: Context, message: OpenMessage, key: string, event: Draft): void {
  const invalid = event.reason === 'invalid-recipient' || event.reason === 'invalid-domain';
  const kind = event.kind === 'expired' ? 'bounced' : event.kind;
  const before = message.outcomes?.[key];
  if (kind !== 'delivered' || before !== undefined || message.recipients === undefined) {
    remember(message, key, event, kind as Outcome['kind'], invalid || before?.invalid === true);
    context.messages.touch(message, event.time);
  }
  const refusedBefore =
    invalid && before === undefined && message.submitter !== undefined
      ? context.refused.bounceFollows(message.submitter.id, event.recipient ?? '', message.born)
      : false;
  const again =
    refusedBefore || (before !== undefined && (invalid ? before.invalid : before.kind === kind));
  // Where the accepting line did not tell how many recipients there are, each one's first outcome does.
  const first = before === undefined && message.recipients === undefined && !isNobodys(message);
  if (again) event.repeated = true;
  if (first && !refusedBefore) event.newRecipients = 1;
}

function remember(
  message: OpenMessage,
  key: string,
  event: MailEvent,
  kind: Outcome['kind'],
  invalid: boolean,
): void {
  recordOutcome(message, key, {
    recipient: event.recipient ?? '',
    kind,
    reason: event.reason,
    code: event.code,
    status: event.status,
    reply: event.reply,
    invalid,
  });
}
