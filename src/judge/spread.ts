/** The bounds of `most-per-domain` and `most-per-host`. Rules without these fields do not pay for it. */
import type { Value } from './facts.ts';

interface Origin {
  readonly domain: string;
  readonly host: string;
}

/**
 * The number of different values, of which one domain and one host may contribute no more than a part of the limit.
 * With one kind of bound it is exact. With both it may be too low.
 */
export class Spread {
  readonly #limit: number;
  readonly #domains: Capped;
  readonly #hosts: Capped;
  /** oldest first */
  readonly #origins = new Map<Value, Origin>();

  /** Percentages of `limit`; undefined: no bound. */
  constructor(limit: number, perDomain: number | undefined, perHost: number | undefined) {
    this.#limit = limit;
    this.#domains = new Capped(findMost(limit, perDomain));
    this.#hosts = new Capped(findMost(limit, perHost));
  }

  /** Adds a value that is not there. A host without a name has no bound. */
  add(value: Value, domain: string, host: string): void {
    this.#origins.set(value, { domain, host });
    this.#domains.add(domain);
    this.#hosts.add(host);
  }

  remove(value: Value): void {
    const origin = this.#origins.get(value);
    if (origin === undefined) return;
    this.#origins.delete(value);
    this.#domains.remove(origin.domain);
    this.#hosts.remove(origin.host);
  }

  clear(): void {
    this.#origins.clear();
    this.#domains.clear();
    this.#hosts.clear();
  }

  /** The number of values that count. */
  count(): number {
    const most = Math.min(this.#domains.sum, this.#hosts.sum);
    const hasBoth = this.#domains.isBounded && this.#hosts.isBounded;
    return hasBoth && most >= this.#limit ? this.#countBoth() : most;
  }

  /** Takes the newest values first, as long as both their domain and their host have room. */
  #countBoth(): number {
    const domains = new Capped(this.#domains.most);
    const hosts = new Capped(this.#hosts.most);
    let count = 0;
    for (const { domain, host } of [...this.#origins.values()].reverse()) {
      if (!domains.hasRoom(domain) || !hosts.hasRoom(host)) continue;
      domains.add(domain);
      hosts.add(host);
      count++;
    }
    return count;
  }
}

/** Counts by name, and their sum when none counts for more than a bound. */
class Capped {
  readonly most: number;
  sum = 0;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.most = most;
  }

  get isBounded(): boolean {
    return this.most !== Number.POSITIVE_INFINITY;
  }

  hasRoom(name: string): boolean {
    return name === '' || (this.#counts.get(name) ?? 0) < this.most;
  }

  add(name: string): void {
    if (this.hasRoom(name)) this.sum++;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  remove(name: string): void {
    const left = (this.#counts.get(name) ?? 0) - 1;
    if (left > 0) this.#counts.set(name, left);
    else this.#counts.delete(name);
    if (name === '' || left < this.most) this.sum--;
  }

  clear(): void {
    this.#counts.clear();
    this.sum = 0;
  }
}

/** A percentage of `limit` as a number of values; at least one. */
function findMost(limit: number, percent: number | undefined): number {
  if (percent === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((limit * percent) / 100));
}
