/** The conditions for events that commands have in common: options in, a query out. */
import { dropUndefined } from '../base/defined.ts';
import { PosternError } from '../base/errors.ts';
import { lowerAscii } from '../base/text.ts';
import { canonicalClients, isNetwork, isWithin } from '../model/address.ts';
import type { Key } from '../model/block.ts';
import {
  EVENT_KINDS,
  type EventKind,
  REASONS,
  type Reason,
  type Submitter,
} from '../model/event.ts';
import { type EventQuery, isInDomain } from '../model/event-query.ts';
import type { LoginOptions } from '../model/login.ts';
import { parseCount, parsePeriod, parseTypedIdentity, parseWords, stripBrackets } from './typed.ts';

export interface EventFilterOptions {
  readonly since?: string;
  readonly until?: string;
  readonly of?: string;
  readonly submitter?: string;
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly domain?: string;
  readonly kind?: string;
  readonly reason?: string;
  readonly queueId?: string;
  readonly host?: string;
  readonly limit?: string;
}

interface Setting {
  readonly zone: string;
  readonly logins: LoginOptions;
}

/** Throws a PosternError (exit status 2) for a value that cannot be understood. */
export function buildEventQuery(
  options: EventFilterOptions,
  { zone, logins }: Setting,
): EventQuery {
  const { of, submitter, client, sender, recipient, domain, kind, reason, host, limit } = options;
  return dropUndefined({
    ...(of === undefined ? {} : parseOf(of, logins)),
    ...(submitter === undefined ? {} : { submitter: parseOne('--submitter', submitter, logins) }),
    ...(client === undefined ? {} : parseClient(client)),
    ...(options.since === undefined && options.until === undefined
      ? {}
      : parsePeriod(options, zone)),
    ...(sender === undefined ? {} : { sender: stripBrackets(sender) }),
    recipient: recipient === undefined ? undefined : stripBrackets(recipient),
    domain: domain === undefined ? undefined : lowerAscii(domain.replace(/^@/, '')),
    host: host === undefined ? undefined : lowerAscii(host),
    kinds:
      kind === undefined ? undefined : (parseWords('--kind', kind, EVENT_KINDS) as EventKind[]),
    reasons: reason === undefined ? undefined : parseReasons(reason),
    queueId: options.queueId,
    limit: limit === undefined ? undefined : parseCount('--limit', limit),
  });
}

/** Whether a block or verdict of a key is about the people that a query names. */
export function buildKeyTest(query: EventQuery): (key: Key) => boolean {
  const { submitter, clientAddress, clientNetwork, sender, recipient, domain } = query;
  const { queueId, host, kinds, reasons } = query;
  const clients = clientAddress ?? clientNetwork;
  const isOther = [queueId, host, kinds, reasons].some((one) => one !== undefined);
  // A block is of somebody, whatever kind of mail it was.
  if (isOther) return () => false;
  return ({ type, id }) =>
    (submitter === undefined || (type === submitter.type && isSame(id, submitter.id))) &&
    (clients === undefined || (type === 'client' && isWithin(id, clients))) &&
    (sender === undefined || ((type === 'sender' || type === 'user') && isSame(id, sender))) &&
    (recipient === undefined || (type === 'recipient' && isSame(id, recipient))) &&
    (domain === undefined || isInDomain(id, domain));
}

function isSame(one: string, other: string): boolean {
  return lowerAscii(one) === lowerAscii(other);
}

/** Of a submitter; of an address, whether it has handed the mail in or not. */
function parseOf(text: string, logins: LoginOptions): EventQuery {
  const one = parseOne('--of', text, logins);
  return one.type === 'client' ? { clientAddress: one.id } : { submitter: one };
}

/** Events are stored by address. Throws a PosternError (exit status 2) for a network. */
function parseOne(option: string, text: string, logins: LoginOptions): Submitter {
  const key = parseTypedIdentity(text, logins);
  if (key.type !== 'client' || !isNetwork(key.id)) return key;
  throw new PosternError(
    'usage',
    `${option} ${text}: expected one address, found a network (--client takes networks)`,
  );
}

function parseClient(text: string): EventQuery {
  const clients = canonicalClients(text);
  if (clients === undefined) {
    throw new PosternError('usage', `--client ${text}: expected an IP address or a network`);
  }
  return isNetwork(clients) ? { clientNetwork: clients } : { clientAddress: clients };
}

function parseReasons(text: string): Reason[] {
  if (text === 'invalid') return ['invalid-recipient', 'invalid-domain'];
  return parseWords('--reason', text, REASONS) as Reason[];
}
