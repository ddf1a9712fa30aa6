/**
 * Exact sliding windows over event time: what lies in (newest - PERIOD, newest], where `newest` is the time of
 * the newest event. One window belongs to one key of one limit. Three measures: a sum (events, recipients), the
 * number of distinct values, a share in percent.
 *
 * Time in a log is not monotonic. Three cases, by how far an event lies before `newest`:
 * - up to SKEW, or any distance when the caller says `late` (the log itself tells that the event is from then):
 *   it takes its place among the others, and counts if it lies in the window;
 * - further: the clock was set back (or an older log is being read). What is stamped later than this event can
 *   never be trusted to expire, so it is dropped, and counting goes on from here. That may miss a verdict, once;
 *   it never makes one out of two hours that share their stamps, and no window waits for a time that will not come.
 *
 * Nothing here is ever more than a few numbers per counted event, and no more of these than the limit needs.
 */
import { MINUTE } from '../base/time.ts';
import { ownCopy } from '../model/line.ts';

/** How far lines of one log may be out of order, in ms. Processes of one mail server differ by seconds. */
export const SKEW = MINUTE;

/** One counted event. A window reads only what its measure needs. */
export interface Entry {
  /** event time in ms */
  time: number;
  /** what it adds to the sum; in a share, to the counted part (0 for an event that only adds recipients) */
  amount: number;
  /** what it adds to the whole of a share */
  whole: number;
  /** the value that may differ */
  value: string;
  /** told late by the log: its time is right, however far back */
  late: boolean;
  /** whom a bound on what one may contribute tells apart; absent: nobody */
  domain?: string;
  host?: string;
}

export interface Window {
  /** time of the newest event in ms; -Infinity before the first */
  readonly newest: number;
  /** numbers and values held, for the caller's bound on memory */
  readonly size: number;
  /** Takes an event and returns the measure with it. `entry` is not kept: callers use one object again and again. */
  add(entry: Entry): number;
  /** Forgets an event that was added, as far as it is still there. Its `time`, `amount` and `value` are looked at. */
  takeBack(entry: Entry): void;
}

/** Amounts by time, oldest first; one entry for each different time. Sums and shares are made of it. */
export class Amounts {
  /** time, amount, time, amount, ... in one array: a key's memory is mostly the price of its objects */
  #pairs: number[] = [];
  #head = 0;
  #isMerged = false;
  sum = 0;
  size = 0;

  /** At the end or, for an event that comes late, where it belongs. */
  add(time: number, amount: number): void {
    this.sum += amount;
    const last = this.#pairs.length - 2;
    if (this.size === 0) {
      // A literal takes room for one: most keys never see a second event.
      this.#pairs = [time, amount];
      this.#head = 0;
      this.size = 1;
    } else if (time > (this.#pairs[last] as number)) {
      this.#pairs.push(time, amount);
      this.size++;
    } else {
      this.#insert(time, amount, last);
    }
  }

  #insert(time: number, amount: number, last: number): void {
    let at = last;
    while (at >= this.#head && (this.#pairs[at] as number) > time) at -= 2;
    if (at >= this.#head && this.#pairs[at] === time) {
      this.#pairs[at + 1] = (this.#pairs[at + 1] as number) + amount;
    } else {
      this.#pairs.splice(at + 2, 0, time, amount);
      this.size++;
    }
  }

  /** Drops what is not later than `edge`. */
  dropUntil(edge: number): void {
    while (this.size > 0 && (this.#pairs[this.#head] as number) <= edge) this.#dropFirst();
  }

  /** Drops the oldest for which there is no need: without them the sum is `enough` still. */
  dropBeyond(enough: number): void {
    while (this.size > 0 && this.sum - (this.#pairs[this.#head + 1] as number) >= enough) {
      this.#dropFirst();
    }
  }

  #dropFirst(): void {
    this.sum -= this.#pairs[this.#head + 1] as number;
    this.#head += 2;
    this.size--;
    // Amortised: what is moved is never more than what was dropped.
    if (this.#head < 32 || this.#head * 2 < this.#pairs.length) return;
    this.#pairs.copyWithin(0, this.#head);
    this.#pairs.length -= this.#head;
    this.#head = 0;
  }

  /** Drops what is later than `time`. */
  dropAfter(time: number): void {
    while (this.size > 0 && (this.#pairs.at(-2) as number) > time) {
      this.sum -= this.#pairs.pop() as number;
      this.#pairs.pop();
      this.size--;
    }
  }

  /** Takes an amount away where it was added; where entries were merged, from the one that has it now. */
  remove(time: number, amount: number): void {
    let at = this.#head;
    while (at < this.#pairs.length && (this.#pairs[at] as number) < time) at += 2;
    if (at >= this.#pairs.length || this.size === 0) return;
    if (this.#pairs[at] !== time && !this.#isMerged) return;
    const there = this.#pairs[at + 1] as number;
    const taken = Math.min(amount, there);
    this.sum -= taken;
    if (taken < there) {
      this.#pairs[at + 1] = there - taken;
      return;
    }
    this.#pairs.splice(at, 2);
    this.size--;
  }

  /** Halves the number of entries: two neighbours become one at the later of their times. */
  halve(): void {
    const pairs = this.#pairs.slice(this.#head);
    this.#pairs = [];
    for (let at = 0; at < pairs.length; at += 4) {
      const [time, amount, nextTime, nextAmount] = pairs.slice(at, at + 4) as [
        number,
        number,
        number?,
        number?,
      ];
      this.#pairs.push(nextTime ?? time, amount + (nextAmount ?? 0));
    }
    this.#head = 0;
    this.#isMerged = true;
    this.size = this.#pairs.length / 2;
  }
}

/** Whether `entry` sets the window's clock back. */
function setsBack(newest: number, entry: Entry): boolean {
  return entry.time < newest - SKEW && !entry.late;
}

/** Sum of the amounts in the window: exact until it has reached the limit, from then on no less than the limit. */
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

/** Number of distinct values in the window: exact up to the limit, never more than `most` of them are kept. */
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
  /** the value that came last: most logins come from where the last one came from */
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
    // A value that came again later stays: that was somebody else's.
    if (this.#values.get(entry.value) === entry.time) this.#values.delete(entry.value);
    this.#events?.takeBack(entry);
    this.size = this.#values.size + (this.#events?.size ?? 0);
  }

  #put(value: string, time: number, atEnd: boolean): void {
    const before = this.#values.get(value);
    if (before !== undefined && before >= time) return;
    if (atEnd && before !== undefined && value === this.#newestValue) {
      this.#values.set(value, time); // it is the last one already
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

/** Different times that a share keeps exactly; beyond it neighbours are merged, which makes its edge less sharp. */
export const SHARE_TIMES = 4096;

/** Counted events in percent of all recipients in the window, to a tenth, rounded down. */
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
    // A refusal whose acceptance the log did not show is a recipient all the same.
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
