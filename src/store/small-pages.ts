/** Pages of a few events, as small commits leave them: those that follow each other are put together. */
import type { Db } from './database.ts';
import { MOST_EVENTS } from './page-form.ts';
import type { PageTable } from './pages.ts';

/** Pages with fewer events are put together: page_small in migrations.ts. */
const SMALL = MOST_EVENTS / 2;
/** Small pages that one step looks at. */
const MOST_SMALL = 64;

interface Found {
  readonly first: number;
  readonly count: number;
}

export class SmallPages {
  readonly #pages: PageTable;
  readonly #find;

  constructor(db: Db, pages: PageTable) {
    this.#pages = pages;
    this.#find = db.prepare(
      `SELECT first, count FROM page WHERE count < ${SMALL} AND first > ? ORDER BY first LIMIT ?`,
    );
  }

  /**
   * Puts some small pages that follow each other together. Gives the number to go on after, 0 at first; undefined after
   * the last one.
   */
  pack(after: number): number | undefined {
    const small = this.#find.all(after, MOST_SMALL) as Found[];
    const run = findRun(small);
    this.#pages.store(run.flatMap(({ first }) => this.#pages.take(first)));
    const end = run.at(-1) ?? (small.length === MOST_SMALL ? small.at(-1) : undefined);
    return end?.first;
  }
}

/** The first pages that follow each other without a gap and fit into one; none if there are no two of them. */
function findRun(small: readonly Found[]): readonly Found[] {
  for (let begin = 0; begin < small.length; begin++) {
    let end = begin;
    let sum = 0;
    for (; end < small.length; end++) {
      const { first, count } = small[end] as Found;
      const before = small[end - 1] as Found | undefined;
      const follows =
        end === begin || (before !== undefined && before.first + before.count === first);
      if (!follows || sum + count > MOST_EVENTS) break;
      sum += count;
    }
    if (end - begin > 1) return small.slice(begin, end);
  }
  return [];
}
