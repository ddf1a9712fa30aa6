/** DSNs: mail that the MTA makes itself, about a message that it could not deliver. */
import { getDomain } from '../model/address.ts';
import type { DsnCause, DsnWay } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { DsnRecord } from '../model/record.ts';
import { newEvent } from './event-draft.ts';
import { getDirection, type OpenMessage, type Outcome } from './message.ts';
import { findMessage, openMessage, type Turn } from './turn.ts';

/** Postfix's bounce daemon logs the queue ID of the DSN that it made. */
export function correlateDsn(turn: Turn<DsnRecord>): void {
  const { dsnQueueId, queueId, about, isCopy } = turn.record;
  const message = openMessage(turn, dsnQueueId, 'dsn');
  message.parentQueueId = ownCopy(queueId);
  becomeDsn(turn, message, { about, isCopy });
}

/** What the log says about a DSN; nothing in Exim's. */
type Said = Pick<DsnRecord, 'isCopy'> & Partial<Pick<DsnRecord, 'about'>>;

/** The message is a DSN about its parent, and belongs to nobody. */
export function becomeDsn(turn: Turn, message: OpenMessage, said: Said = {}): void {
  message.origin = 'dsn';
  message.submitter = undefined;
  message.stranger = undefined;
  message.client = undefined;
  turn.messages.touch(message, turn.line.time);
  const parent = findMessage(turn, message.parentQueueId ?? '');
  const event = newEvent(turn, 'dsn-sent');
  event.queueId = message.queueId;
  event.parentQueueId = message.parentQueueId;
  event.client = parent?.client ?? parent?.forward?.client;
  event.sender = '';
  event.recipient = said.isCopy === true ? undefined : parent?.sender;
  event.direction = getDirection(parent) ?? parent?.forward?.direction;
  event.cause = parent && findCause(turn, parent, said);
  turn.events.push(event);
}

/** Why there is a DSN about this message: the first recipient that was refused for good, else one that was put off. */
function findCause(turn: Turn, parent: OpenMessage, said: Said): DsnCause {
  const all = Object.entries(parent.outcomes ?? {});
  const [key, outcome] =
    all.find(([, { kind }]) => kind === 'bounced') ??
    all.find(([, { kind }]) => kind === 'deferred') ??
    [];
  const failure = outcome?.kind === 'bounced' ? 'failure' : 'delay';
  const about = said.about ?? (outcome === undefined ? 'success' : failure);
  const original = key?.slice((outcome?.recipient.length ?? 0) + 1) || parent.forward?.by;
  const isHome = said.isCopy === true || isOurs(turn, parent, original ?? outcome?.recipient);
  const home = isHome ? true : undefined;
  if (outcome === undefined || about === 'success') return { about, home };
  const { recipient, relay, reason, code, status, reply } = outcome;
  return {
    about,
    home,
    way: findWay(turn, parent, outcome, original),
    recipient,
    originalRecipient: original,
    relay,
    reason,
    code,
    status,
    reply,
  };
}

/** Whether the sender is an address of this server. A stranger's mail was accepted, so its recipient is one. */
function isOurs({ relayClients }: Turn, parent: OpenMessage, recipient = ''): boolean {
  const domain = getDomain(parent.sender ?? '');
  if (domain === '') return false;
  return relayClients.isOwnDomain(domain) || domain === getDomain(recipient);
}

function findWay(
  { relayClients }: Turn,
  { forward }: OpenMessage,
  { recipient, relay, reason, own }: Outcome,
  original: string | undefined,
): DsnWay {
  if (own === true) return 'own-delivery';
  if (forward !== undefined) return 'forward';
  if (original !== undefined && getDomain(original) !== getDomain(recipient)) return 'forward';
  const isHere = relay?.address === undefined || relayClients.isLoopback(relay.address);
  if (isHere && reason === 'spam-or-content') return 'filter';
  // A host that cannot be reached has no relay in the log.
  return relay === undefined && reason !== 'network' ? 'own-delivery' : 'relayed';
}
