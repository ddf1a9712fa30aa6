/**
 * What this server itself refuses, as opposed to other hosts. Before acceptance it is a refusal by our own recipient
 * tables: such a recipient is a local one, so the mail was inbound. After acceptance it is a refusal by our own
 * delivery: we should not have accepted the mail, so it is the fault of no submitter.
 */
import { getDomain } from '../model/address.ts';
import type { Reason } from '../model/event.ts';
import type { DeliveryRecord, RejectionRecord } from '../model/record.ts';
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
export function isOwnRefusal(turn: Turn<DeliveryRecord>, reason: Reason | undefined): boolean {
  return turn.record.outcome !== 'delivered' && reason !== 'spam-or-content' && isOwnDelivery(turn);
}

/** Remembers the domain of a recipient that our own delivery found. LMTP by TCP and pipes may lead to filters. */
export function noteOwnDomain(turn: Turn<DeliveryRecord>): void {
  const { line, record, relayClients } = turn;
  if (record.relay?.address !== undefined || line.program === 'pipe') return;
  const recipient = record.originalRecipient ?? record.recipient;
  if (relayClients.isInOwnDomain(recipient)) return;
  relayClients.noteOwnDomain(getDomain(recipient));
}

/** Exim's routers found no way, in a domain whose mailboxes are here. */
function isUnroutedHere({ record, relayClients }: Turn<DeliveryRecord>): boolean {
  if (record.outcome !== 'bounced' || record.reply === undefined) return false;
  if (record.relay !== undefined) return false;
  return relayClients.isOwnDomain(getDomain(record.originalRecipient ?? record.recipient));
}
