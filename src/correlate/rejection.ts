/** Refusals to events: who was refused, and whether that very recipient was counted before. */

import { classify } from '../classify/classify.ts';
import { isInvalid, type MailEvent, type Mta, type Submitter } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { AuthFailedRecord, RejectionRecord } from '../model/record.ts';
import { type Context, tellDirection } from './context.ts';
import { type Draft, newEvent } from './make-event.ts';
import type { OpenMessage } from './message.ts';
import { isSameClient } from './sessions.ts';

/**
 * master.cf services that serve authenticated users only (RFC 6409), by a word of their name: `submission-tls`,
 * `smtps-haproxy` (mailcow, whose web mail has `sogo`), `submissions-proxyprotocol` (docker-mailserver), or the port.
 */
const SUBMISSION = /(?:^|[^a-z0-9])(?:submissions?|smtps|587|465|sogo)(?:$|[^a-z0-9])/;

/** A rejection, a hold or a discard. */
export function correlateRejection(
  context: Context,
  line: LoggedLine,
  record: RejectionRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  if (mta === 'exim' && context.copies.isCopy(line)) return;
  const message =
    record.queueId === undefined ? undefined : context.messages.get(line.host, record.queueId);
  const submitter = findSubmitter(context, line, record, message);
  const reason = record.kind === 'rejected' ? giveReason(record) : undefined;
  if (reason === 'relay-denied' && record.client !== undefined) {
    context.trust.sawRefused(record.client.address);
  }
  const event = newEvent(line, mta, record.kind);
  event.temporary = record.temporary === true ? true : undefined;
  event.stage = record.stage;
  event.queueId = record.queueId;
  event.parentQueueId = message?.parentQueueId;
  event.submitter = submitter;
  event.client = record.client ?? message?.client;
  event.sender = record.sender ?? message?.sender;
  event.recipient = record.recipient;
  event.relay = record.relay;
  event.code = record.code;
  event.status = record.status;
  event.reply = record.reply;
  event.reason = reason;
  event.direction = directionOfRefusal(line, record, submitter, message);
  if (record.kind === 'rejected' && record.recipient !== undefined) event.newRecipients = 1;
  countOnce(context, event, record);
  events.push(event);
  keepForUser(context, line, record, event);
}

/** A failed login: no mail, no submitter, only where it came from. */
export function correlateAuthFailed(
  context: Context,
  line: LoggedLine,
  record: AuthFailedRecord,
  mta: Mta,
  events: MailEvent[],
): void {
  if (mta === 'exim' && context.copies.isCopy(line)) return;
  const event = newEvent(line, mta, 'auth-failed');
  event.client = record.client;
  event.code = record.code;
  event.status = record.status;
  event.reply = record.reply;
  event.reason = 'auth';
  event.direction = context.trust.isOurs(record.client.address) ? 'outbound' : 'inbound';
  events.push(event);
}

function giveReason(record: RejectionRecord): MailEvent['reason'] {
  return classify({
    reply: record.reply,
    code: record.code,
    status: record.status,
    recipient: record.recipient,
    stage: record.stage === 'OTHER' ? undefined : record.stage,
  });
}

/** In the order of trust: the line itself, its session, its message, the login, the trusted address. */
function findSubmitter(
  context: Context,
  line: LoggedLine,
  record: RejectionRecord,
  message: OpenMessage | undefined,
): Submitter | undefined {
  if (record.user !== undefined) return { type: 'user', id: record.user };
  const session = context.sessions.find(line);
  if (session?.user !== undefined && isSameClient(session.address, record.client?.address)) {
    return { type: 'user', id: session.user };
  }
  if (message?.submitter !== undefined) return message.submitter;
  if (record.uid !== undefined) return { type: 'uid', id: record.uid };
  const address = record.client?.address;
  if (address === undefined || address === '' || !context.trust.isOurs(address)) return undefined;
  return { type: 'client', id: address };
}

function directionOfRefusal(
  line: LoggedLine,
  record: RejectionRecord,
  submitter: Submitter | undefined,
  message: OpenMessage | undefined,
): MailEvent['direction'] {
  if (submitter !== undefined) return 'outbound';
  if (message !== undefined) return tellDirection(message);
  if (record.client === undefined || SUBMISSION.test(line.service)) return undefined;
  return 'inbound';
}

/** Marks what was counted before: a client that tries a temporarily refused recipient again. */
function countOnce(context: Context, event: Draft, record: RejectionRecord): void {
  if (record.recipient === undefined || record.kind !== 'rejected' || !isInvalid(event)) return;
  const temporary = record.temporary === true && record.accepted !== true;
  // No bounce follows a stranger's refusal, and a final one is not asked about again: nothing to remember.
  if (event.submitter === undefined && !temporary) return;
  const who = event.submitter?.id ?? event.client?.address ?? '';
  if (!context.refused.refuse(who, record.recipient, event.time, temporary)) return;
  event.repeated = true;
  event.newRecipients = undefined;
}

/** Postfix before 3.10: the session may still tell which user this was. */
function keepForUser(
  context: Context,
  line: LoggedLine,
  record: RejectionRecord,
  event: MailEvent,
): void {
  if (event.mta !== 'postfix' || record.kind !== 'rejected' || line.pid === '') return;
  if (event.submitter?.type === 'user' || line.program !== 'smtpd') return;
  context.sessions.keepUnclaimed(line, event);
}
