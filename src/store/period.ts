/**
 * How the events of a period are found. They were stored almost in the order of time, so the events of a period lie
 * together: reading all rows from the first to the last takes a quarter of the time of following the index of times.
 */
import type { Db } from './database.ts';

/** A condition on the table `event`, with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly number[];
}

/** Rows that may lie between the first and the last event of a period, as a multiple of its events. */
const SPREAD = 4;

/** Holds for events from `since` (inclusive) to `until` (exclusive), ms. The index of times can find them. */
export function between(since: number | undefined, until: number | undefined): Condition {
  if (since === undefined && until === undefined) return { sql: 'TRUE', values: [] };
  return {
    sql: 'event.time >= ? AND event.time < ?',
    values: [since ?? Number.MIN_SAFE_INTEGER, until ?? Number.MAX_SAFE_INTEGER],
  };
}

/** The same, for callers that read most of these events. */
export function within(db: Db, since?: number, until?: number): Condition {
  const period = between(since, until);
  if (period.values.length === 0) return period;
  const { first, last, count } = db
    .prepare(
      `SELECT min(id) AS first, max(id) AS last, count(*) AS count FROM event WHERE ${period.sql}`,
    )
    .get(...period.values) as { first: number | null; last: number | null; count: number };
  if (first === null || last === null) return { sql: 'FALSE', values: [] };
  // A time stamp from the future, or an old log that was read late: most of the table would lie in between.
  if (last - first >= SPREAD * count) return period;
  // The plus keeps SQLite from using the index of times.
  return {
    sql: 'event.id BETWEEN ? AND ? AND +event.time >= ? AND +event.time < ?',
    values: [first, last, ...period.values],
  };
}
