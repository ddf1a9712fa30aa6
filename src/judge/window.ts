/**
 * Exact sliding windows over event time. A window holds what lies in (newest - PERIOD, newest], where `newest` is the
 * time of the newest event. It belongs to one key of one limit. There are three measures: a sum (events, recipients),
 * the number of distinct values, and a share in percent.
 *
 * Time in a log is not monotonic. What an event before `newest` means depends on the distance:
 * - Up to SKEW, or any distance if the caller says `late` (the log itself proves when the event happened): it takes its
 *   place among the others, and counts if it lies in the window.
 * - More: the clock was set back, or an older log is being read. Entries with a later time than this event might never
 *   expire, so they are dropped and counting continues from here. That can miss one verdict. But it never makes a
 *   verdict out of two hours with the same time stamps, and no window waits for a time that does not come.
 *
 * A window keeps a few numbers for each counted event, and no more events than the limit needs.
 */
import { MINUTE } from '../base/time.ts';
import { ownCopy } from '../model/line.ts';
import { Amounts } from './amounts.ts';

/** How far lines of one log may be out of order, in ms. Processes of one mail server differ by seconds. */
export const SKEW = MINUTE;

/** One counted event. A window reads only the fields that its measure needs. */
export interface Entry {
  /** event time in ms */
  time: number;
  /** what it adds to the sum; in a share, to the counted part (0 for an event that only adds recipients) */
  amount: number;
  /** what it adds to the whole of a share */
  whole: number;
  /** the value that is compared */
  value: string;
  /** the log told it late: its time is right, however far back */
  late: boolean;
  /** the recipient's domain and the remote host, for a rule that bounds what one of them may contribute */
  domain?: string;
  host?: string;
}

export interface Window {
  /** time of the newest event in ms; -Infinity before the first */
  readonly newest: number;
  /** numbers and values kept, for the caller's bound on memory */
  readonly size: number;
  /** Adds an event and returns the measure with it. `entry` is not kept, so callers can use one object again. */
  add(entry: Entry): number;
  /** Removes an event that was added, if it is still there. Uses its `time`, `amount` and `value`. */
  takeBack(entry: Entry): void;
}

/** Whether `entry` sets the window's clock back. */
export function setsBack(newest: number, entry: Entry): boolean {
  return entry.time < newest - SKEW && !entry.late;
}

/** The sum of the amounts in the window. Exact below the limit; from there on, at least the limit. */
export class SumWindow implements Window {
  newest = Number.NEGATIVE_INFINITY;
  size = 0;
  readonly #limit: number;
  readonly #period: number;
  readonly #amounts = new Amounts();

  constructor(limit: number, period: number) {
    this.#limit = limit;
    this.#period = period;
  }

  add(entry: Entry): number {
    if (entry.time > this.newest) {
      this.newest = entry.time;
    } else if (setsBack(this.newest, entry)) {
      this.#amounts.dropAfter(entry.time);
      this.newest = entry.time;
    }
    const edge = this.newest - this.#period;
    this.#amounts.dropUntil(edge);
    if (entry.time > edge) this.#amounts.add(entry.time, entry.amount);
    const sum = this.#amounts.sum;
    this.#amounts.dropBeyond(this.#limit);
    this.size = this.#amounts.size;
    return sum;
  }

  takeBack({ time, amount }: Entry): void {
    this.#amounts.remove(time, amount);
    this.size = this.#amounts.size;
  }
}

/** The number of distinct values in the window. Exact up to the limit; no more than the limit needs are kept. */
export class DistinctWindow implements Window {
  newest = Number.NEGATIVE_INFINITY;
  size = 0;
  readonly #period: number;
  readonly #atLeast: number;
  readonly #most: number;
  /** last time of each value, oldest first */
  #values = new Map<string, number>();
  /** no value is older than this */
  #oldest = Number.POSITIVE_INFINITY;
  /** the value that came last: most logins come from the same address as the one before */
  #newestValue: string | undefined;
  readonly #events: SumWindow | undefined;

  /** Measures 0 while fewer than `atLeast` events lie in the window. */
  constructor(limit: number, period: number, atLeast: number) {
    this.#period = period;
    this.#atLeast = atLeast;
    this.#most = Math.max(limit, atLeast);
    this.#events = atLeast > 1 ? new SumWindow(atLeast, period) : undefined;
  }

  add(entry: Entry): number {
    const inOrder = entry.time >= this.newest;
    if (inOrder) {
      this.newest = entry.time;
    } else if (setsBack(this.newest, entry)) {
      for (const [value, time] of this.#values) if (time > entry.time) this.#values.delete(value);
      this.newest = entry.time;
    }
    const edge = this.newest - this.#period;
    if (this.#oldest <= edge) this.#dropUntil(edge);
    if (entry.time > edge) this.#put(entry.value, entry.time, entry.time >= this.newest);
    const events = this.#events?.add(entry) ?? 1;
    this.size = this.#values.size + (this.#events?.size ?? 0);
    return events >= this.#atLeast ? this.#values.size : 0;
  }

  takeBack(entry: Entry): void {
    // A value that came again later stays, since another event brought it.
    if (this.#values.get(entry.value) === entry.time) this.#values.delete(entry.value);
    this.#events?.takeBack(entry);
    this.size = this.#values.size + (this.#events?.size ?? 0);
  }

  #put(value: string, time: number, atEnd: boolean): void {
    const before = this.#values.get(value);
    if (before !== undefined && before >= time) return;
    if (atEnd && before !== undefined && value === this.#newestValue) {
      this.#values.set(value, time); // already the last one
      return;
    }
    const own = ownCopy(value);
    if (before !== undefined) this.#values.delete(value);
    this.#values.set(own, time);
    this.#newestValue = atEnd ? own : undefined;
    if (!atEnd) this.#values = new Map([...this.#values].sort((a, b) => a[1] - b[1]));
    if (this.#values.size > this.#most) this.#dropFirst();
    this.#oldest = Math.min(this.#oldest, time);
  }

  #dropFirst(): void {
    for (const value of this.#values.keys()) {
      this.#values.delete(value);
      return;
    }
  }

  #dropUntil(edge: number): void {
    this.#oldest = Number.POSITIVE_INFINITY;
    for (const [value, time] of this.#values) {
      if (time > edge) {
        this.#oldest = time;
        return;
      }
      this.#values.delete(value);
    }
  }
}

/** How many times a share keeps exactly. Beyond it neighbours are merged, which makes the window's edge less exact. */
export const SHARE_TIMES = 4096;

/** The counted events in percent of all recipients in the window, rounded down to a tenth. */
export class ShareWindow implements Window {
  newest = Number.NEGATIVE_INFINITY;
  size = 0;
  readonly #period: number;
  readonly #atLeast: number;
  readonly #counted = new Amounts();
  readonly #whole = new Amounts();

  /** Measures 0 while fewer than `atLeast` counted events lie in the window. */
  constructor(period: number, atLeast: number) {
    this.#period = period;
    this.#atLeast = atLeast;
  }

  add(entry: Entry): number {
    if (entry.time > this.newest) {
      this.newest = entry.time;
    } else if (setsBack(this.newest, entry)) {
      this.#counted.dropAfter(entry.time);
      this.#whole.dropAfter(entry.time);
      this.newest = entry.time;
    }
    const edge = this.newest - this.#period;
    this.#put(this.#counted, entry.time, entry.amount, edge);
    this.#put(this.#whole, entry.time, entry.whole, edge);
    this.size = this.#counted.size + this.#whole.size;
    if (this.#counted.sum < this.#atLeast) return 0;
    // A refused recipient belongs to the whole even if the log did not show that the message was accepted.
    const whole = Math.max(this.#whole.sum, this.#counted.sum);
    return Math.floor((1000 * this.#counted.sum) / whole) / 10;
  }

  takeBack({ time, amount }: Entry): void {
    this.#counted.remove(time, amount);
    this.size = this.#counted.size + this.#whole.size;
  }

  #put(amounts: Amounts, time: number, amount: number, edge: number): void {
    amounts.dropUntil(edge);
    if (amount <= 0 || time <= edge) return;
    amounts.add(time, amount);
    if (amounts.size > SHARE_TIMES) amounts.halve();
  }
}
