/**
 * The events of one key that one rule uses, in the order of their time. All limits of the rule look at the same
 * timeline, each through its own window: what lies in (newest - PERIOD, newest], where `newest` is the time of the
 * newest event. What a window counts is exact, also beyond the limit.
 *
 * Time in a log is not monotonic. What an event before `newest` means depends on the distance:
 * - Up to SKEW, or any distance if the caller says `late` (the log itself proves when the event happened): it takes its
 *   place among the others, and counts if it lies in the window.
 * - More: the clock was set back, or an older log is being read. Entries with a later time than this event might never
 *   expire. What they counted is dropped. What they added to the whole of a share moves to the time of this event: a
 *   share of half an hour's mail would be too high. For the same reason there is no share while a window reaches back
 *   to what is no longer kept. So a verdict can come later than it should, but never a false one of two hours with the
 *   same time stamps, and no window waits for a time that does not come.
 */
import { MINUTE } from '../base/time.ts';
import { Columns, type Entry } from './columns.ts';
import { compactColumns, MOST_ENTRIES } from './compact.ts';
import type { OpenRecipients } from './open-recipients.ts';
import type { Shape } from './shape.ts';
import { Window } from './window.ts';

/** How far lines of one log may be out of order, in ms. Processes of one mail server differ by seconds. */
export const SKEW = MINUTE;

/** So far back a value is looked for that came again. */
const MOVED = 32;

export class Timeline {
  /** time of the newest event in ms; -Infinity before the first */
  newest = Number.NEGATIVE_INFINITY;
  readonly columns: Columns;
  /** one for each limit of the rule */
  readonly windows: readonly Window[];
  /** used since its last turn as a candidate for eviction */
  used = false;
  /** recipients whose mail was put off; only for rules with a share */
  open: OpenRecipients | undefined = undefined;
  readonly #shape: Shape;
  /** the time up to which entries of this window's past are gone, ms; matters after the clock was set back */
  #floor = Number.NEGATIVE_INFINITY;
  #isCompacted = false;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.columns = new Columns(shape);
    this.windows = shape.limits.map((limit) => new Window(shape, limit));
  }

  /** Numbers of entries, for the caller's bound on memory. */
  get size(): number {
    return this.columns.length + (this.open?.size ?? 0);
  }

  /** Adds an event; `entry` is not kept. `late`: the log told it late, so its time is right however far back. */
  add(entry: Entry, late: boolean): void {
    const { time } = entry;
    if (time > this.newest) {
      this.newest = time;
      if (this.#moveValue(entry)) return;
    } else if (time < this.newest - SKEW && !late) {
      this.#setBack(time);
    }
    this.#advance();
    if (time <= this.newest - this.#shape.keep) return;
    if (this.columns.length >= MOST_ENTRIES) this.#compact();
    this.#insert(entry);
  }

  /** Takes back a counted event that was added. Where entries were merged, takes it from the one that has it now. */
  takeBack({ time, value }: Entry): void {
    const { times, counted, values } = this.columns;
    for (let at = times.length - 1; at >= 0; at--) {
      const here = times[at] as number;
      if (here < time && !this.#isCompacted) return;
      if (here > time || counted[at] === 0) continue;
      if (values !== undefined && values[at] !== value) continue;
      return this.#uncount(at);
    }
  }

  /** Removes the entries that a test is true for. */
  removeWhere(test: (columns: Columns, at: number) => boolean): void {
    const { columns } = this;
    for (let at = columns.length - 1; at >= 0; at--) {
      if (test(columns, at)) this.#remove(at);
    }
  }

  /**
   * Most logins come from the same address as the one before, or as one shortly before. Then there is nothing new to
   * keep but the time. Returns whether that is all.
   */
  #moveValue({ value, time }: Entry): boolean {
    const { columns, windows } = this;
    const { values } = columns;
    if (!this.#shape.movesValues || values === undefined) return false;
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

  /** The measure of one window; 0 while a share of it would be one of a half. */
  measure(index: number): number {
    const window = this.windows[index] as Window;
    const { hasWhole, limits } = this.#shape;
    const isHalf = hasWhole && this.newest - (limits[index]?.period as number) < this.#floor;
    return isHalf ? 0 : window.measure(this.#shape, this.columns);
  }

  #setBack(time: number): void {
    const { columns, newest } = this;
    const floor = Math.max(this.#floor, newest - this.#shape.keep);
    this.#dropFirst(this.#countUntil(floor));
    // Before all that is kept begins another log.
    this.#floor = time <= floor ? Number.NEGATIVE_INFINITY : floor;
    let whole = 0;
    for (let last = columns.length - 1; last >= 0; last--) {
      if ((columns.times[last] as number) <= time) break;
      whole += columns.whole?.[last] ?? 0;
      this.#remove(last);
    }
    this.newest = time;
    this.#rewind();
    if (whole === 0) return;
    this.#insert({ time, counted: 0, whole, value: '', place: '', sender: '', host: '' });
  }

  /** Moves the beginning of all windows back, as the newest event is an earlier one now. */
  #rewind(): void {
    const { columns, windows, newest } = this;
    for (const [index, window] of windows.entries()) {
      const edge = newest - (this.#shape.limits[index]?.period as number);
      while (window.head > 0 && (columns.times[window.head - 1] as number) > edge) {
        window.head--;
        window.enter(columns, window.head);
      }
    }
  }

  /** Moves all windows to the newest event. */
  #advance(): void {
    const { columns, windows, newest } = this;
    const { times } = columns;
    let first = times.length;
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index] as Window;
      const edge = newest - (this.#shape.limits[index]?.period as number);
      let { head } = window;
      while (head < times.length && (times[head] as number) <= edge) {
        window.leave(columns, head);
        head++;
      }
      window.head = head;
      if (head < first) first = head;
    }
    // Amortised: never moves more entries than are dropped.
    if (first < 32 || first * 2 < times.length) return;
    const { keep, reach } = this.#shape;
    const gone = keep === reach ? first : this.#countUntil(newest - keep);
    if (gone >= 32 && gone * 2 >= times.length) this.#dropFirst(gone);
  }

  /** How many entries are not later than `time`. */
  #countUntil(time: number): number {
    const { times } = this.columns;
    let low = 0;
    for (let high = times.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((times[middle] as number) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #dropFirst(count: number): void {
    if (count === 0) return;
    const { columns } = this;
    for (const window of this.windows) {
      for (; window.head < count; window.head++) window.leave(columns, window.head);
      window.head -= count;
    }
    columns.dropFirst(count);
  }

  #insert(entry: Entry): void {
    const { columns } = this;
    const { times } = columns;
    let at = times.length;
    while (at > 0 && (times[at - 1] as number) > entry.time) at--;
    if (at > 0 && times[at - 1] === entry.time && this.#merge(at - 1, entry)) return;
    if (at === times.length) columns.push(entry);
    else columns.insert(at, entry);
    for (let index = 0; index < this.windows.length; index++) {
      const window = this.windows[index] as Window;
      const edge = this.newest - (this.#shape.limits[index]?.period as number);
      if (entry.time > edge) window.enter(columns, at);
      else window.head++;
    }
  }

  /** Adds to the entry of the same time, where nothing tells the two apart. */
  #merge(at: number, { counted, whole }: Entry): boolean {
    const { columns, windows } = this;
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
    const { columns, windows } = this;
    const { measure, share } = this.#shape;
    const inside = windows.filter(({ head }) => head <= at);
    for (const window of inside) window.leave(columns, at);
    columns.counted[at] = (columns.counted[at] as number) - 1;
    const { whole } = columns;
    // The recipient of a ratio was accepted all the same; that of a share counts as if it had not been tried.
    if (whole !== undefined && (share !== undefined || measure !== 'ratio')) {
      whole[at] = Math.max(0, (whole[at] as number) - 1);
    }
    for (const window of inside) window.enter(columns, at);
    if (columns.counted[at] === 0 && (whole?.[at] ?? 0) === 0) this.#remove(at);
  }

  #remove(at: number): void {
    const { columns, windows } = this;
    for (const window of windows) {
      if (window.head <= at) window.leave(columns, at);
      else window.head--;
    }
    if (at === columns.length - 1) columns.pop();
    else columns.removeAt(at);
  }

  #compact(): void {
    const { columns, windows, newest } = this;
    this.#dropFirst(this.#countUntil(newest - this.#shape.keep));
    compactColumns(columns);
    this.#isCompacted = true;
    for (const [index, window] of windows.entries()) {
      const edge = newest - (this.#shape.limits[index]?.period as number);
      const head = columns.times.findIndex((time) => time > edge);
      window.recompute(columns, head < 0 ? columns.length : head);
    }
  }
}
