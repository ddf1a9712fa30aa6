/**
 * Is this unauthenticated client one of ours? Told by the configuration (`trustedNetworks`); without it inferred:
 * private addresses are ours, and so is a client for whom the MTA relayed mail to a foreign host.
 * And is it a content filter, through which everybody's mail comes back? Those on this machine are; one on another
 * address when it has handed back what the MTA gave it.
 */
import ipaddr from 'ipaddr.js';
import { canonicalIp, isDotted, type NetworkSet } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';
import type { ReadPart, StatePart } from './ledger.ts';

/** ipaddr.js range names that never come from the Internet. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'linkLocal']);
/** How the addresses of those ranges begin: most clients are told apart from them by their first digits. */
const NEAR_IPV4 = /^(?:10|127|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168)\./;
const PUBLIC = 'unicast';
const MAX_RELAYED = 2000;
const MAX_FILTERS = 100;
/** Longer than any address: what is longer is `invalid` and not worth remembering. */
const LONGEST = 64;
const MAX_CACHED = 10_000;

export class RelayClients {
  readonly #networks: NetworkSet | undefined;
  readonly #ranges = new Map<string, string>();
  readonly #relayed = new Set<string>();
  readonly #filters = new Set<string>();
  #changed = false;
  #filtersChanged = false;

  /** `networks` undefined: infer from the log. */
  constructor(networks?: NetworkSet) {
    this.#networks = networks;
  }

  /** Whether mail of this address, unauthenticated, is charged to it. */
  isOurs(address: string): boolean {
    if (this.#networks !== undefined) return this.#networks.has(address);
    return PRIVATE_RANGES.has(this.rangeOf(address)) || this.#relayed.has(address);
  }

  isLoopback(address: string): boolean {
    return this.rangeOf(address) === 'loopback';
  }

  /** On this machine, or a content filter beside it. */
  isFilter(address: string): boolean {
    return this.isLoopback(address) || this.#filters.has(address);
  }

  /** The address has handed mail back that the MTA had given to it; the caller knows that it is one of ours. */
  sawFilter(address: string): void {
    if (this.isFilter(address) || this.#filters.size >= MAX_FILTERS) return;
    this.#filters.add(ownCopy(address));
    this.#filtersChanged = true;
  }

  /** Anything but a public unicast address, a name without address included. */
  isNear(address: string | undefined): boolean {
    return address === undefined || PRIVATE_RANGES.has(this.rangeOf(address));
  }

  /** The MTA relayed for this client to a foreign host: true when that makes it ours. */
  sawRelayed(address: string): boolean {
    if (this.#networks !== undefined || this.rangeOf(address) === 'invalid') return false;
    if (this.#relayed.has(address)) return true;
    if (this.#relayed.size >= MAX_RELAYED) this.#forgetOldest();
    this.#relayed.add(ownCopy(address));
    this.#changed = true;
    return true;
  }

  /** The MTA refused to relay for this client. */
  sawRefused(address: string): void {
    if (this.#relayed.delete(address)) this.#changed = true;
  }

  takeChanges(): StatePart[] {
    const parts: StatePart[] = [];
    if (this.#changed) parts.push(['relayed', [...this.#relayed]]);
    if (this.#filtersChanged) parts.push(['filters', [...this.#filters]]);
    this.#changed = false;
    this.#filtersChanged = false;
    return parts;
  }

  load(read: ReadPart): void {
    for (const address of (read('relayed') ?? []) as readonly string[]) this.#relayed.add(address);
    for (const address of (read('filters') ?? []) as readonly string[]) this.#filters.add(address);
  }

  #forgetOldest(): void {
    for (const address of this.#relayed) {
      if (this.#relayed.size <= MAX_RELAYED / 2) return;
      this.#relayed.delete(address);
    }
  }

  private rangeOf(address: string): string {
    if (isDotted(address)) return NEAR_IPV4.test(address) ? ipaddr.parse(address).range() : PUBLIC;
    let range = this.#ranges.get(address);
    if (range === undefined) {
      range = canonicalIp(address) === undefined ? 'invalid' : ipaddr.process(address).range();
      if (address.length > LONGEST) return range;
      if (this.#ranges.size >= MAX_CACHED) this.#ranges.clear();
      this.#ranges.set(ownCopy(address), range);
    }
    return range;
  }
}
