/** A window for `at-least-share`. Rules without that field do not pay for it. */
import { Amounts } from './amounts.ts';
import { type Entry, SHARE_TIMES, setsBack, type Window } from './window.ts';

/**
 * Another window whose limit only counts while the counted events are at least a share of all outcomes: of these events
 * and the deliveries. An event with amount 0 is a delivery. Deliveries before the first counted event in the window are
 * ignored, so that a key that is never refused needs no memory.
 *
 * The measure is that of the inner window. Below the share it is reduced in proportion, and never reaches the limit.
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

  /** The newest counted event: a window without one holds nothing worth keeping. */
  get newest(): number {
    return this.#inner.newest;
  }

  add(entry: Entry): number {
    const edge = this.#advance(entry);
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

  /** Moves the window to this event, and returns the time up to which nothing counts. */
  #advance(entry: Entry): number {
    const { time } = entry;
    if (time > this.#newest) {
      this.#newest = time;
    } else if (setsBack(this.#newest, entry)) {
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
