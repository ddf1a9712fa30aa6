/** How much a judge keeps of the keys of one type, and what that weighs. */
import type { MemoryBudget } from './memory-budget.ts';

/** The most that is kept for one type of key. */
export interface Bounds {
  /** keys with more than a few events */
  readonly keys: number;
  /** keys with a few events that are far from any limit */
  readonly few: number;
  readonly entries: number;
  /** shared with all other tables of the judge */
  readonly budget?: MemoryBudget;
}

export const DEFAULT_BOUNDS: Bounds = { keys: 50_000, few: 300_000, entries: 2_000_000 };
/** Bytes of all tables together, estimated. */
export const ALL_TABLES = 36_000_000;
/** Bytes, measured: a key with its columns, how one rule sees it with two windows, an entry, an event of a few. */
export const WEIGHTS = { key: 400, timeline: 500, entry: 40, few: 20, fewKey: 60 } as const;
