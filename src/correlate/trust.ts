/**
 * Is this unauthenticated client one of ours? Told by the configuration (`trustedNetworks`); without it inferred:
 * private addresses are ours, and so is a client for whom the MTA relayed mail to a foreign host.
 */
import ipaddr from 'ipaddr.js';
import { canonicalIp, type NetworkSet } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';

/** ipaddr.js range names that never come from the Internet. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'linkLocal']);
const MAX_RELAYED = 10_000;
const MAX_CACHED = 10_000;

export class Trust {
  readonly #networks: NetworkSet | undefined;
  readonly #ranges = new Map<string, string>();
  #relayed = new Set<string>();

  /** `networks` undefined: infer from the log. */
  constructor(networks?: NetworkSet) {
    this.#networks = networks;
  }

  /** Whether mail of this address, unauthenticated, is charged to it. */
  isOurs(address: string): boolean {
    if (this.#networks !== undefined) return this.#networks.has(address);
    return this.#relayed.has(address) || PRIVATE_RANGES.has(this.rangeOf(address));
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
    if (this.#relayed.size >= MAX_RELAYED) this.#relayed.clear();
    this.#relayed.add(ownCopy(address));
    return true;
  }

  /** The MTA refused to relay for this client. */
  sawRefused(address: string): void {
    this.#relayed.delete(address);
  }

  save(): unknown {
    return [...this.#relayed];
  }

  load(state: readonly string[]): void {
    this.#relayed = new Set(state);
  }

  private rangeOf(address: string): string {
    let range = this.#ranges.get(address);
    if (range === undefined) {
      range = canonicalIp(address) === undefined ? 'invalid' : ipaddr.process(address).range();
      if (this.#ranges.size >= MAX_CACHED) this.#ranges.clear();
      this.#ranges.set(ownCopy(address), range);
    }
    return range;
  }
}
