/**
 * The events of one key that a rule keeps for itself, because it has to change the past, or because they are too many:
 * in the order of their time, as columns, with the windows that look at them (timeline.ts).
 */
import { MINUTE } from '../base/time.ts';
import { Columns, type Entry } from './columns.ts';
import { compactColumns, MOST_ENTRIES } from './compact.ts';
import { countUntil } from './entries.ts';
import type { Value } from './facts.ts';
import type { Source } from './window.ts';
import type { WindowSet } from './window-set.ts';

/** How far lines of one log may be out of order, in ms. Processes of one mail server differ by seconds. */
export const SKEW = MINUTE;

/** So far back a value is looked for that came again. */
const MOVED = 32;

export class OwnEvents implements Source {
  readonly #set: WindowSet;
  readonly #columns: Columns;
  #isCompacted = false;

  /** `entries` in their order. */
  constructor(set: WindowSet, entries: readonly Entry[]) {
    this.#set = set;
    this.#columns = new Columns(set.shape);
    for (const entry of entries) this.#columns.push(entry);
    this.recompute();
  }

  get length(): number {
    return this.#columns.length;
  }

  /** time of the last entry, ms */
  get last(): number {
    return this.#columns.times.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  countedAt(at: number): number {
    return this.#columns.counted[at] as number;
  }

  wholeAt(at: number): number {
    return this.#columns.whole?.[at] ?? 0;
  }

  valueAt(at: number): Value {
    return this.#columns.values?.[at] ?? '';
  }

  placeAt(at: number): string {
    return this.#columns.places?.[at] ?? '';
  }

  senderAt(at: number): string {
    return this.#columns.senders?.[at] ?? '';
  }

  hostAt(at: number): string {
    return this.#columns.hosts?.[at] ?? '';
  }

  /** Adds an event that is not shared; `entry` is not kept. `late`: the log told it late, so its time is right however far back. */
  add(entry: Entry, late: boolean): void {
    const { time } = entry;
    if (time > this.#set.newest) {
      this.#set.previous = this.#set.newest;
      this.#set.newest = time;
      if (this.#moveValue(entry)) return;
    } else if (time < this.#set.newest - SKEW && !late) {
      this.#setBack(time);
    }
    this.#advance();
    if (time <= this.#set.newest - this.#set.shape.keep) return;
    if (this.#columns.length >= MOST_ENTRIES) this.#compact();
    this.#insert(entry);
  }

  /** Takes back a counted event that was added. Where entries were merged, takes it from the one that has it now. */
  takeBack({ time, value }: Entry): void {
    const { times, counted, values } = this.#columns;
    for (let at = times.length - 1; at >= 0; at--) {
      const here = times[at] as number;
      if (here < time && !this.#isCompacted) return;
      if (here > time || counted[at] === 0) continue;
      if (values !== undefined && values[at] !== value) continue;
      return this.#uncount(at);
    }
  }

  /** Removes all that came from this sender. */
  removeSender(sender: string): void {
    for (let at = this.length - 1; at >= 0; at--) {
      if (this.senderAt(at) === sender) this.#remove(at);
    }
  }

  /**
   * Most logins come from the same address as the one before, or as one shortly before. Then there is nothing new to
   * keep but the time. Returns whether that is all.
   */
  #moveValue({ value, time }: Entry): boolean {
    const { windows } = this.#set;
    const columns = this.#columns;
    const { values } = columns;
    if (!this.#set.shape.movesValues || values === undefined) return false;
    const last = values.length - 1;
    if (values[last] === value && windows.every(({ head }) => head <= last)) {
      columns.times[last] = time;
      this.#advance();
      return true;
    }
    for (let at = last; at >= 0 && at > last - MOVED; at--) {
      if (values[at] !== value) continue;
      this.#remove(at);
      break;
    }
    return false;
  }

  #setBack(time: number): void {
    const { newest } = this.#set;
    const columns = this.#columns;
    const floor = Math.max(this.#set.floor, newest - this.#set.shape.keep);
    this.#dropFirst(this.#countUntil(floor));
    // Before all that is kept begins another log.
    this.#set.floor = time <= floor ? Number.NEGATIVE_INFINITY : floor;
    let whole = 0;
    for (let last = columns.length - 1; last >= 0; last--) {
      if ((columns.times[last] as number) <= time) break;
      whole += columns.whole?.[last] ?? 0;
      this.#remove(last);
    }
    this.#set.newest = time;
    this.#rewind();
    if (whole === 0) return;
    this.#insert({ time, counted: 0, whole, value: '', place: '', sender: '', host: '' });
  }

  /** Moves the beginning of all windows back, as the newest event is an earlier one now. */
  #rewind(): void {
    const { windows, newest } = this.#set;
    const columns = this.#columns;
    for (const window of windows) {
      const edge = newest - window.period;
      while (window.head > 0 && (columns.times[window.head - 1] as number) > edge) {
        window.head--;
        window.enter(this, window.head);
      }
    }
  }

  /** Moves all windows to the newest event, and drops what none needs. */
  #advance(): void {
    const { times } = this.#columns;
    const first = this.#set.advance(this, times);
    // Amortised: never moves more entries than are dropped.
    if (first < 32 || first * 2 < times.length) return;
    const { keep, reach } = this.#set.shape;
    const gone = keep === reach ? first : this.#countUntil(this.#set.newest - keep);
    if (gone >= 32 && gone * 2 >= times.length) this.#dropFirst(gone);
  }

  /** How many entries are not later than `time`. */
  #countUntil(time: number): number {
    return countUntil(this.#columns.times, time);
  }

  #dropFirst(count: number): void {
    if (count === 0) return;
    this.#set.leaveFirst(this, count);
    this.#columns.dropFirst(count);
  }

  #insert(entry: Entry): void {
    const columns = this.#columns;
    const { times } = columns;
    let at = times.length;
    while (at > 0 && (times[at - 1] as number) > entry.time) at--;
    if (at > 0 && times[at - 1] === entry.time && this.#merge(at - 1, entry)) return;
    if (at === times.length) columns.push(entry);
    else columns.insert(at, entry);
    for (const window of this.#set.windows) {
      const edge = this.#set.newest - window.period;
      if (entry.time > edge) window.enter(this, at);
      else window.head++;
    }
  }

  /** Adds to the entry of the same time, where nothing tells the two apart. */
  #merge(at: number, { counted, whole }: Entry): boolean {
    const { windows } = this.#set;
    const columns = this.#columns;
    if (columns.values !== undefined || columns.places !== undefined) return false;
    if (columns.senders !== undefined) return false;
    columns.counted[at] = (columns.counted[at] as number) + counted;
    if (columns.whole !== undefined) columns.whole[at] = (columns.whole[at] as number) + whole;
    for (const window of windows) {
      if (at < window.head) continue;
      window.counted += counted;
      window.whole += whole;
    }
    return true;
  }

  #uncount(at: number): void {
    const { windows } = this.#set;
    const columns = this.#columns;
    const { measure, share } = this.#set.shape;
    const inside = windows.filter(({ head }) => head <= at);
    for (const window of inside) window.leave(this, at);
    columns.counted[at] = (columns.counted[at] as number) - 1;
    const { whole } = columns;
    // The recipient of a ratio was accepted all the same; that of a share counts as if it had not been tried.
    if (whole !== undefined && (share !== undefined || measure !== 'ratio')) {
      whole[at] = Math.max(0, (whole[at] as number) - 1);
    }
    for (const window of inside) window.enter(this, at);
    if (columns.counted[at] === 0 && (whole?.[at] ?? 0) === 0) this.#remove(at);
  }

  #remove(at: number): void {
    const { windows } = this.#set;
    const columns = this.#columns;
    for (const window of windows) {
      if (window.head <= at) window.leave(this, at);
      else window.head--;
    }
    if (at === columns.length - 1) columns.pop();
    else columns.removeAt(at);
  }

  #compact(): void {
    this.#dropFirst(this.#countUntil(this.#set.newest - this.#set.shape.keep));
    compactColumns(this.#columns);
    this.#isCompacted = true;
    this.recompute();
  }

  /** The windows anew. */
  recompute(): void {
    this.#set.recompute(this, this.#columns.times);
  }
}
