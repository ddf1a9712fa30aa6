/**
 * Counts one key by whole hours or days of UTC, and remembers the busiest of the days before.
 *
 * Blocks instead of a sliding window, because the present is then measured as the past was, whatever the time zone of
 * the log, and because the state is a few numbers that can be stored. Two blocks are open at a time, so that a clock
 * that is set back, or two logs whose clocks differ, go on counting in the right one. A block that is left for a third
 * one begins again at zero when it comes back: then it counts too little, never too much.
 *
 * Of the days before only those are kept that can still become the busiest: a day that a later one has reached is
 * forgotten, as in a sliding maximum.
 */
import { DAY } from '../../base/time.ts';
import { PAST_DAYS } from '../../model/usual.ts';

/** A counter as it is stored. */
export type SavedCounter = readonly number[];

/** The busiest block of the past. */
interface Busiest {
  readonly count: number;
  /** number of its day since the epoch; -1 for none */
  readonly day: number;
}

const NONE: readonly number[] = Object.freeze([]);

export class BlockCounter {
  /** blocks in a day: 1 or 24 */
  readonly #perDay: number;
  /** the newest block, in blocks since the epoch, and what was counted in it; -1 before the first */
  #newest = -1;
  #count = 0;
  /** the other open block, an older one */
  #other = -1;
  #otherCount = 0;
  /** the most in one closed block of the newest day */
  #dayMost = 0;
  /** day and most of it, in turn: later days, with smaller and smaller numbers */
  #peaks: readonly number[] = NONE;

  /** `length`: ms of a block, an hour or a day. */
  constructor(length: number) {
    this.#perDay = DAY / length;
  }

  /** Counts at a time (ms); returns what its block has now. */
  add(time: number, amount: number): number {
    const block = Math.floor((time * this.#perDay) / DAY);
    if (block === this.#newest) {
      this.#count += amount;
      return this.#count;
    }
    if (block > this.#newest) this.#begin(block, amount);
    else if (block === this.#other) this.#otherCount += amount;
    else {
      this.#close();
      this.#other = block;
      this.#otherCount = amount;
    }
    return block === this.#newest ? this.#count : this.#otherCount;
  }

  /** The busiest block of the 35 days before this day (since the epoch). */
  findBusiest(day: number): Busiest {
    let busiest: Busiest = { count: 0, day: -1 };
    const consider = (at: number, count: number) => {
      if (at < day && at >= day - PAST_DAYS && count > busiest.count) busiest = { count, day: at };
    };
    for (let i = 0; i < this.#peaks.length; i += 2) {
      consider(this.#peaks[i] as number, this.#peaks[i + 1] as number);
    }
    if (this.#other >= 0) consider(this.#dayOf(this.#other), this.#otherCount);
    return busiest;
  }

  save(): SavedCounter {
    return [
      this.#newest,
      this.#count,
      this.#other,
      this.#otherCount,
      this.#dayMost,
      ...this.#peaks,
    ];
  }

  load([newest = -1, count = 0, other = -1, otherCount = 0, dayMost = 0, ...peaks]: SavedCounter) {
    this.#newest = newest;
    this.#count = count;
    this.#other = other;
    this.#otherCount = otherCount;
    this.#dayMost = dayMost;
    this.#peaks = peaks;
  }

  #begin(block: number, amount: number): void {
    this.#close();
    this.#other = this.#newest;
    this.#otherCount = this.#count;
    if (this.#newest >= 0 && this.#dayOf(block) !== this.#dayOf(this.#newest)) {
      this.#addPeak(this.#dayOf(this.#newest), this.#dayMost);
      this.#dayMost = 0;
    }
    this.#newest = block;
    this.#count = amount;
  }

  /** The other block makes room: its count goes to the maximum of its day. */
  #close(): void {
    if (this.#other < 0) return;
    const day = this.#dayOf(this.#other);
    if (day !== this.#dayOf(this.#newest)) this.#addPeak(day, this.#otherCount);
    else if (this.#otherCount > this.#dayMost) this.#dayMost = this.#otherCount;
  }

  #addPeak(day: number, most: number): void {
    if (most === 0) return;
    const oldest = this.#dayOf(this.#newest) - PAST_DAYS;
    const kept: number[] = [];
    let isPlaced = false;
    for (let i = 0; i < this.#peaks.length; i += 2) {
      const [other, count] = [this.#peaks[i] as number, this.#peaks[i + 1] as number];
      if (other < oldest || (other <= day && count <= most)) continue;
      if (other >= day && count >= most) isPlaced = true;
      if (other > day && !isPlaced) {
        kept.push(day, most);
        isPlaced = true;
      }
      kept.push(other, count);
    }
    if (!isPlaced) kept.push(day, most);
    // A list that has grown has room for sixteen more.
    this.#peaks = kept.slice();
  }

  #dayOf(block: number): number {
    return Math.floor(block / this.#perDay);
  }
}
