/** The most of something within a sliding window, without a limit on how much. For logs that are read once. */
import type { Value } from '../facts.ts';

/** Amounts added up over the last `period` ms. Times only go forward: an earlier one counts as the newest. */
export class SlidingSum {
  readonly #period: number;
  #times: number[] = [];
  #amounts: number[] = [];
  #first = 0;
  #sum = 0;

  constructor(period: number) {
    this.#period = period;
  }

  /** Returns the sum in (time - period, time]. */
  add(time: number, amount: number): number {
    const at = Math.max(time, this.#times.at(-1) ?? time);
    this.#times.push(at);
    this.#amounts.push(amount);
    this.#sum += amount;
    while ((this.#times[this.#first] as number) <= at - this.#period) {
      this.#sum -= this.#amounts[this.#first] as number;
      this.#first++;
    }
    if (this.#first > 1000 && this.#first * 2 > this.#times.length) this.#shorten();
    return this.#sum;
  }

  #shorten(): void {
    this.#times = this.#times.slice(this.#first);
    this.#amounts = this.#amounts.slice(this.#first);
    this.#first = 0;
  }
}

/** Different values within the last `period` ms. */
export class SlidingDistinct {
  readonly #period: number;
  /** value and when it was last seen, the longest ago first */
  readonly #seen = new Map<Value, number>();
  #newest = 0;

  constructor(period: number) {
    this.#period = period;
  }

  /** Returns how many different values there are in (time - period, time]. */
  add(time: number, value: Value): number {
    this.#newest = Math.max(this.#newest, time);
    this.#seen.delete(value);
    this.#seen.set(value, this.#newest);
    for (const [other, seen] of this.#seen) {
      if (seen > this.#newest - this.#period) break;
      this.#seen.delete(other);
    }
    return this.#seen.size;
  }
}
