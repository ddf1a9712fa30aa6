/** A window for `most-per-domain` and `most-per-host`. Rules without these fields do not pay for it. */
import { ownCopy } from '../model/line.ts';
import type { Bound } from './rule.ts';
import { type Entry, SumWindow, setsBack, type Window } from './window.ts';

interface Value {
  readonly time: number;
  readonly domain: string;
  readonly host: string;
}

/**
 * The number of distinct values, with no more than the bound from one domain and from one host. Of a domain or host
 * with more values, only the newest are kept. With one kind of bound the measure is exact, with both it may be too low.
 */
export class BoundedWindow implements Window {
  newest = Number.NEGATIVE_INFINITY;
  size = 0;
  readonly #limit: number;
  readonly #period: number;
  readonly #atLeast: number;
  readonly #most: { readonly domain: number; readonly host: number };
  readonly #events: SumWindow;
  /** the last of each value, oldest first */
  #values = new Map<string, Value>();
  readonly #counts = { domain: new Map<string, number>(), host: new Map<string, number>() };

  constructor(limit: number, period: number, atLeast: number, bound: Bound) {
    this.#limit = Math.max(limit, atLeast);
    this.#period = period;
    this.#atLeast = atLeast;
    this.#most = { domain: findMost(limit, bound.domain), host: findMost(limit, bound.host) };
    this.#events = new SumWindow(atLeast, period);
  }

  add(entry: Entry): number {
    const { time } = entry;
    if (time > this.newest) {
      this.newest = time;
    } else if (setsBack(this.newest, entry)) {
      for (const [value, known] of this.#values) if (known.time > time) this.#drop(value, known);
      this.newest = time;
    }
    const edge = this.newest - this.#period;
    this.#dropUntil(edge);
    if (time > edge) this.#put(entry);
    const events = this.#events.add(entry);
    this.size = this.#values.size + this.#events.size;
    return events >= this.#atLeast ? this.#values.size : 0;
  }

  takeBack(entry: Entry): void {
    const known = this.#values.get(entry.value);
    if (known?.time === entry.time) this.#drop(entry.value, known);
    this.#events.takeBack(entry);
    this.size = this.#values.size + this.#events.size;
  }

  #put({ time, value, domain = '', host = '' }: Entry): void {
    const before = this.#values.get(value);
    if (before !== undefined && before.time >= time) return;
    if (before !== undefined) this.#drop(value, before);
    this.#makeRoom('domain', domain);
    this.#makeRoom('host', host);
    const kept = { time, domain: ownCopy(domain), host: ownCopy(host) };
    const inOrder = time >= this.newest;
    this.#values.set(ownCopy(value), kept);
    this.#count('domain', kept.domain, 1);
    this.#count('host', kept.host, 1);
    if (!inOrder) this.#values = new Map([...this.#values].sort((a, b) => a[1].time - b[1].time));
    if (this.#values.size > this.#limit) this.#dropFirst(() => true);
  }

  /** Drops the oldest value of a domain or host that has reached its bound. */
  #makeRoom(kind: 'domain' | 'host', name: string): void {
    if (name === '' || (this.#counts[kind].get(name) ?? 0) < this.#most[kind]) return;
    this.#dropFirst((known) => known[kind] === name);
  }

  #dropFirst(isMeant: (known: Value) => boolean): void {
    for (const [value, known] of this.#values) {
      if (isMeant(known)) return this.#drop(value, known);
    }
  }

  #dropUntil(edge: number): void {
    for (const [value, known] of this.#values) {
      if (known.time > edge) return;
      this.#drop(value, known);
    }
  }

  #drop(value: string, { domain, host }: Value): void {
    this.#values.delete(value);
    this.#count('domain', domain, -1);
    this.#count('host', host, -1);
  }

  #count(kind: 'domain' | 'host', name: string, by: number): void {
    const count = (this.#counts[kind].get(name) ?? 0) + by;
    if (count === 0) this.#counts[kind].delete(name);
    else this.#counts[kind].set(name, count);
  }
}

/** A percentage of `limit` as a number of values; at least one. */
function findMost(limit: number, percent: number | undefined): number {
  if (percent === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((limit * percent) / 100));
}
