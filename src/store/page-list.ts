/** Which pages are read, and in which order. */
import { MOST_EVENTS } from './page-form.ts';
import type { Order, Scope } from './page-scope.ts';

const ALL_KINDS = -1;

/** Numbers of the first events of the pages. Found by indexes alone: the pages are not touched. */
export function buildList(
  { since, until = Number.MAX_SAFE_INTEGER, after = 0, kinds = ALL_KINDS, submitters }: Scope,
  order: Order,
): { sql: string; values: readonly number[] } {
  const from = since ?? Number.MIN_SAFE_INTEGER;
  if (submitters !== undefined) {
    const ordered = order === 'stored' ? 'first' : 'newest DESC, first DESC';
    const own = `submitter IN (${submitters.join(', ')}) AND newest >= ? AND first > ?`;
    const sql = `SELECT DISTINCT first, newest FROM page_submitter WHERE ${own} ORDER BY ${ordered}`;
    return { sql, values: [from, after - MOST_EVENTS] };
  }
  // The plus keeps SQLite from going through all pages of the table in their order, when the index by time has a few.
  const first = since === undefined ? 'first' : '+first';
  const ordered = order === 'stored' ? first : 'newest DESC, first DESC';
  return {
    sql: `SELECT first FROM page WHERE newest >= ? AND oldest < ? AND (kinds & ?) <> 0 AND ${first} > ? ORDER BY ${ordered}`,
    values: [from, until, kinds, after - MOST_EVENTS],
  };
}

/** Two lists, each in order, as one. */
export function* merge<T>(
  one: Generator<T>,
  other: Generator<T>,
  isBefore: (a: T, b: T) => boolean,
) {
  let a = one.next();
  let b = other.next();
  try {
    while (a.done !== true && b.done !== true) {
      if (isBefore(a.value, b.value)) {
        yield a.value;
        a = one.next();
      } else {
        yield b.value;
        b = other.next();
      }
    }
    for (; a.done !== true; a = one.next()) yield a.value;
    for (; b.done !== true; b = other.next()) yield b.value;
  } finally {
    one.return(undefined);
    other.return(undefined);
  }
}
