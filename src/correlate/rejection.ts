/** Refusals to events: who was refused, and whether this recipient was already counted. */

import { getDomain } from '../model/address.ts';
import { isInvalid, type MailEvent, type Reason, type Submitter } from '../model/event.ts';
import type { AuthFailedRecord, RejectionRecord } from '../model/record.ts';
import { type EventDraft, newEvent } from './event-draft.ts';
import { findAuthor, getDirection, type OpenMessage } from './message.ts';
import { isRefusedByTables } from './own-delivery.ts';
import { isSameClient } from './sessions.ts';
import { findMessage, makeClient, makeUser, type Turn } from './turn.ts';

/**
 * master.cf services for authenticated users only (RFC 6409), by a word in their name: `submission-tls`,
 * `smtps-haproxy` (mailcow, whose web mail has `sogo`), `submissions-proxyprotocol` (docker-mailserver), or the port.
 */
const SUBMISSION = /(?:^|[^a-z0-9])(?:submissions?|smtps|587|465|sogo)(?:$|[^a-z0-9])/;

/** A rejection, a hold, a discard, or a refusal that was only rehearsed: that has no reason, so no rule counts it. */
export function correlateRejection(turn: Turn<RejectionRecord>): void {
  const { record } = turn;
  if (isCopy(turn)) return;
  const message = findMessage(turn, record.queueId);
  const submitter = findSubmitter(turn, message);
  const event = newEvent(turn, record.kind);
  event.temporary = record.temporary === true ? true : undefined;
  event.stage = record.stage;
  event.queueId = record.queueId;
  event.parentQueueId = message?.parentQueueId;
  const isInbound = isInboundRefusal(turn, submitter);
  event.client = record.client ?? message?.client;
  event.sender = record.sender ?? message?.sender;
  event.submitter = isInbound ? undefined : findAuthor(submitter, event.sender);
  event.recipient = record.recipient;
  event.relay = record.relay;
  event.code = record.code;
  event.status = record.status;
  event.reply = record.reply;
  event.direction = isInbound ? 'inbound' : findDirection(turn, submitter, message);
  if (record.kind === 'rejected') addReason(turn, event);
  turn.events.push(event);
}

/** What only a rejection has: a reason, and a recipient who counts. */
function addReason(turn: Turn<RejectionRecord>, event: EventDraft): void {
  const { record, relayClients } = turn;
  event.reason = findReason(turn);
  if (event.reason === 'relay-denied' && record.client !== undefined) {
    relayClients.noteRefused(record.client.address);
  }
  if (record.recipient !== undefined) event.newRecipients = 1;
  countOnce(turn, event);
  keepForUser(turn, event);
}

/** A failed login: no message and no submitter, only the client. */
export function correlateAuthFailed(turn: Turn<AuthFailedRecord>): void {
  const { record } = turn;
  if (isCopy(turn)) return;
  const event = newEvent(turn, 'auth-failed');
  event.client = record.client;
  event.code = record.code;
  event.status = record.status;
  event.reply = record.reply;
  event.reason = 'auth';
  event.direction = turn.relayClients.isOurs(record.client.address) ? 'outbound' : 'inbound';
  turn.events.push(event);
}

function isCopy({ line, traits, duplicateLines }: Turn): boolean {
  return traits.repeatsRefusals && duplicateLines.isDuplicate(line);
}

function findReason({ record, classify }: Turn<RejectionRecord>): Reason {
  return classify({
    reply: record.reply,
    code: record.code,
    status: record.status,
    stage: record.stage === 'OTHER' ? undefined : record.stage,
    cached: undefined,
    recipient: record.recipient,
  });
}

/** Most trusted first: the line itself, its session, its message, the login, the trusted address. */
function findSubmitter(
  turn: Turn<RejectionRecord>,
  message: OpenMessage | undefined,
): Submitter | undefined {
  const { line, record, sessions, relayClients } = turn;
  if (record.user !== undefined) return makeUser(turn, record.user);
  const session = sessions.find(line);
  if (session?.user !== undefined && isSameClient(session.address, record.client?.address)) {
    return makeUser(turn, session.user);
  }
  if (message?.submitter !== undefined) return message.submitter;
  if (record.uid !== undefined) return { type: 'uid', id: record.uid };
  const address = record.client?.address;
  if (address === undefined || address === '' || !relayClients.isOurs(address)) return undefined;
  return makeClient(turn, address);
}

/**
 * Whether a client that only the log makes ours sent this to a local recipient. It may be a gateway in front of us as
 * well as a machine behind us, so the mail counts as inbound. If its address is a public one, so does whatever we refuse
 * before we have accepted it: we may be the gateway, which asks other hosts, and the client the server of any provider.
 */
function isInboundRefusal(turn: Turn<RejectionRecord>, submitter: Submitter | undefined): boolean {
  const { record, relayClients, traits } = turn;
  if (submitter !== undefined && submitter.type !== 'client') return false;
  const isLocal = isRefusedByTables(turn);
  const recipient = record.recipient ?? '';
  if (isLocal && traits.mta === 'postfix' && !relayClients.isInKnownDomain(recipient))
    relayClients.noteOwnDomain(getDomain(recipient));
  if (submitter === undefined || relayClients.isTrusted(submitter.id)) return false;
  return isLocal || (isRefusedRecipient(record) && !relayClients.isPrivate(submitter.id));
}

/** Not the warning of Postern's recipe, which asks about the recipients of our own clients alone. */
function isRefusedRecipient({ kind, stage, accepted }: RejectionRecord): boolean {
  return kind === 'rejected' && stage === 'RCPT' && accepted !== true;
}

function findDirection(
  { line, record }: Turn<RejectionRecord>,
  submitter: Submitter | undefined,
  message: OpenMessage | undefined,
): MailEvent['direction'] {
  if (submitter !== undefined) return 'outbound';
  if (message !== undefined) return getDirection(message);
  if (record.client === undefined || SUBMISSION.test(line.service)) return undefined;
  return 'inbound';
}

/** Marks a recipient that was already counted: a client tries again after a temporary refusal. */
function countOnce({ record, refusedRecipients }: Turn<RejectionRecord>, event: EventDraft): void {
  if (record.recipient === undefined || !isInvalid(event)) return;
  const temporary = record.temporary === true && record.accepted !== true;
  // Nothing to remember for a stranger's final refusal: no bounce follows it, and no client tries it again.
  if (event.submitter === undefined && !temporary) return;
  const who = event.submitter?.id ?? event.client?.address ?? '';
  if (!refusedRecipients.add(who, record.recipient, event.time, temporary)) return;
  event.repeated = true;
  event.newRecipients = undefined;
}

/** Postfix before 3.10: the session may still show which user this was. */
function keepForUser({ line, sessions }: Turn, event: EventDraft): void {
  if (line.program !== 'smtpd' || line.pid === '' || event.submitter?.type === 'user') return;
  sessions.keepUnclaimed(line, event);
}
