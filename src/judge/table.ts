/**
 * Timelines by key. Bounded, whatever the log makes up: a key is dropped when its newest event is older than all windows
 * of its rule. Up to the bounds nothing else is ever dropped. Beyond them the least recently used key goes first (by
 * second chance: a key that was used since its last turn gets another one), so a verdict may be missed, and it counts.
 */
import { internId } from './key.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Shape } from './shape.ts';
import { SKEW, type Timeline } from './timeline.ts';

/** The most that one rule keeps for one type of key. */
export interface Bounds {
  readonly keys: number;
  readonly entries: number;
  /** shared with all other tables of the judge */
  readonly budget?: MemoryBudget;
}

export const DEFAULT_BOUNDS: Bounds = { keys: 100_000, entries: 2_000_000 };
/** Bytes of all tables together, estimated. */
export const ALL_TABLES = 36_000_000;
/** Bytes, measured with keys that are seen once: timeline, windows, entry of the map. */
const KEY_WEIGHT = 800;

/** Called for every key that is dropped; `isLost`: though its windows may not have been empty. */
type OnDrop = (id: string, timeline: Timeline, isLost: boolean) => void;

export class KeyTable {
  readonly #timelines = new Map<string, Timeline>();
  readonly #period: number;
  readonly #entryWeight: number;
  readonly #bounds: Bounds;
  readonly #onDrop: OnDrop;
  #entries = 0;
  /** number of keys at which idle ones are looked for: at least twice what the last sweep left */
  #sweepAt = 1024;

  /** `keep`: how long a timeline keeps its entries, ms. `entryWeight` in bytes. */
  constructor(
    { keep, entryWeight }: Pick<Shape, 'keep' | 'entryWeight'>,
    bounds: Bounds,
    onDrop: OnDrop,
  ) {
    this.#period = keep;
    this.#entryWeight = entryWeight;
    this.#bounds = bounds;
    this.#onDrop = onDrop;
    bounds.budget?.join(this);
  }

  get keys(): number {
    return this.#timelines.size;
  }

  get entries(): number {
    return this.#entries;
  }

  get(id: string): Timeline | undefined {
    const timeline = this.#timelines.get(id);
    if (timeline !== undefined) timeline.used = true;
    return timeline;
  }

  /** Adds a key at event time `now` (ms), after making room for it. */
  create(id: string, timeline: Timeline, now: number): Timeline {
    if (this.#timelines.size >= this.#sweepAt) this.#sweep(now);
    if (this.#timelines.size >= this.#bounds.keys) this.#evict();
    this.#bounds.budget?.changed(KEY_WEIGHT); // first: the new key must not be the one that goes
    this.#timelines.set(internId(id), timeline);
    return timeline;
  }

  /** Call this after a timeline has grown or shrunk. It may drop other keys. */
  resized(by: number): void {
    this.#entries += by;
    this.#bounds.budget?.changed(by * this.#entryWeight);
    if (this.#entries > this.#bounds.entries && this.#timelines.size > 1) this.#evict();
  }

  /** Forgets a key without calling `onDrop`. */
  delete(id: string): void {
    const timeline = this.#timelines.get(id);
    if (timeline !== undefined) this.#remove(id, timeline);
  }

  /** Bytes, estimated. */
  get weight(): number {
    return KEY_WEIGHT * this.#timelines.size + this.#entryWeight * this.#entries;
  }

  /** Makes room for other tables. */
  shed(): void {
    this.#evict();
  }

  *[Symbol.iterator](): IterableIterator<[string, Timeline]> {
    yield* this.#timelines;
  }

  /** Cost: at most two keys are looked at for each one that was added since the last sweep. */
  #sweep(now: number): void {
    // A late line may still belong to a key that has just become idle.
    const idle = now - this.#period - SKEW;
    for (const [id, timeline] of this.#timelines) {
      if (timeline.newest <= idle) this.#drop(id, timeline, false);
    }
    this.#sweepAt = Math.max(1024, 2 * this.#timelines.size);
  }

  /**
   * Drops a sixteenth of the keys, at least one. A Map leaves holes where its first keys were, and looking for the
   * first key walks over all of them; so keys are not dropped one by one.
   */
  #evict(): void {
    const goal = this.#timelines.size - Math.ceil(this.#timelines.size / 16);
    for (const [id, timeline] of this.#timelines) {
      if (this.#timelines.size <= goal) return;
      if (timeline.used) {
        timeline.used = false;
        this.#timelines.delete(id);
        this.#timelines.set(id, timeline);
      } else {
        this.#drop(id, timeline, true);
      }
    }
  }

  #drop(id: string, timeline: Timeline, isLost: boolean): void {
    this.#remove(id, timeline);
    this.#onDrop(id, timeline, isLost);
  }

  #remove(id: string, timeline: Timeline): void {
    this.#timelines.delete(id);
    this.#entries -= timeline.size;
    this.#bounds.budget?.changed(-KEY_WEIGHT - this.#entryWeight * timeline.size);
  }
}
