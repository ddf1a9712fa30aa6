/**
 * Windows that are slower to find fault: one that asks for a share of all outcomes beside the limit, one that bounds
 * what one domain or one host may contribute. Rules without these fields do not pay for them.
 */
import { ownCopy } from '../../model/line.ts';
import { Amounts } from '../amounts.ts';
import type { Bound } from '../rule.ts';
import { type Entry, SHARE_TIMES, SKEW, SumWindow, type Window } from '../window.ts';

/**
 * Another window whose limit counts only while the counted events are at least a share of all outcomes, which are
 * these and the deliveries. An event with amount 0 is a delivery. Deliveries before the first counted event in the
 * window are not looked at: whoever is never refused needs no memory.
 *
 * The measure is the inner one, or below the share as much less of it as the share is too small: never the limit.
 */
export class GatedWindow implements Window {
  size = 0;
  readonly #inner: Window;
  readonly #limit: number;
  readonly #period: number;
  readonly #share: number;
  readonly #counted = new Amounts();
  readonly #whole = new Amounts();
  #newest = Number.NEGATIVE_INFINITY;

  /** `share` from 0 to 1 */
  constructor(inner: Window, limit: number, period: number, share: number) {
    this.#inner = inner;
    this.#limit = limit;
    this.#period = period;
    this.#share = share;
  }

  /** Of the counted events: a window without one holds nothing worth keeping. */
  get newest(): number {
    return this.#inner.newest;
  }

  add(entry: Entry): number {
    const edge = this.#goTo(entry);
    const isCounted = entry.amount > 0;
    if (isCounted) this.#put(this.#counted, entry.time, entry.amount, edge);
    if (this.#counted.size > 0) this.#put(this.#whole, entry.time, entry.amount || 1, edge);
    const measure = isCounted ? this.#inner.add(entry) : 0;
    this.size = this.#inner.size + this.#counted.size + this.#whole.size;
    const share = this.#counted.sum / Math.max(this.#whole.sum, 1);
    if (share >= this.#share) return measure;
    return Math.floor((Math.min(measure, this.#limit) * share) / this.#share);
  }

  takeBack(entry: Entry): void {
    this.#inner.takeBack(entry);
    this.#counted.remove(entry.time, entry.amount);
    this.#whole.remove(entry.time, entry.amount);
    this.size = this.#inner.size + this.#counted.size + this.#whole.size;
  }

  /** Moves the window to where this event belongs; gives the time up to which nothing counts. */
  #goTo({ time, late }: Entry): number {
    if (time > this.#newest) {
      this.#newest = time;
    } else if (time < this.#newest - SKEW && !late) {
      this.#counted.dropAfter(time);
      this.#whole.dropAfter(time);
      this.#newest = time;
    }
    const edge = this.#newest - this.#period;
    this.#counted.dropUntil(edge);
    this.#whole.dropUntil(this.#counted.size === 0 ? Number.POSITIVE_INFINITY : edge);
    return edge;
  }

  #put(amounts: Amounts, time: number, amount: number, edge: number): void {
    if (time <= edge) return;
    amounts.add(time, amount);
    if (amounts.size > SHARE_TIMES) amounts.halve();
  }
}

interface Value {
  readonly time: number;
  readonly domain: string;
  readonly host: string;
}

/**
 * Number of distinct values of which one domain and one host have no more than their bound. Of a domain or a host
 * that has more, the newest stand for all; so with one kind of bound the measure is exact, with both it may be lower.
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
    const { time, late } = entry;
    if (time > this.newest) {
      this.newest = time;
    } else if (time < this.newest - SKEW && !late) {
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

  /** Drops the oldest of a domain or host that has all it may have. */
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

/** How many of `limit` a percentage is; at least one. */
function findMost(limit: number, percent: number | undefined): number {
  if (percent === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((limit * percent) / 100));
}
