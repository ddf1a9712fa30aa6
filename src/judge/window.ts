/**
 * The window of one limit over a timeline: what lies in (newest - PERIOD, newest], as the index of its first entry and
 * sums that are kept up to date as entries come and go.
 */
import { getDomain } from '../model/address.ts';
import type { Columns } from './columns.ts';
import type { Limit } from './rule.ts';
import type { Shape } from './shape.ts';
import { Spread } from './spread.ts';

/** What became of the recipients of one place. */
export interface PlaceCounts {
  counted: number;
  whole: number;
}

/** Up to so many entries, values are compared with each other: a Map takes 300 bytes. */
const FEW = 12;

export class Window {
  /** index of the first entry in the window */
  head = 0;
  /** sums over the entries in the window */
  counted = 0;
  whole = 0;
  /** the last event that was counted met the limit (a rule that observes gives no second verdict) */
  met = false;
  /** event time of the last event that met the limit, ms */
  lastMet = Number.NEGATIVE_INFINITY;
  /** the limit that was met then; another one, of a table that was changed, begins anew */
  metLimit = 0;
  /** the largest measure without a verdict so far, and its time */
  highest = 0;
  highestTime = 0;
  /** how often each value occurs; only made for windows with many entries, since most keys have one or two */
  #values: Map<string, number> | undefined;
  readonly #spread: Spread | undefined;
  #places: Map<string, PlaceCounts> | undefined;

  constructor(shape: Shape, limit: Limit) {
    const { mostPerDomain, mostPerHost } = shape;
    const isBounded = mostPerDomain !== undefined || mostPerHost !== undefined;
    if (isBounded) this.#values = new Map();
    this.#spread = isBounded ? new Spread(limit.limit, mostPerDomain, mostPerHost) : undefined;
  }

  /** Adds the entry at this index to the sums. */
  enter(columns: Columns, at: number): void {
    const counted = columns.counted[at] as number;
    this.counted += counted;
    if (columns.whole !== undefined) this.whole += columns.whole[at] as number;
    if (this.#values !== undefined && counted > 0) this.#addValue(columns, at);
    if (this.#places !== undefined) this.#countPlace(columns, at, 1);
  }

  /** Takes the entry at this index out of the sums. */
  leave(columns: Columns, at: number): void {
    const counted = columns.counted[at] as number;
    this.counted -= counted;
    if (columns.whole !== undefined) this.whole -= columns.whole[at] as number;
    if (this.#values !== undefined && counted > 0) this.#removeValue(columns, at);
    if (this.#places !== undefined) this.#countPlace(columns, at, -1);
  }

  /** The sums anew, from all entries from `head` on. */
  recompute(columns: Columns, head: number): void {
    this.head = head;
    this.counted = 0;
    this.whole = 0;
    this.#spread?.clear();
    this.#values = this.#spread === undefined ? undefined : new Map();
    this.#places = undefined;
    for (let at = head; at < columns.length; at++) this.enter(columns, at);
  }

  /** The measure: events, recipients, different values, or percent rounded down to a tenth. */
  measure({ measure, atLeast }: Shape, columns: Columns): number {
    if (measure === 'sum') return this.counted;
    if (this.counted < atLeast) return 0;
    if (measure === 'distinct') return this.#spread?.count() ?? this.#countValues(columns);
    // A refused recipient belongs to the whole even if the log did not show that the message was accepted.
    return Math.floor((1000 * this.counted) / Math.max(this.whole, this.counted)) / 10;
  }

  /** What became of the recipients of each place. Counted when it is first asked for, and kept from then on. */
  placesOf(columns: Columns): ReadonlyMap<string, PlaceCounts> {
    if (this.#places === undefined) {
      this.#places = new Map();
      for (let at = this.head; at < columns.length; at++) this.#countPlace(columns, at, 1);
    }
    return this.#places;
  }

  /** Nobody asks for the places any more. */
  forgetPlaces(): void {
    this.#places = undefined;
  }

  #countValues(columns: Columns): number {
    if (this.#values !== undefined) return this.#values.size;
    if (columns.length - this.head <= FEW) return countFew(columns, this.head);
    this.#values = new Map();
    for (let at = this.head; at < columns.length; at++) {
      if ((columns.counted[at] as number) > 0) this.#addValue(columns, at);
    }
    return this.#values.size;
  }

  #addValue(columns: Columns, at: number): void {
    const values = this.#values as Map<string, number>;
    const value = columns.values?.[at] ?? '';
    const before = values.get(value) ?? 0;
    values.set(value, before + 1);
    if (before === 0) this.#spread?.add(value, getDomain(value), columns.hosts?.[at] ?? '');
  }

  #removeValue(columns: Columns, at: number): void {
    const values = this.#values as Map<string, number>;
    const value = columns.values?.[at] ?? '';
    const before = values.get(value) ?? 0;
    if (before > 1) {
      values.set(value, before - 1);
      return;
    }
    values.delete(value);
    this.#spread?.remove(value);
    if (values.size === 0 && this.#spread === undefined) this.#values = undefined;
  }

  #countPlace(columns: Columns, at: number, sign: 1 | -1): void {
    const places = this.#places as Map<string, PlaceCounts>;
    const place = columns.places?.[at] ?? '';
    let counts = places.get(place);
    if (counts === undefined) {
      counts = { counted: 0, whole: 0 };
      places.set(place, counts);
    }
    counts.counted += sign * (columns.counted[at] as number);
    counts.whole += sign * (columns.whole?.[at] ?? 0);
    if (counts.counted === 0 && counts.whole === 0) places.delete(place);
  }
}

/** The number of different values among few entries. */
function countFew({ values = [], counted }: Columns, head: number): number {
  let count = 0;
  for (let at = head; at < values.length; at++) {
    if ((counted[at] as number) > 0 && values.indexOf(values[at] as string, head) === at) count++;
  }
  return count;
}
