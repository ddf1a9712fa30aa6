/** The key that an event is counted for, and the recipient that a distinct rule compares. No state but small caches. */
import { createHash } from 'node:crypto';
import { canonicalIp, getDomain, getNetwork } from '../model/address.ts';
import type { Key, KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import type { CountedEvent } from './counted-event.ts';
import type { Per } from './rule.ts';

/** The type of the key: that of the rule or, for `submitter`, the type of the event's submitter. */
export function getKeyType(per: Per, event: CountedEvent): KeyType | undefined {
  return per === 'submitter' ? event.submitter?.type : per;
}

/** Longer than any address (RFC 5321 4.5.3.1) or login: no target could name it, and memory is finite. */
export const MAX_ID = 320;

/** The ID of a key of this type; undefined when the event has none, or one that is too long. */
export function getKeyId(type: KeyType, event: CountedEvent): string | undefined {
  const id = getId(type, event);
  return id === undefined || id.length > MAX_ID ? undefined : id;
}

function getId(type: KeyType, event: CountedEvent): string | undefined {
  switch (type) {
    case 'user':
      return event.submitter?.type === 'user' ? event.submitter.id.toLowerCase() : undefined;
    case 'uid':
      return event.submitter?.type === 'uid' ? event.submitter.id : undefined;
    case 'client':
      return getClientAddress(event);
    case 'client-net': {
      const address = getClientAddress(event);
      return address === undefined ? undefined : NETWORKS.get(address);
    }
    case 'sender':
      return event.sender === '' ? undefined : event.sender?.toLowerCase();
    case 'sender-domain':
      return getDomain(event.sender ?? '') || undefined;
    case 'recipient':
      return (event.originalRecipient ?? event.recipient)?.toLowerCase();
    case 'host':
      // Exim's own log does not name the host.
      return event.host ?? 'localhost';
  }
}

/** The key as events name it: users, senders and domains in lower case, addresses in canonical form. */
export function canonicalKey({ type, id }: Key): Key {
  if (type === 'client') return { type, id: canonicalIp(id) ?? id };
  return type === 'uid' || type === 'host' ? { type, id } : { type, id: id.toLowerCase() };
}

/** The recipient that a distinct rule compares; undefined when the event has none and does not count. */
export function getRecipientValue(event: CountedEvent): string | undefined {
  const recipient = event.originalRecipient ?? event.recipient;
  if (recipient === undefined || recipient === '') return undefined;
  // RFC 5321 2.4: the local part may be case-sensitive, the domain never is.
  const at = recipient.lastIndexOf('@');
  const value = at < 0 ? recipient : getMailbox(recipient, at) + recipient.slice(at).toLowerCase();
  // Long values still differ from each other, but take no more memory than others.
  return value.length <= MAX_ID ? value : createHash('sha256').update(value).digest('hex');
}

/** The local part without an extension (RFC 5233): `bob+shop@example.net` is one person with `bob@example.net`. */
function getMailbox(recipient: string, at: number): string {
  const plus = recipient.indexOf('+');
  return recipient.slice(0, plus > 0 && plus < at ? plus : at);
}

/** The client's address in canonical form; undefined when the MTA did not know it (`unknown`). */
export function getClientAddress(event: CountedEvent): string | undefined {
  const address = getLoggedAddress(event);
  return address === undefined || address.length > MAX_ADDRESS ? undefined : canonicalIp(address);
}

/** The client's address as the log has it. */
export function getLoggedAddress({ submitter, client }: CountedEvent): string | undefined {
  return submitter?.type === 'client' ? submitter.id : client?.address;
}

/** Characters of the longest IPv6 address, one with an IPv4 address at its end. */
const MAX_ADDRESS = 45;

/** One copy of a text that many events share, with its own memory. */
export function internId(id: string): string {
  return IDS.get(id);
}

/** Remembers answers. Bounded, since a log may hold any number of addresses and domains. */
class Cache {
  #answers = new Map<string, string>();
  readonly #compute: (text: string) => string;

  constructor(compute: (text: string) => string) {
    this.#compute = compute;
  }

  get(text: string): string {
    const known = this.#answers.get(text);
    if (known !== undefined) return known;
    const answer = ownCopy(this.#compute(text));
    if (this.#answers.size >= 10_000) this.#answers.clear();
    this.#answers.set(ownCopy(text), answer);
    return answer;
  }
}

const NETWORKS = new Cache(getNetwork);
const IDS = new Cache((id) => id);
