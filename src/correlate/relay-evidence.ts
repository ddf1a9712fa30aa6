/**
 * What the log proves about unauthenticated clients with public addresses: may they relay? The MTA passes their mail
 * on to other hosts in two cases: it relays for them, or it is a gateway for the recipient's domain, for which anybody
 * may leave mail. They differ in the domains. A gateway passes a few domains on, to a few hosts, for everybody; a relay
 * client sends to many domains, which are served by many hosts. So a client is proven only by several domains at as many
 * hosts, and a domain that several unproven clients send to proves nothing.
 * Bounded; the doubt goes towards "not ours".
 */
import { ownCopy } from '../model/line.ts';
import type { StatePart } from './saved-map.ts';

/** Different hosts that must have been given mail of a client. */
const MOST_NEEDED = 4;
/** Domains kept for a client; enough of them, so that it stays proven when one turns out to be ours. */
const MOST_DOMAINS = 12;
/** A domain that more clients than this send to, without being proven, is one that we relay for. */
const MOST_STRANGERS = 3;
const MAX_CLIENTS = 500;
const MAX_OWN_DOMAINS = 1000;
/** Longer than any domain name. */
const LONGEST = 255;
/** A power of two, and several times the domains, so that few of them have a place in common. */
const PLACES = 4096;
/** Longer domains are told by their end. */
const LONGEST_TOLD = 24;
const AT_SIGN = 0x40;

/** By domain: what identifies the hosts that serve it. */
type Evidence = Map<string, string>;

export class RelayEvidence {
  readonly #clients = new Map<string, Evidence>();
  /** of these clients, those that are proven */
  readonly #proven = new Set<string>();
  /** by domain: the same with `@` in front, so that it need not be put together for each recipient */
  readonly #ownDomains = new Map<string, string>();
  /** some of these texts, each at the place of its recipients: see `isInKnownDomain` */
  readonly #lately: (string | undefined)[] = new Array(PLACES).fill(undefined);
  #clientsChanged = false;
  #domainsChanged = false;

  isProven(address: string): boolean {
    return this.#proven.size > 0 && this.#proven.has(address);
  }

  isOwnDomain(domain: string): boolean {
    return this.#ownDomains.has(domain);
  }

  /**
   * Whether the recipient is in an own domain, as far as a quick look shows: true for most of a server's recipients. To
   * cut the domain out of the address and look it up takes six times as long.
   */
  isInKnownDomain(recipient: string): boolean {
    const ending = this.#lately[findPlace(recipient)];
    return ending !== undefined && recipient.endsWith(ending);
  }

  /** Mail of the client for this domain was passed on to `host`. True if the client is proven. */
  note(address: string, domain: string, host: string): boolean {
    if (domain === '' || domain.length > LONGEST || this.isOwnDomain(domain)) {
      return this.isProven(address);
    }
    const evidence = this.#findClient(address);
    if (evidence.has(domain) || evidence.size >= MOST_DOMAINS) return this.isProven(address);
    evidence.set(ownCopy(domain), ownCopy(host));
    this.#clientsChanged = true;
    if (this.#countStrangers(domain) > MOST_STRANGERS) this.noteOwnDomain(domain);
    this.#judge(address, evidence);
    return this.isProven(address);
  }

  /** The MTA takes mail for this domain from anybody. */
  noteOwnDomain(domain: string): void {
    if (domain === '' || domain.length > LONGEST) return;
    const known = this.#ownDomains.get(domain);
    if (known === undefined && this.#ownDomains.size >= MAX_OWN_DOMAINS) return;
    const ending = known ?? ownCopy(`@${domain}`);
    this.#lately[findPlace(ending)] = ending;
    if (known !== undefined) return;
    this.#ownDomains.set(ownCopy(domain), ending);
    this.#domainsChanged = true;
    for (const [address, evidence] of this.#clients) {
      if (evidence.delete(domain)) this.#judge(address, evidence);
    }
  }

  /** The MTA refused to relay for this client. */
  forget(address: string): void {
    if (!this.#clients.delete(address)) return;
    this.#proven.delete(address);
    this.#clientsChanged = true;
  }

  takeChanges(): StatePart[] {
    const parts: StatePart[] = [];
    if (this.#clientsChanged) {
      parts.push(['relaying', [...this.#clients].map(([address, known]) => [address, [...known]])]);
    }
    if (this.#domainsChanged) parts.push(['own domains', [...this.#ownDomains.keys()]]);
    this.#clientsChanged = false;
    this.#domainsChanged = false;
    return parts;
  }

  /** Takes what `takeChanges` gave to an earlier process. */
  load(
    clients: readonly [string, readonly [string, string][]][],
    domains: readonly string[],
  ): void {
    for (const domain of domains) this.#ownDomains.set(domain, `@${domain}`);
    for (const [address, known] of clients) {
      const evidence = new Map(known);
      this.#clients.set(address, evidence);
      this.#judge(address, evidence);
    }
  }

  #judge(address: string, evidence: Evidence): void {
    if (new Set(evidence.values()).size >= MOST_NEEDED) this.#proven.add(address);
    else this.#proven.delete(address);
  }

  #findClient(address: string): Evidence {
    let evidence = this.#clients.get(address);
    if (evidence !== undefined) return evidence;
    if (this.#clients.size >= MAX_CLIENTS) this.#forgetOldest();
    evidence = new Map();
    this.#clients.set(ownCopy(address), evidence);
    return evidence;
  }

  /** Clients that send to the domain and are not proven. */
  #countStrangers(domain: string): number {
    let count = 0;
    for (const [address, evidence] of this.#clients) {
      if (evidence.has(domain) && !this.#proven.has(address)) count++;
    }
    return count;
  }

  /** Those that are not proven first. */
  #forgetOldest(): void {
    for (const address of this.#clients.keys()) {
      if (this.#clients.size <= MAX_CLIENTS / 2) return;
      if (!this.#proven.has(address)) this.#clients.delete(address);
    }
    for (const address of this.#clients.keys()) {
      if (this.#clients.size <= MAX_CLIENTS / 2) return;
      this.forget(address);
    }
  }
}

/** The place of a recipient's domain, which begins behind the last `@`. */
function findPlace(recipient: string): number {
  const { length } = recipient;
  let hash = 0;
  for (let at = length - 1; at >= 0 && at >= length - LONGEST_TOLD; at--) {
    const code = recipient.charCodeAt(at);
    if (code === AT_SIGN) break;
    hash = (hash * 31 + code) | 0;
  }
  return hash & (PLACES - 1);
}
