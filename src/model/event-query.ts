/** Which events are meant: the conditions of commands, for events in the database and in a log. */
import { lowerAscii } from '../base/text.ts';
import { isWithin } from './address.ts';
import type { EventKind, MailEvent, Reason, Submitter } from './event.ts';

/** All conditions must hold. Times in ms, `since` inclusive, `until` exclusive. */
export interface EventQuery {
  readonly since?: number;
  readonly until?: number;
  /** number of an event: only those that were stored later */
  readonly after?: number;
  readonly submitter?: Submitter;
  readonly clientAddress?: string;
  /** a network of clients */
  readonly clientNetwork?: string;
  readonly sender?: string;
  readonly recipient?: string;
  /** of the sender or the recipient, with all domains below it; lower case */
  readonly domain?: string;
  /** the mail server that wrote the log, or the host at the other end, with all names below it; lower case */
  readonly host?: string;
  readonly queueId?: string;
  readonly messageId?: string;
  readonly kinds?: readonly EventKind[];
  readonly reasons?: readonly Reason[];
  /** only the newest this many, still oldest first */
  readonly limit?: number;
}

/** Whether an address is in a domain or in one below it. */
export function isInDomain(address: string | undefined, domain: string): boolean {
  return address !== undefined && isBelow(address.slice(address.lastIndexOf('@') + 1), domain);
}

/** Whether a name is this one, which is in lower case, or one below it. */
export function isBelow(name: string | undefined, wanted: string): boolean {
  if (name === undefined || name.length < wanted.length) return false;
  const text = lowerAscii(name);
  return text === wanted || (text.endsWith(wanted) && text.at(-wanted.length - 1) === '.');
}

/** Whether an event is meant; `limit` does not count. */
export function matchesQuery(event: MailEvent, query: EventQuery): boolean {
  const { since, until, kinds, reasons, queueId, messageId } = query;
  return (
    (since === undefined || event.time >= since) &&
    (until === undefined || event.time < until) &&
    (kinds === undefined || kinds.includes(event.kind)) &&
    (reasons === undefined || (event.reason !== undefined && reasons.includes(event.reason))) &&
    (queueId === undefined || event.queueId === queueId) &&
    (messageId === undefined || event.messageId === messageId) &&
    matchesPeople(event, query) &&
    matchesPlaces(event, query)
  );
}

function matchesPeople({ submitter, sender, recipient }: MailEvent, query: EventQuery): boolean {
  const { submitter: who, domain } = query;
  return (
    (who === undefined || (submitter?.type === who.type && isSame(submitter.id, who.id))) &&
    (query.sender === undefined || isSame(sender, query.sender)) &&
    (query.recipient === undefined || isSame(recipient, query.recipient)) &&
    (domain === undefined || isInDomain(sender, domain) || isInDomain(recipient, domain))
  );
}

function matchesPlaces({ client, host, relay }: MailEvent, query: EventQuery): boolean {
  const { clientAddress, clientNetwork } = query;
  return (
    (clientAddress === undefined || client?.address === clientAddress) &&
    (clientNetwork === undefined ||
      (client !== undefined && isWithin(client.address, clientNetwork))) &&
    (query.host === undefined || isBelow(host, query.host) || isBelow(relay?.host, query.host))
  );
}

function isSame(text: string | undefined, wanted: string): boolean {
  return text !== undefined && lowerAscii(text) === lowerAscii(wanted);
}
