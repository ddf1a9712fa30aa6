/** Whom an event is counted for, which value it brings, and whom a rule leaves alone. No state but small caches. */
import { createHash } from 'node:crypto';
import { canonicalIp, getDomain, getNetwork, isDotted, networkSet } from '../model/address.ts';
import type { Key, KeyType } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { Distinct, Exceptions, Per } from './rule.ts';

/** The key's type: that of the rule, or for `submitter` that of this event's submitter. */
export function getKeyType(per: Per, event: MailEvent): KeyType | undefined {
  return per === 'submitter' ? event.submitter?.type : per;
}

/** Longer than any address (RFC 5321 4.5.3.1) or login: no target could name it, and memory is finite. */
const MAX_ID = 320;

/** The key's ID for a type from `keyTypeOf`; undefined when the event does not tell, or tells nonsense. */
export function getKeyId(type: KeyType, event: MailEvent): string | undefined {
  if (type !== 'user' && type !== 'client') return boundedId(type, event);
  // Several rules ask for the same: worked out once, also because V8 keeps the hash of a string with it (-0.4 us an event).
  if (asked !== event) {
    asked = event;
    user = UNKNOWN;
    client = UNKNOWN;
  }
  if (type === 'user') {
    if (user === UNKNOWN) user = shared(boundedId(type, event));
    return user;
  }
  if (client === UNKNOWN) client = shared(boundedId(type, event));
  return client;
}

/**
 * The one copy of an ID that all tables have, with memory of its own: looking it up in the next table compares two
 * pointers, not two texts that lie in different places (some 4 % of a replay).
 */
export function shared(id: string): string;
export function shared(id: string | undefined): string | undefined;
export function shared(id: string | undefined): string | undefined {
  return id === undefined ? undefined : IDS.of(id);
}

/** What no event can have as an ID: it is too long. */
const UNKNOWN = '?'.repeat(MAX_ID + 1);
let asked: MailEvent | undefined;
let user: string | undefined = UNKNOWN;
let client: string | undefined = UNKNOWN;

function boundedId(type: KeyType, event: MailEvent): string | undefined {
  const id = getId(type, event);
  return id === undefined || id.length > MAX_ID ? undefined : id;
}

function getId(type: KeyType, event: MailEvent): string | undefined {
  switch (type) {
    case 'user':
      return event.submitter?.type === 'user' ? event.submitter.id.toLowerCase() : undefined;
    case 'uid':
      return event.submitter?.type === 'uid' ? event.submitter.id : undefined;
    case 'client':
      return getAddress(event);
    case 'client-net': {
      const address = getAddress(event);
      return address === undefined ? undefined : NETWORKS.of(address);
    }
    case 'sender':
      return event.sender === '' ? undefined : event.sender?.toLowerCase();
    case 'sender-domain':
      return getDomain(event.sender ?? '') || undefined;
    case 'host':
      // Exim's own log names no host.
      return event.host ?? 'localhost';
  }
}

/** The form in which events name the key: users, senders and domains in lower case, addresses canonical. */
export function canonicalKey({ type, id }: Key): Key {
  if (type === 'client') return { type, id: canonicalIp(id) ?? id };
  return type === 'uid' || type === 'host' ? { type, id } : { type, id: id.toLowerCase() };
}

/** What a distinct rule tells apart; undefined: the event has none and does not count. */
export function getDistinctValue(distinct: Distinct, event: MailEvent): string | undefined {
  if (distinct === 'client') return getAddress(event);
  if (distinct === 'client-net') return getKeyId('client-net', event);
  const recipient = event.originalRecipient ?? event.recipient;
  if (recipient === undefined || recipient === '') return undefined;
  // RFC 5321 2.4: the local part may tell upper from lower case, the domain never does.
  const at = recipient.lastIndexOf('@');
  const value = at < 0 ? recipient : recipient.slice(0, at) + recipient.slice(at).toLowerCase();
  // Over-long ones still differ from each other, at a fixed price.
  return value.length <= MAX_ID ? value : createHash('sha256').update(value).digest('hex');
}

/** The client's address in canonical form; undefined when the MTA did not know it (`unknown`). */
function getAddress(event: MailEvent): string | undefined {
  const { submitter, client } = event;
  const address = submitter?.type === 'client' ? submitter.id : client?.address;
  if (address === undefined || isDotted(address)) return address;
  return ADDRESSES.of(address);
}

/** Remembers answers; bounded, since a log may hold any number of addresses and logins. */
class Cache {
  #answers = new Map<string, string | undefined>();
  readonly #look: (text: string) => string | undefined;

  constructor(look: (text: string) => string | undefined) {
    this.#look = look;
  }

  of(text: string): string | undefined {
    const known = this.#answers.get(text);
    if (known !== undefined || this.#answers.has(text)) return known;
    const answer = this.#look(text);
    if (this.#answers.size >= 10_000) this.#answers.clear();
    this.#answers.set(ownCopy(text), answer === undefined ? undefined : ownCopy(answer));
    return answer;
  }
}

const ADDRESSES = new Cache((text) => (text.length > 45 ? undefined : canonicalIp(text)));
const NETWORKS = new Cache(getNetwork);
const IDS = new Cache((id) => id);

/** A test whether a rule leaves this event alone; undefined when there are no exceptions. */
export function exceptionTest(except: Exceptions): ((event: MailEvent) => boolean) | undefined {
  const users = new Set(except.users);
  const addresses = new Set(except.addresses);
  const domains = new Set(except.domains);
  const networks = networkSet(except.networks);
  if (users.size + addresses.size + domains.size + networks.size === 0) return undefined;
  return (event) => {
    const login = getKeyId('user', event);
    if (login !== undefined && (users.has(login) || inDomains(domains, login))) return true;
    const sender = event.sender?.toLowerCase() ?? '';
    if (addresses.has(sender) || inDomains(domains, sender)) return true;
    const address = getAddress(event);
    return address !== undefined && networks.has(address);
  };
}

/** Whether the address lies in one of the domains or below it. */
function inDomains(domains: ReadonlySet<string>, address: string): boolean {
  if (domains.size === 0) return false;
  let domain = address.length > MAX_ID ? '' : getDomain(address);
  while (domain !== '') {
    if (domains.has(domain)) return true;
    const dot = domain.indexOf('.');
    domain = dot < 0 ? '' : domain.slice(dot + 1);
  }
  return false;
}
