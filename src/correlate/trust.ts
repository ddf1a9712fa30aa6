/**
 * Is this unauthenticated client one of ours? Told by the configuration (`trustedNetworks`); without it inferred:
 * private addresses are ours, and so is a client for whom the MTA relayed mail to a foreign host.
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
/** Longer than any address: what is longer is `invalid` and not worth remembering. */
const LONGEST = 64;
const MAX_CACHED = 10_000;

export class Trust {
  readonly #networks: NetworkSet | undefined;
  readonly #ranges = new Map<string, string>();
  readonly #relayed = new Set<string>();
  #changed = false;

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
    if (!this.#changed) return [];
    this.#changed = false;
    return [['relayed', [...this.#relayed]]];
  }

  load(read: ReadPart): void {
    for (const address of (read('relayed') ?? []) as readonly string[]) this.#relayed.add(address);
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
