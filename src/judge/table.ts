/**
 * Windows by key, bounded whatever the log makes up: a key is dropped when its newest event is older than the
 * period, and beyond a number of keys or of entries the least recently used goes first (by second chance: a key
 * that was used since its last turn gets another one).
 */
import { shared } from './key.ts';
import type { Pool } from './pool.ts';
import { SKEW, type Window } from './window.ts';

/**
 * The most that one limit of one rule keeps: at some 400 bytes a key and 20 to 100 an entry, 10 to 30 MB.
 * A key on its way to LIM events per PERIOD has one every PERIOD / LIM; it is lost only when some 25,000 keys
 * that were never seen before come within that time.
 */
export interface Bounds {
  readonly keys: number;
  readonly entries: number;
  /** shared with all other tables of the judge */
  readonly pool?: Pool;
}

export const DEFAULT_BOUNDS: Bounds = { keys: 25_000, entries: 250_000 };
/** Bytes, about, of all tables together. */
export const ALL_TABLES = 24_000_000;
/** Measured with keys that come once: window, state, entry of the map. */
const KEY_WEIGHT = 600;
const ENTRY_WEIGHT = 80;

/** What is known of one key. */
export interface KeyState {
  readonly window: Window;
  /** used since its last turn as a candidate for eviction */
  used: boolean;
  /** the limit was met by the last event that was counted (observe rules: no second verdict) */
  met: boolean;
  /** event time of the last event that met the limit */
  lastMet: number;
  /** the largest measure so far and its time */
  highest: number;
  highestTime: number;
}

/** Told about every key that is dropped. */
type OnDrop = (id: string, state: KeyState) => void;

export class KeyTable {
  readonly #states = new Map<string, KeyState>();
  readonly #period: number;
  readonly #bounds: Bounds;
  readonly #onDrop: OnDrop;
  #entries = 0;
  /** number of keys at which idle ones are looked for; at least twice what the last look left */
  #sweepAt = 1024;

  constructor(period: number, bounds: Bounds, onDrop: OnDrop) {
    this.#period = period;
    this.#bounds = bounds;
    this.#onDrop = onDrop;
    bounds.pool?.join(this);
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

  /** Adds a key at event time `now`; makes room for it first. */
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
    this.#bounds.pool?.changed(KEY_WEIGHT); // before: it must not make way for itself
    this.#states.set(shared(id), state);
    return state;
  }

  /** To be told after a window has changed its size; may drop other keys. */
  resized(by: number): void {
    this.#entries += by;
    this.#bounds.pool?.changed(by * ENTRY_WEIGHT);
    if (this.#entries > this.#bounds.entries && this.#states.size > 1) this.#evict();
  }

  /** Forgets a key without telling `onDrop`. */
  delete(id: string): void {
    const state = this.#states.get(id);
    if (state !== undefined) this.#remove(id, state);
  }

  /** Bytes, about. */
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

  /** Cost: the keys looked at are at most twice those added since the last time. */
  #sweep(now: number): void {
    // Late lines may still belong to what has just become idle.
    const idle = now - this.#period - SKEW;
    for (const [id, state] of this.#states) {
      if (state.window.newest <= idle) this.#drop(id, state);
    }
    this.#sweepAt = Math.max(1024, 2 * this.#states.size);
  }

  /**
   * Drops a sixteenth of the keys, at least one: a Map leaves holes where its first keys were, and whoever asks
   * for the first key walks over all of them.
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
    this.#bounds.pool?.changed(-KEY_WEIGHT - ENTRY_WEIGHT * state.window.size);
  }
}
