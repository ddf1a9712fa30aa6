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
import { type Code, countedOf, wholeOf } from './classes.ts';
import type { Entry } from './columns.ts';
import type { Entries } from './entries.ts';
import { narrow, type Value } from './facts.ts';
import type { OpenRecipients } from './open-recipients.ts';
import { OwnEvents, SKEW } from './own-events.ts';
import type { Shape } from './shape.ts';
import type { Source, Window } from './window.ts';
import { WindowSet } from './window-set.ts';

export class Timeline extends WindowSet implements Source {
  /** recipients whose mail was put off; only for rules with a share */
  open: OpenRecipients | undefined = undefined;
  readonly #shared: Entries | undefined;
  readonly #codes: Uint8Array | undefined;
  /** what the rule keeps for itself; undefined while it shares */
  #own: OwnEvents | undefined;
  /** the shared events before this index are counted; those from there on may wait (`Shape.defersWhole`) */
  #next: number;

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
    super(shape, floor);
    this.#shared = shared;
    this.#codes = codes;
    this.#own = shared === undefined ? new OwnEvents(this, []) : undefined;
    this.#next = shared?.length ?? 0;
  }

  /** Time of the newest event but those of this time (ms). */
  newestBefore(time: number): number {
    return time < this.newest ? this.newest : this.previous;
  }

  /** Number of entries that it keeps for itself, for the caller's bound on memory. */
  get size(): number {
    return (this.#own?.length ?? 0) + (this.open?.size ?? 0);
  }

  get isShared(): boolean {
    return this.#own === undefined;
  }

  /** Whether it has nothing but what it shares. */
  get isPlain(): boolean {
    return this.#own === undefined && this.open === undefined;
  }

  get length(): number {
    return this.#own?.length ?? this.#entries.length;
  }

  countedAt(at: number): number {
    if (this.#own !== undefined) return this.#own.countedAt(at);
    const code = this.codeAt(at);
    return code === 0 ? 0 : countedOf(code, this.#entries.amounts?.[at] ?? 0);
  }

  wholeAt(at: number): number {
    if (this.#own !== undefined) return this.#own.wholeAt(at);
    const code = this.codeAt(at);
    return code === 0 ? 0 : wholeOf(code, this.#entries.amounts?.[at] ?? 0);
  }

  valueAt(at: number): Value {
    if (this.#own !== undefined) return this.#own.valueAt(at);
    const { distinct } = this.shape;
    if (distinct === undefined) return '';
    if (distinct === 'recipient') return this.#entries.recipients?.[at] ?? '';
    return narrow(distinct, this.#entries.clients?.[at] ?? '');
  }

  placeAt(at: number): string {
    return this.#own?.placeAt(at) ?? this.#entries.places?.[at] ?? '';
  }

  senderAt(at: number): string {
    return this.#own?.senderAt(at) ?? this.#entries.senders?.[at] ?? '';
  }

  hostAt(at: number): string {
    return this.#own?.hostAt(at) ?? this.#entries.hosts?.[at] ?? '';
  }

  /** What a shared event is to the rule; 0: not used. */
  codeAt(at: number): Code {
    return (this.#codes as Uint8Array)[this.#entries.classes[at] as number] as number;
  }

  get #entries(): Entries {
    return this.#shared as Entries;
  }

  /** Whether it takes an event of this time (ms) from the shared ones; else `share` is asked, or the event is given by `add`. */
  isReady(time: number, late: boolean): boolean {
    this.catchUp();
    if (time < this.newest - SKEW && !late) this.keepOwn();
    return this.#own === undefined;
  }

  /**
   * Shares again from an event of this time (ms) on, if all that it keeps for itself is over. `drop` leaves this rule out
   * of the class of a shared event; it returns false when that is not possible.
   */
  share(time: number, drop: (at: number) => boolean): boolean {
    if (this.#shared === undefined || time < this.newest - SKEW) return false;
    if (
      (this.#own?.last ?? Number.NEGATIVE_INFINITY) >
      Math.max(time, this.newest) - this.shape.keep
    )
      return false;
    const { length } = this.#entries;
    for (let at = 0; at < length; at++) if (this.codeAt(at) !== 0 && !drop(at)) return false;
    this.#own = undefined;
    this.#next = length;
    this.recompute(this, this.#entries.times);
    return true;
  }

  /** Counts the shared event at this index, which the rule uses, and those before it that have waited. */
  count(at: number, time: number): void {
    if (at < this.#next || !this.shape.defersWhole) this.#count(at, time);
    else this.catchUp();
  }

  /** Counts the shared events that have waited. */
  catchUp(): void {
    if (this.#own !== undefined || !this.shape.defersWhole) return;
    const { times } = this.#entries;
    while (this.#next < times.length) {
      const at = this.#next++;
      if (this.codeAt(at) !== 0) this.#count(at, times[at] as number);
    }
  }

  #count(at: number, time: number): void {
    const { times, classes, amounts } = this.#entries;
    const codes = this.#codes as Uint8Array;
    if (time > this.newest) {
      this.previous = this.newest;
      this.newest = time;
    }
    const code = codes[classes[at] as number] as Code;
    const amount = amounts?.[at] ?? 0;
    for (let index = 0; index < this.windows.length; index++) {
      const window = this.windows[index] as Window;
      let { head } = window;
      if (at >= head) window.add(this, at, countedOf(code, amount), wholeOf(code, amount));
      const edge = this.newest - window.period;
      while (head < times.length && (times[head] as number) <= edge) {
        const before = codes[classes[head] as number] as Code;
        // Most of what leaves is of other rules.
        if (before !== 0) window.leave(this, head);
        head++;
      }
      window.head = head;
    }
  }

  /** A shared event was inserted at this index, before others; it is not counted yet. All others are. */
  shift(at: number): void {
    if (this.#own !== undefined) return;
    this.#next++;
    for (const window of this.windows) if (at < window.head) window.head++;
  }

  /** The first shared events, up to `time` (ms), are about to go. */
  release(count: number, time: number): void {
    if (this.#own !== undefined) return;
    if (time > this.newest - this.shape.keep) this.keepOwn();
    else {
      this.leaveFirst(this, count);
      this.#next -= count;
    }
  }

  /** From now on the rule keeps what it uses for itself; without the shared event at `except`. */
  keepOwn(except = -1): void {
    if (this.#own !== undefined) return;
    this.catchUp();
    this.#own = new OwnEvents(this, this.#listUsed(except));
    this.#entries.addOther(this);
  }

  /** From now on it knows whose mail was put off. */
  follow(open: OpenRecipients): OpenRecipients {
    this.catchUp();
    this.open = open;
    this.#shared?.addOther(this);
    return open;
  }

  /** The shared events that the rule uses and that lie in its reach. */
  #listUsed(except: number): Entry[] {
    const { movesValues, keep } = this.shape;
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
    this.#keep().add(entry, late);
  }

  /** Takes back a counted event that was added. Where entries were merged, takes it from the one that has it now. */
  takeBack(entry: Entry): void {
    this.#keep().takeBack(entry);
  }

  /** Removes all that came from this sender. */
  removeSender(sender: string): void {
    this.#keep().removeSender(sender);
  }

  #keep(): OwnEvents {
    this.keepOwn();
    return this.#own as OwnEvents;
  }

  /** The measure of one window; 0 while a share of it would be one of a half. */
  measure(index: number): number {
    const window = this.windows[index] as Window;
    const { hasWhole, limits } = this.shape;
    const isHalf = hasWhole && this.newest - (limits[index]?.period as number) < this.floor;
    return isHalf ? 0 : window.measure(this.shape, this);
  }
}
