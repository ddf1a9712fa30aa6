/**
 * How the events of a period are found. They came nearly in the order of time, so those of a period lie together:
 * read from the first to the last in one go they cost a quarter of what they cost one by one over the index of times.
 */
import type { Db } from './database.ts';

/** A condition on the table `event`, and its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly number[];
}

/** So many times the events of the period may lie between its first and its last one. */
const SPREAD = 4;

/** Holds for the events from `since` (inclusive) to `until` (exclusive), ms; the index of times finds them, too. */
export function between(since: number | undefined, until: number | undefined): Condition {
  if (since === undefined && until === undefined) return { sql: 'TRUE', values: [] };
  return {
    sql: 'event.time >= ? AND event.time < ?',
    values: [since ?? Number.MIN_SAFE_INTEGER, until ?? Number.MAX_SAFE_INTEGER],
  };
}

/** The same for who reads most of them. */
export function within(db: Db, since?: number, until?: number): Condition {
  const period = between(since, until);
  if (period.values.length === 0) return period;
  const { first, last, count } = db
    .prepare(
      `SELECT min(id) AS first, max(id) AS last, count(*) AS count FROM event WHERE ${period.sql}`,
    )
    .get(...period.values) as { first: number | null; last: number | null; count: number };
  if (first === null || last === null) return { sql: 'FALSE', values: [] };
  // A stamp from the future or an old log read late: the rest of the table would lie in between.
  if (last - first >= SPREAD * count) return period;
  // The plus keeps SQLite from the index of times.
  return {
    sql: 'event.id BETWEEN ? AND ? AND +event.time >= ? AND +event.time < ?',
    values: [first, last, ...period.values],
  };
}
