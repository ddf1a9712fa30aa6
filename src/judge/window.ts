/**
 * The window of one limit over a timeline: what lies in (newest - PERIOD, newest], as the index of its first entry and
 * sums that are kept up to date as entries come and go.
 */
import type { Excess } from './excess.ts';
import { domainOf, type Value } from './facts.ts';
import type { Limit } from './rule.ts';
import type { Shape } from './shape.ts';
import { Spread } from './spread.ts';

/** What a window reads of the entries of a timeline, by their index: what each is to one rule. */
export interface Source {
  readonly length: number;
  countedAt(at: number): number;
  wholeAt(at: number): number;
  /** what a distinct rule compares */
  valueAt(at: number): Value;
  placeAt(at: number): string;
  hostAt(at: number): string;
}

/** What became of the recipients of one place. */
export interface PlaceCounts {
  counted: number;
  whole: number;
}

/** Up to so many entries, values are compared with each other: a Map takes 300 bytes. */
const FEW = 12;

export class Window {
  /** ms */
  readonly period: number;
  /** index of the first entry in the window */
  head = 0;
  /** sums over the entries in the window */
  counted = 0;
  whole = 0;
  /** the largest measure that met none of the limits, without a verdict, and its time (ms) */
  highest = 0;
  highestTime = 0;
  /** what is known of limits that were met, or nearly; most keys never meet one */
  excess: Excess | undefined = undefined;
  /** how often each value occurs; only made for windows with many entries, since most keys have one or two */
  #values: Map<Value, number> | undefined;
  readonly #spread: Spread | undefined;
  #places: Map<string, PlaceCounts> | undefined;

  constructor(shape: Shape, limit: Limit) {
    this.period = limit.period;
    const { mostPerDomain, mostPerHost } = shape;
    const isBounded = mostPerDomain !== undefined || mostPerHost !== undefined;
    if (isBounded) this.#values = new Map();
    this.#spread = isBounded ? new Spread(limit.limit, mostPerDomain, mostPerHost) : undefined;
  }

  /** Adds the entry at this index to the sums. */
  enter(source: Source, at: number): void {
    this.add(source, at, source.countedAt(at), source.wholeAt(at));
  }

  /** The same, where it is known what the entry adds. */
  add(source: Source, at: number, counted: number, whole: number): void {
    this.counted += counted;
    this.whole += whole;
    if (this.#values !== undefined && counted > 0) this.#addValue(source, at);
    if (this.#places !== undefined) this.#countPlace(source, at, 1);
  }

  /** Takes the entry at this index out of the sums. */
  leave(source: Source, at: number): void {
    const counted = source.countedAt(at);
    this.counted -= counted;
    this.whole -= source.wholeAt(at);
    if (this.#values !== undefined && counted > 0) this.#removeValue(source, at);
    if (this.#places !== undefined) this.#countPlace(source, at, -1);
  }

  /** The sums anew, from all entries from `head` on. */
  recompute(source: Source, head: number): void {
    this.head = head;
    this.counted = 0;
    this.whole = 0;
    this.#spread?.clear();
    this.#values = this.#spread === undefined ? undefined : new Map();
    this.#places = undefined;
    for (let at = head; at < source.length; at++) this.enter(source, at);
  }

  /** Notes a measure that meets none of the limits, at a time (ms). */
  note(measure: number, time: number): void {
    if (!this.isNearer(measure, time)) return;
    this.highest = measure;
    this.highestTime = time;
  }

  /** Whether a measure is higher than what was noted, or as high at an earlier time (ms): a clock may have been set back. */
  isNearer(measure: number, time: number): boolean {
    return measure > this.highest || (measure === this.highest && time < this.highestTime);
  }

  /** Forgets how near the key came to its limits. */
  forgetHighest(): void {
    this.highest = 0;
    this.excess = undefined;
  }

  /** The measure: events, recipients, different values, or percent rounded down to a tenth. */
  measure({ measure, atLeast }: Shape, source: Source): number {
    if (measure === 'sum') return this.counted;
    if (this.counted < atLeast) return 0;
    if (measure === 'distinct') return this.#spread?.count() ?? this.#countValues(source);
    // A refused recipient belongs to the whole even if the log did not show that the message was accepted.
    return Math.floor((1000 * this.counted) / Math.max(this.whole, this.counted)) / 10;
  }

  /** What became of the recipients of each place. Counted when it is first asked for, and kept from then on. */
  placesOf(source: Source): ReadonlyMap<string, PlaceCounts> {
    if (this.#places === undefined) {
      this.#places = new Map();
      for (let at = this.head; at < source.length; at++) this.#countPlace(source, at, 1);
    }
    return this.#places;
  }

  /** Nobody asks for the places any more. */
  forgetPlaces(): void {
    this.#places = undefined;
  }

  #countValues(source: Source): number {
    if (this.#values !== undefined) return this.#values.size;
    if (source.length - this.head <= FEW) return countFew(source, this.head);
    this.#values = new Map();
    for (let at = this.head; at < source.length; at++) {
      if (source.countedAt(at) > 0) this.#addValue(source, at);
    }
    return this.#values.size;
  }

  #addValue(source: Source, at: number): void {
    const values = this.#values as Map<Value, number>;
    const value = source.valueAt(at);
    const before = values.get(value) ?? 0;
    values.set(value, before + 1);
    if (before === 0) this.#spread?.add(value, domainOf(value), source.hostAt(at));
  }

  #removeValue(source: Source, at: number): void {
    const values = this.#values as Map<Value, number>;
    const value = source.valueAt(at);
    const before = values.get(value) ?? 0;
    if (before > 1) {
      values.set(value, before - 1);
      return;
    }
    values.delete(value);
    this.#spread?.remove(value);
    if (values.size === 0 && this.#spread === undefined) this.#values = undefined;
  }

  #countPlace(source: Source, at: number, sign: 1 | -1): void {
    const counted = source.countedAt(at);
    const whole = source.wholeAt(at);
    if (counted === 0 && whole === 0) return; // of another rule
    const places = this.#places as Map<string, PlaceCounts>;
    const place = source.placeAt(at);
    let counts = places.get(place);
    if (counts === undefined) {
      counts = { counted: 0, whole: 0 };
      places.set(place, counts);
    }
    counts.counted += sign * counted;
    counts.whole += sign * whole;
    if (counts.counted === 0 && counts.whole === 0) places.delete(place);
  }
}

/** The number of different values among few entries. */
function countFew(source: Source, head: number): number {
  const seen: Value[] = [];
  for (let at = head; at < source.length; at++) {
    if (source.countedAt(at) === 0) continue;
    const value = source.valueAt(at);
    if (!seen.includes(value)) seen.push(value);
  }
  return seen.length;
}
