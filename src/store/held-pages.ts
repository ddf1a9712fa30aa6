/** The pages of a period, for readers that go through them several times: their columns stay in memory, their records do not. */
import type { Page } from './page.ts';
import type { Scope } from './page-scope.ts';
import type { PageTable } from './pages.ts';

/** Some 50 MB of columns. Of a longer period every pass reads the database. */
const MOST_HELD = 4096;

export class HeldPages {
  readonly #table: PageTable;
  readonly #scope: Scope;
  /** undefined: not read yet; null: too many */
  #held: readonly Page[] | null | undefined;

  constructor(table: PageTable, scope: Scope) {
    this.#table = table;
    this.#scope = scope;
  }

  /** The pages that may have events of the period. Use a page before you take the next one. */
  *pages(): Generator<Page> {
    const read: Page[] = [];
    for (const page of this.#held ?? this.#table.read(this.#scope)) {
      yield page;
      page.close();
      if (this.#held === undefined && read.length <= MOST_HELD) read.push(page);
    }
    if (this.#held === undefined) this.#held = read.length <= MOST_HELD ? read : null;
  }

  /** Calls `visit` for the events from `since` to `until` (ms, exclusive), in order. */
  scan(since: number, until: number, visit: (page: Page, at: number) => void): void {
    for (const page of this.pages()) {
      const { times } = page.columns;
      for (let at = 0; at < page.count; at++) {
        const time = times[at] as number;
        if (time >= since && time < until) visit(page, at);
      }
    }
  }
}
