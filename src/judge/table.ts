/**
 * Windows by key. Bounded, whatever the log makes up: a key is dropped when its newest event is older than the period.
 * Beyond a number of keys or entries, the least recently used key goes first (by second chance: a key that was used
 * since its last turn gets another one).
 */
import { internId } from './key.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { SKEW, type Window } from './window.ts';

/**
 * The most that one limit of one rule keeps. With some 400 bytes for a key and 20 to 100 for an entry, that is 10 to
 * 30 MB. A key on its way to LIM events per PERIOD has an event every PERIOD / LIM. It is lost only when some 25,000
 * new keys appear within that time.
 */
export interface Bounds {
  readonly keys: number;
  readonly entries: number;
  /** shared with all other tables of the judge */
  readonly budget?: MemoryBudget;
}

export const DEFAULT_BOUNDS: Bounds = { keys: 25_000, entries: 250_000 };
/** Bytes of all tables together, estimated. */
export const ALL_TABLES = 24_000_000;
/** Bytes, measured with keys that are seen once: window, state, entry of the map. */
const KEY_WEIGHT = 600;
const ENTRY_WEIGHT = 80;

/** What is known of one key. */
export interface KeyState {
  readonly window: Window;
  /** used since its last turn as a candidate for eviction */
  used: boolean;
  /** the last event that was counted met the limit (a rule that observes gives no second verdict) */
  met: boolean;
  /** event time of the last event that met the limit */
  lastMet: number;
  /** the largest measure so far and its time */
  highest: number;
  highestTime: number;
}

/** Called for every key that is dropped. */
type OnDrop = (id: string, state: KeyState) => void;

export class KeyTable {
  readonly #states = new Map<string, KeyState>();
  readonly #period: number;
  readonly #bounds: Bounds;
  readonly #onDrop: OnDrop;
  #entries = 0;
  /** number of keys at which idle ones are looked for: at least twice what the last sweep left */
  #sweepAt = 1024;

  constructor(period: number, bounds: Bounds, onDrop: OnDrop) {
    this.#period = period;
    this.#bounds = bounds;
    this.#onDrop = onDrop;
    bounds.budget?.join(this);
  }

  get keys(): number {
    return this.#states.size;
  }

  get entries(): number {
    return this.#entries;
  }

  get(id: string): KeyState | undefined {
    const state = this.#states.get(id);
    if (state !== undefined) state.used = true;
    return state;
  }

  /** Adds a key at event time `now` (ms), after making room for it. */
  create(id: string, window: Window, now: number): KeyState {
    if (this.#states.size >= this.#sweepAt) this.#sweep(now);
    if (this.#states.size >= this.#bounds.keys) this.#evict();
    const state: KeyState = {
      window,
      used: false,
      met: false,
      lastMet: Number.NEGATIVE_INFINITY,
      highest: 0,
      highestTime: now,
    };
    this.#bounds.budget?.changed(KEY_WEIGHT); // first: the new key must not be the one that goes
    this.#states.set(internId(id), state);
    return state;
  }

  /** Call this after a window has grown or shrunk. It may drop other keys. */
  resized(by: number): void {
    this.#entries += by;
    this.#bounds.budget?.changed(by * ENTRY_WEIGHT);
    if (this.#entries > this.#bounds.entries && this.#states.size > 1) this.#evict();
  }

  /** Forgets a key without calling `onDrop`. */
  delete(id: string): void {
    const state = this.#states.get(id);
    if (state !== undefined) this.#remove(id, state);
  }

  /** Bytes, estimated. */
  get weight(): number {
    return KEY_WEIGHT * this.#states.size + ENTRY_WEIGHT * this.#entries;
  }

  /** Makes room for other tables. */
  shed(): void {
    this.#evict();
  }

  *[Symbol.iterator](): IterableIterator<[string, KeyState]> {
    yield* this.#states;
  }

  /** Cost: at most two keys are looked at for each one that was added since the last sweep. */
  #sweep(now: number): void {
    // A late line may still belong to a key that has just become idle.
    const idle = now - this.#period - SKEW;
    for (const [id, state] of this.#states) {
      if (state.window.newest <= idle) this.#drop(id, state);
    }
    this.#sweepAt = Math.max(1024, 2 * this.#states.size);
  }

  /**
   * Drops a sixteenth of the keys, at least one. A Map leaves holes where its first keys were, and looking for the
   * first key walks over all of them; so keys are not dropped one by one.
   */
  #evict(): void {
    const goal = this.#states.size - Math.ceil(this.#states.size / 16);
    for (const [id, state] of this.#states) {
      if (this.#states.size <= goal) return;
      if (state.used) {
        state.used = false;
        this.#states.delete(id);
        this.#states.set(id, state);
      } else {
        this.#drop(id, state);
      }
    }
  }

  #drop(id: string, state: KeyState): void {
    this.#remove(id, state);
    this.#onDrop(id, state);
  }

  #remove(id: string, state: KeyState): void {
    this.#states.delete(id);
    this.#entries -= state.window.size;
    this.#bounds.budget?.changed(-KEY_WEIGHT - ENTRY_WEIGHT * state.window.size);
  }
}
