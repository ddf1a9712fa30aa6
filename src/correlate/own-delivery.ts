/**
 * What this server itself refuses, as opposed to other hosts. Before acceptance it is a refusal by our own recipient
 * tables: such a recipient is a local one, so the mail was inbound. After acceptance it is a refusal by our own
 * delivery, or by a server inside that has mailboxes of ours: we should not have accepted the mail, so it is the fault
 * of no submitter.
 */
import { getDomain } from '../model/address.ts';
import type { Reason, Submitter } from '../model/event.ts';
import type { DeliveryRecord, RejectionRecord } from '../model/record.ts';
import type { OpenMessage } from './message.ts';
import type { Turn } from './turn.ts';

/** Daemons of Postfix that deliver into mailboxes here, or hand mail to a program that does. */
const LOCAL_PROGRAMS: ReadonlySet<string> = new Set(['local', 'virtual', 'lmtp', 'pipe']);

/** smtpd_check_rcpt of Postfix; error(8) uses the same texts. The table is left out if main.cf says so. */
const POSTFIX_TABLE =
  /User unknown(?: in (?:local recipient|virtual mailbox|virtual alias|relay recipient) table)?$/;

/** Texts of Exim's routers (route.c, and `cannot_route_message` in its default configuration). */
const EXIM_ROUTERS = /^(?:550 )?(?:5\.1\.1 )?(?:unrouteable address|unknown user)$/i;

/** Whether our own recipient tables or routers refused the recipient, without asking another host. */
export function isRefusedByTables({ line, record, traits }: Turn<RejectionRecord>): boolean {
  const { kind, relay, recipient, reply } = record;
  if (kind !== 'rejected' || recipient === undefined || reply === undefined) return false;
  if (relay !== undefined) return false;
  if (traits.mta === 'exim') return EXIM_ROUTERS.test(reply);
  return line.program === 'smtpd' && POSTFIX_TABLE.test(reply);
}

/** Whether our own delivery dealt with the recipient: into a mailbox here, or by a router that found none. */
export function isOwnDelivery(turn: Turn<DeliveryRecord>): boolean {
  const { line, record, traits } = turn;
  if (traits.mta === 'exim') return record.local !== undefined || isUnroutedHere(turn);
  if (LOCAL_PROGRAMS.has(line.program)) return true;
  return line.program === 'error' && POSTFIX_TABLE.test(record.reply ?? '');
}

/** Whether the refusal is our fault: not if a content filter, which LMTP or a pipe leads to as well, found spam. */
export function isOwnRefusal(
  turn: Turn<DeliveryRecord>,
  message: OpenMessage,
  reason: Reason | undefined,
): boolean {
  if (turn.record.outcome === 'delivered' || reason === 'spam-or-content') return false;
  return isOwnDelivery(turn) || isOwnMailbox(turn, message);
}

/**
 * Whether mail of one of ours went by SMTP to a server that has mailboxes of ours: Exchange behind a gateway, the mail
 * hub of a university. All mail may go through a server inside, a smarthost, so the domain must be ours as well.
 */
function isOwnMailbox(turn: Turn<DeliveryRecord>, { submitter }: OpenMessage): boolean {
  if (submitter === undefined) return false;
  const domain = getDomain(turn.record.recipient);
  if (!turn.relayClients.isOwnDomain(domain)) return false;
  return isInside(turn) || isDomainOf(submitter, domain);
}

/** Whether somebody logged in with an address of the domain. */
function isDomainOf({ type, id }: Submitter, domain: string): boolean {
  return type === 'user' && domain !== '' && getDomain(id) === domain;
}

/** A server with a private address, or one that Postfix's service `relay` leads to, which is for `relay_domains`. */
function isInside({ line, record, traits, relayClients }: Turn<DeliveryRecord>): boolean {
  const address = record.relay?.address;
  if (line.program !== traits.outgoing || address === undefined) return false;
  // On this machine are content filters.
  if (relayClients.isLoopback(address)) return false;
  return relayClients.isPrivate(address) || line.service === 'relay';
}

/**
 * Remembers a domain whose mailboxes are on a server inside. It is ours if people log in with it, or if a stranger may
 * leave mail for it.
 */
export function noteInsideDomain(turn: Turn<DeliveryRecord>, message: OpenMessage): void {
  const { record, relayClients } = turn;
  if (record.originalRecipient !== undefined || relayClients.isInKnownDomain(record.recipient))
    return;
  if (!isInside(turn)) return;
  const { submitter } = message;
  const domain = getDomain(record.recipient);
  const isOfLogin = submitter !== undefined && isDomainOf(submitter, domain);
  // Without a list of networks, the stranger may be a relay client that is not known as one.
  const isLeft = message.stranger === true && !relayClients.infers;
  if (isOfLogin || isLeft) relayClients.noteOwnDomain(domain);
}

/** Remembers the domain of a recipient that our own delivery found. LMTP by TCP and pipes may lead to filters. */
export function noteOwnDomain(turn: Turn<DeliveryRecord>): void {
  const { line, record, relayClients } = turn;
  if (record.relay?.address !== undefined || line.program === 'pipe') return;
  const recipient = record.originalRecipient ?? record.recipient;
  if (relayClients.isInKnownDomain(recipient)) return;
  relayClients.noteOwnDomain(getDomain(recipient));
}

/** Exim's routers found no way, in a domain whose mailboxes are here. */
function isUnroutedHere({ record, relayClients }: Turn<DeliveryRecord>): boolean {
  if (record.outcome !== 'bounced' || record.reply === undefined) return false;
  if (record.relay !== undefined) return false;
  return relayClients.isOwnDomain(getDomain(record.originalRecipient ?? record.recipient));
}
