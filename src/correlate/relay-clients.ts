/**
 * Is this unauthenticated client one of ours? The configuration or the MTA itself may list our networks. If neither
 * does, private addresses are ours, and so is a client that the log proves to be a relay client (relay-evidence.ts).
 * Loopback is ours in any case.
 * Is it a content filter, through which everybody's mail comes back? Any client on this machine may be one. A client
 * on another host is one if it sent back what the MTA gave it.
 */
import ipaddr from 'ipaddr.js';
import { canonicalIp, isDotted, type NetworkSet } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';
import { RelayEvidence } from './relay-evidence.ts';
import type { ReadPart, StatePart } from './saved-map.ts';

/** ipaddr.js names of the ranges that never come from the Internet. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'linkLocal']);
/** How IPv4 addresses of those ranges begin. For most clients, this look at the first digits is enough. */
const PRIVATE_IPV4 = /^(?:10|127|169\.254|172\.(?:1[6-9]|2[0-9]|3[01])|192\.168)\./;
const PUBLIC = 'unicast';
const DIGIT_0 = 0x30;
const DIGIT_1 = 0x31;
const COLON = 0x3a;
const UPPER_F = 0x46;
const LOWER_F = 0x66;
const MAX_FILTERS = 100;
/** Longer than any address: a longer text is `invalid` and not worth remembering. */
const LONGEST = 64;
const MAX_CACHED = 10_000;

export class RelayClients {
  readonly #networks: NetworkSet | undefined;
  readonly #ranges = new Map<string, string>();
  readonly #evidence = new RelayEvidence();
  readonly #filters = new Set<string>();
  #filtersChanged = false;

  /** whether the log decides about addresses that are not in the networks */
  readonly infers: boolean;

  /** `networks` undefined: infer from the log. `partial`: there are more networks than these. */
  constructor(networks?: NetworkSet, partial = false) {
    this.#networks = networks;
    this.infers = networks === undefined || partial;
  }

  /** Whether unauthenticated mail from this address is attributed to it. */
  isOurs(address: string): boolean {
    if (this.isTrusted(address)) return true;
    if (!this.infers) return this.isLoopback(address);
    return this.isPrivate(address) || this.#evidence.isProven(address);
  }

  /** In the networks that the configuration or the MTA lists. */
  isTrusted(address: string): boolean {
    return this.#networks?.has(address) === true;
  }

  isLoopback(address: string): boolean {
    return mayBePrivate(address) && this.#getRange(address) === 'loopback';
  }

  /** On this machine, or a content filter on another host. */
  isFilter(address: string): boolean {
    return this.isLoopback(address) || this.#filters.has(address);
  }

  /** In a range that never comes from the Internet; also true without an address. */
  isPrivate(address: string | undefined): boolean {
    if (address === undefined) return true;
    return mayBePrivate(address) && PRIVATE_RANGES.has(this.#getRange(address));
  }

  /** The address, which is one of ours, sent back mail that the MTA had given to it. */
  noteFilter(address: string): void {
    if (this.isFilter(address) || this.#filters.size >= MAX_FILTERS) return;
    this.#filters.add(ownCopy(address));
    this.#filtersChanged = true;
  }

  /** Mail of this client for `domain` was passed on to the foreign host `host`. True if that makes the client ours. */
  noteRelayed(address: string, domain: string, host: string): boolean {
    if (this.#getRange(address) === 'invalid') return false;
    return this.#evidence.note(address, domain, host);
  }

  /** The MTA refused to relay for this client. */
  noteRefused(address: string): void {
    this.#evidence.forget(address);
  }

  /** The MTA takes mail for this domain from anybody. */
  noteOwnDomain(domain: string): void {
    this.#evidence.noteOwnDomain(domain);
  }

  /** A quick look: whether the recipient is known to be in an own domain. False says nothing. */
  isInKnownDomain(recipient: string): boolean {
    return this.#evidence.isInKnownDomain(recipient);
  }

  isOwnDomain(domain: string): boolean {
    return this.#evidence.isOwnDomain(domain);
  }

  takeChanges(): StatePart[] {
    const parts = this.#evidence.takeChanges();
    if (this.#filtersChanged) parts.push(['filters', [...this.#filters]]);
    this.#filtersChanged = false;
    return parts;
  }

  load(read: ReadPart): void {
    // Before 1.1 one mail was proof enough: what was saved then (`relayed`) is not read.
    this.#evidence.load(
      (read('relaying') ?? []) as readonly [string, [string, string][]][],
      (read('own domains') ?? []) as readonly string[],
    );
    for (const address of (read('filters') ?? []) as readonly string[]) this.#filters.add(address);
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

/** Whether the address begins as those of the private ranges do (10.0.0.1, fd00::1, ::1, 0:0::1): most do not. */
function mayBePrivate(address: string): boolean {
  const first = address.charCodeAt(0);
  return (
    first === DIGIT_0 ||
    first === DIGIT_1 ||
    first === COLON ||
    first === LOWER_F ||
    first === UPPER_F
  );
}
