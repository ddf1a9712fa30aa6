/** What is known of one key: its events, which all rules share, and how each rule sees them. */
import type { Reader } from './classes.ts';
import { MOST_ENTRIES } from './compact.ts';
import { Entries, type EntryFacts } from './entries.ts';
import { OPEN_FOR, OpenRecipients } from './open-recipients.ts';
import { Timeline } from './timeline.ts';

/** With fewer events, nothing is gained by dropping the old ones. */
const LEAST_DROPPED = 64;

export class Subject {
  readonly entries = new Entries();
  /** by slot of the rule; undefined: the rule has used no event of the key */
  readonly timelines: (Timeline | undefined)[] = [];
  /** number of timelines */
  count = 0;
  /** event time of the last event, ms */
  lastSeen = Number.NEGATIVE_INFINITY;
  /** used since its last turn as a candidate for eviction */
  used = false;
  /** bytes that the table counts for it, estimated */
  weight = 0;
  /** events, entries of timelines that do not share, and open recipients, as the table counts them */
  kept = 0;
  /** The table no longer knows it. */
  isDropped = false;
  readonly #floor: number;
  #dropAt = LEAST_DROPPED;

  /** `floor`: what happened until then (ms) may have been forgotten. */
  constructor(floor: number) {
    this.#floor = floor;
  }

  get(slot: number): Timeline | undefined {
    return this.timelines[slot];
  }

  /** How a rule sees the key; nothing is counted in it yet. */
  addTimeline({ slot, shape, codes }: Reader): Timeline {
    const timeline = new Timeline(shape, this.entries, codes, this.#floor);
    if (shape.share !== undefined && this.#floor > Number.NEGATIVE_INFINITY) {
      timeline.follow(new OpenRecipients(this.#floor + OPEN_FOR));
    }
    while (this.timelines.length < slot) this.timelines.push(undefined);
    this.timelines[slot] = timeline;
    this.count++;
    return timeline;
  }

  /** Events, entries of timelines that do not share, and open recipients. */
  countKept(): number {
    return this.entries.length + this.entries.countOthers();
  }

  /** Whether an event of this time (ms) comes after all others, and all rules take it from what they share. */
  isCalm(time: number): boolean {
    return time >= this.lastSeen && this.entries.areShared;
  }

  /**
   * Adds an event of a class to those that all rules share, and returns its index. `keep`: how long the rules need it,
   * ms.
   */
  add(facts: EntryFacts, number: number, needs: number, keep: number): number {
    const { entries } = this;
    if (entries.length >= this.#dropAt) this.#dropOld(keep);
    const isLast = !((entries.times.at(-1) as number) > facts.time);
    if (!isLast) for (const timeline of this.timelines) timeline?.catchUp();
    const at = entries.add(facts, number, needs);
    if (!isLast) for (const timeline of this.timelines) timeline?.shift(at);
    return at;
  }

  /** Amortised: half of the events are new since the last time. */
  #dropOld(keep: number): void {
    const { entries } = this;
    this.#drop(entries.countUntil((entries.times.at(-1) as number) - keep));
    // A very large sender: each rule makes its own part shorter.
    if (entries.length >= MOST_ENTRIES) for (const one of this.timelines) one?.keepOwn();
    if (!this.timelines.some((timeline) => timeline?.isShared)) entries.dropFirst(entries.length);
    this.#dropAt = Math.min(MOST_ENTRIES, Math.max(LEAST_DROPPED, 2 * entries.length));
  }

  #drop(count: number): void {
    if (count === 0) return;
    const time = this.entries.times[count - 1] as number;
    for (const timeline of this.timelines) timeline?.release(count, time);
    this.entries.dropFirst(count);
  }
}
