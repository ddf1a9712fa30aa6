/**
 * The events of one key as one rule sees them, in the order of their time. All limits of the rule look at the same
 * timeline, each through its own window: what lies in (newest - PERIOD, newest], where `newest` is the time of the
 * newest event that the rule uses. What a window counts is exact, also beyond the limit.
 *
 * The events themselves are shared with all other rules (entries.ts); a timeline knows which of them its rule uses, and
 * what they add. As soon as the past has to change for one rule alone, the timeline takes a copy of what the rule uses
 * and keeps it for itself: the clock was set back, a refusal is taken back, a sender is left out, there are too many
 * events, or the rule needs older ones than the others. When all of that has left its windows, it shares again.
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
import { countedOf, wholeOf } from './classes.ts';
import { Columns, type Entry } from './columns.ts';
import { compactColumns, MOST_ENTRIES } from './compact.ts';
import { countUntil, type Entries } from './entries.ts';
import { narrow, type Value } from './facts.ts';
import type { OpenRecipients } from './open-recipients.ts';
import type { Shape } from './shape.ts';
import { type Source, Window } from './window.ts';

/** How far lines of one log may be out of order, in ms. Processes of one mail server differ by seconds. */
export const SKEW = MINUTE;

/** So far back a value is looked for that came again. */
const MOVED = 32;

export class Timeline implements Source {
  /** time of the newest event in ms; -Infinity before the first */
  newest = Number.NEGATIVE_INFINITY;
  /** one for each limit of the rule */
  readonly windows: readonly Window[];
  /** recipients whose mail was put off; only for rules with a share */
  open: OpenRecipients | undefined = undefined;
  readonly #shape: Shape;
  readonly #shared: Entries | undefined;
  readonly #codes: Uint8Array | undefined;
  /** what the rule keeps for itself; undefined while it shares */
  #own: Columns | undefined;
  /** the time up to which entries of this window's past are gone, ms */
  #floor: number;
  #isCompacted = false;

  /**
   * `shared`: the events of the key, and `codes`: what each class of them adds for this rule. Without them, it keeps its
   * events for itself. `floor`: what happened until then (ms) may have been forgotten, so there is no share of it.
   */
  constructor(
    shape: Shape,
    shared?: Entries,
    codes?: Uint8Array,
    floor = Number.NEGATIVE_INFINITY,
  ) {
    this.#shape = shape;
    this.#shared = shared;
    this.#codes = codes;
    this.#own = shared === undefined ? new Columns(shape) : undefined;
    this.#floor = floor;
    this.windows = shape.limits.map((limit) => new Window(shape, limit));
  }

  /** Number of entries that it keeps for itself, for the caller's bound on memory. */
  get size(): number {
    return (this.#own?.length ?? 0) + (this.open?.size ?? 0);
  }

  get isShared(): boolean {
    return this.#own === undefined;
  }

  get length(): number {
    return this.#own?.length ?? this.#entries.length;
  }

  countedAt(at: number): number {
    if (this.#own !== undefined) return this.#own.counted[at] as number;
    const code = this.codeAt(at);
    return code === 0 ? 0 : countedOf(code, this.#entries.amounts?.[at] ?? 0);
  }

  wholeAt(at: number): number {
    if (this.#own !== undefined) return this.#own.whole?.[at] ?? 0;
    const code = this.codeAt(at);
    return code === 0 ? 0 : wholeOf(code, this.#entries.amounts?.[at] ?? 0);
  }

  valueAt(at: number): Value {
    if (this.#own !== undefined) return this.#own.values?.[at] ?? '';
    const { distinct } = this.#shape;
    if (distinct === undefined) return '';
    if (distinct === 'recipient') return this.#entries.recipients?.[at] ?? '';
    return narrow(distinct, this.#entries.clients?.[at] ?? '');
  }

  placeAt(at: number): string {
    return (this.#own ?? this.#entries).places?.[at] ?? '';
  }

  senderAt(at: number): string {
    return (this.#own ?? this.#entries).senders?.[at] ?? '';
  }

  hostAt(at: number): string {
    return (this.#own ?? this.#entries).hosts?.[at] ?? '';
  }

  /** What a shared event is to the rule; 0: not used. */
  codeAt(at: number): number {
    return (this.#codes as Uint8Array)[this.#entries.classes[at] as number] as number;
  }

  get #entries(): Entries {
    return this.#shared as Entries;
  }

  /** Whether it takes an event of this time (ms) from the shared ones; else `share` is asked, or the event is given by `add`. */
  isReady(time: number, late: boolean): boolean {
    if (time < this.newest - SKEW && !late) this.keepOwn();
    return this.#own === undefined;
  }

  /**
   * Shares again from an event of this time (ms) on, if all that it keeps for itself is over. `drop` leaves this rule out
   * of the class of a shared event; it returns false when that is not possible.
   */
  share(time: number, drop: (at: number) => boolean): boolean {
    if (this.#shared === undefined || time < this.newest - SKEW) return false;
    const last = this.#own?.times.at(-1) ?? Number.NEGATIVE_INFINITY;
    if (last > Math.max(time, this.newest) - this.#shape.keep) return false;
    const { length } = this.#entries;
    for (let at = 0; at < length; at++) if (this.codeAt(at) !== 0 && !drop(at)) return false;
    this.#own = undefined;
    this.#isCompacted = false;
    this.#recompute();
    return true;
  }

  /** Counts the shared event at this index, which the rule uses. */
  count(at: number, time: number): void {
    if (time > this.newest) this.newest = time;
    const { windows } = this;
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index] as Window;
      if (at >= window.head) window.enter(this, at);
    }
    this.#advance();
  }

  /** A shared event was inserted at this index, before others; it is not counted yet. */
  shift(at: number): void {
    if (this.#own !== undefined) return;
    for (const window of this.windows) if (at < window.head) window.head++;
  }

  /** The first shared events, up to `time` (ms), are about to go. */
  release(count: number, time: number): void {
    if (this.#own !== undefined) return;
    if (time > this.newest - this.#shape.keep) this.keepOwn();
    else this.#leaveFirst(count);
  }

  /** From now on the rule keeps what it uses for itself; without the shared event at `except`. */
  keepOwn(except = -1): void {
    if (this.#own !== undefined) return;
    const entries = this.#listUsed(except);
    const own = new Columns(this.#shape);
    for (const entry of entries) own.push(entry);
    this.#own = own;
    this.#entries.hasOthers = true;
    this.#recompute();
  }

  /** From now on it knows whose mail was put off. */
  follow(open: OpenRecipients): OpenRecipients {
    this.open = open;
    if (this.#shared !== undefined) this.#shared.hasOthers = true;
    return open;
  }

  /** The shared events that the rule uses and that lie in its reach. */
  #listUsed(except: number): Entry[] {
    const { movesValues, keep } = this.#shape;
    const seen = new Set<Value>();
    const entries: Entry[] = [];
    for (let at = this.length - 1; at >= 0; at--) {
      const entry = this.#entryAt(at);
      if (entry.time <= this.newest - keep || entry.time > this.newest) continue;
      if (at === except || this.codeAt(at) === 0) continue;
      if (movesValues && seen.has(entry.value)) continue;
      seen.add(entry.value);
      entries.push(entry);
    }
    return entries.reverse();
  }

  #entryAt(at: number): Entry {
    const counted = this.countedAt(at);
    return {
      time: this.#entries.times[at] as number,
      counted,
      whole: this.wholeAt(at),
      value: counted > 0 ? this.valueAt(at) : '',
      place: this.placeAt(at),
      sender: this.senderAt(at),
      host: this.hostAt(at),
    };
  }

  /** Adds an event that is not shared; `entry` is not kept. `late`: the log told it late, so its time is right however far back. */
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
    if (this.#columns.length >= MOST_ENTRIES) this.#compact();
    this.#insert(entry);
  }

  /** Takes back a counted event that was added. Where entries were merged, takes it from the one that has it now. */
  takeBack({ time, value }: Entry): void {
    this.keepOwn();
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
    this.keepOwn();
    for (let at = this.length - 1; at >= 0; at--) {
      if (this.senderAt(at) === sender) this.#remove(at);
    }
  }

  /**
   * Most logins come from the same address as the one before, or as one shortly before. Then there is nothing new to
   * keep but the time. Returns whether that is all.
   */
  #moveValue({ value, time }: Entry): boolean {
    const { windows } = this;
    const columns = this.#columns;
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
    return isHalf ? 0 : window.measure(this.#shape, this);
  }

  #setBack(time: number): void {
    const { newest } = this;
    const columns = this.#columns;
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
    const { windows, newest } = this;
    const columns = this.#columns;
    for (const [index, window] of windows.entries()) {
      const edge = newest - (this.#shape.limits[index]?.period as number);
      while (window.head > 0 && (columns.times[window.head - 1] as number) > edge) {
        window.head--;
        window.enter(this, window.head);
      }
    }
  }

  /** Moves all windows to the newest event. */
  #advance(): void {
    const { windows, newest } = this;
    const { times } = this.#own ?? this.#entries;
    let first = times.length;
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index] as Window;
      const edge = newest - (this.#shape.limits[index]?.period as number);
      let { head } = window;
      while (head < times.length && (times[head] as number) <= edge) {
        window.leave(this, head);
        head++;
      }
      window.head = head;
      if (head < first) first = head;
    }
    // Amortised: never moves more entries than are dropped. What is shared is not dropped here.
    if (this.#own === undefined || first < 32 || first * 2 < times.length) return;
    const { keep, reach } = this.#shape;
    const gone = keep === reach ? first : this.#countUntil(newest - keep);
    if (gone >= 32 && gone * 2 >= times.length) this.#dropFirst(gone);
  }

  /** How many entries are not later than `time`. */
  #countUntil(time: number): number {
    return countUntil(this.#columns.times, time);
  }

  #dropFirst(count: number): void {
    if (count === 0) return;
    this.#leaveFirst(count);
    this.#columns.dropFirst(count);
  }

  /** The first entries are about to go. */
  #leaveFirst(count: number): void {
    for (const window of this.windows) {
      for (; window.head < count; window.head++) window.leave(this, window.head);
      window.head -= count;
    }
  }

  #insert(entry: Entry): void {
    const columns = this.#columns;
    const { times } = columns;
    let at = times.length;
    while (at > 0 && (times[at - 1] as number) > entry.time) at--;
    if (at > 0 && times[at - 1] === entry.time && this.#merge(at - 1, entry)) return;
    if (at === times.length) columns.push(entry);
    else columns.insert(at, entry);
    for (let index = 0; index < this.windows.length; index++) {
      const window = this.windows[index] as Window;
      const edge = this.newest - (this.#shape.limits[index]?.period as number);
      if (entry.time > edge) window.enter(this, at);
      else window.head++;
    }
  }

  /** Adds to the entry of the same time, where nothing tells the two apart. */
  #merge(at: number, { counted, whole }: Entry): boolean {
    const { windows } = this;
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
    const { windows } = this;
    const columns = this.#columns;
    const { measure, share } = this.#shape;
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
    const { windows } = this;
    const columns = this.#columns;
    for (const window of windows) {
      if (window.head <= at) window.leave(this, at);
      else window.head--;
    }
    if (at === columns.length - 1) columns.pop();
    else columns.removeAt(at);
  }

  #compact(): void {
    this.#dropFirst(this.#countUntil(this.newest - this.#shape.keep));
    compactColumns(this.#columns);
    this.#isCompacted = true;
    this.#recompute();
  }

  /** The windows anew. */
  #recompute(): void {
    const { times } = this.#own ?? this.#entries;
    for (const [index, window] of this.windows.entries()) {
      const edge = this.newest - (this.#shape.limits[index]?.period as number);
      window.recompute(this, countUntil(times, edge));
    }
  }

  /** What it keeps for itself, where it does. */
  get #columns(): Columns {
    return this.#own as Columns;
  }
}
