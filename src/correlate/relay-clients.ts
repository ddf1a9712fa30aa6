/**
 * Is this unauthenticated client one of ours? The configuration may list our networks (`trustedNetworks`). If it does
 * not, private addresses are ours, and so is a client for which the MTA relayed mail to a foreign host.
 * Is it a content filter, through which everybody's mail comes back? Any client on this machine may be one. A client
 * on another host is one if it sent back what the MTA gave it.
 */
import ipaddr from 'ipaddr.js';
import { canonicalIp, isDotted, type NetworkSet } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';
import type { ReadPart, StatePart } from './saved-map.ts';

/** ipaddr.js names of the ranges that never come from the Internet. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'linkLocal']);
/** How IPv4 addresses of those ranges begin. For most clients, this look at the first digits is enough. */
const PRIVATE_IPV4 = /^(?:10|127|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168)\./;
const PUBLIC = 'unicast';
const MAX_RELAYED = 2000;
const MAX_FILTERS = 100;
/** Longer than any address: a longer text is `invalid` and not worth remembering. */
const LONGEST = 64;
const MAX_CACHED = 10_000;

export class RelayClients {
  readonly #networks: NetworkSet | undefined;
  readonly #ranges = new Map<string, string>();
  readonly #relayed = new Set<string>();
  readonly #filters = new Set<string>();
  #relayedChanged = false;
  #filtersChanged = false;

  /** `networks` undefined: infer from the log. */
  constructor(networks?: NetworkSet) {
    this.#networks = networks;
  }

  /** Whether unauthenticated mail from this address is attributed to it. */
  isOurs(address: string): boolean {
    if (this.#networks !== undefined) return this.#networks.has(address);
    return PRIVATE_RANGES.has(this.#getRange(address)) || this.#relayed.has(address);
  }

  isLoopback(address: string): boolean {
    return this.#getRange(address) === 'loopback';
  }

  /** On this machine, or a content filter on another host. */
  isFilter(address: string): boolean {
    return this.isLoopback(address) || this.#filters.has(address);
  }

  /** In a range that never comes from the Internet; also true without an address. */
  isPrivate(address: string | undefined): boolean {
    return address === undefined || PRIVATE_RANGES.has(this.#getRange(address));
  }

  /** The address, which is one of ours, sent back mail that the MTA had given to it. */
  noteFilter(address: string): void {
    if (this.isFilter(address) || this.#filters.size >= MAX_FILTERS) return;
    this.#filters.add(ownCopy(address));
    this.#filtersChanged = true;
  }

  /** The MTA relayed for this client to a foreign host. True if that makes the client one of ours. */
  noteRelayed(address: string): boolean {
    if (this.#networks !== undefined || this.#getRange(address) === 'invalid') return false;
    if (this.#relayed.has(address)) return true;
    if (this.#relayed.size >= MAX_RELAYED) this.#forgetOldest();
    this.#relayed.add(ownCopy(address));
    this.#relayedChanged = true;
    return true;
  }

  /** The MTA refused to relay for this client. */
  noteRefused(address: string): void {
    if (this.#relayed.delete(address)) this.#relayedChanged = true;
  }

  takeChanges(): StatePart[] {
    const parts: StatePart[] = [];
    if (this.#relayedChanged) parts.push(['relayed', [...this.#relayed]]);
    if (this.#filtersChanged) parts.push(['filters', [...this.#filters]]);
    this.#relayedChanged = false;
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

  #getRange(address: string): string {
    if (isDotted(address)) {
      return PRIVATE_IPV4.test(address) ? ipaddr.parse(address).range() : PUBLIC;
    }
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
