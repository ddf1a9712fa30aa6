/** Goes through a table by its row numbers, one part at a time, so that no part takes long in a large table. */
import type { Db } from './database.ts';

/** Rows with numbers above `after`, up to and including `upTo`. */
interface Part {
  readonly after: number;
  readonly upTo: number;
}

export class Walk {
  readonly #end;
  #after = 0;

  /** `table` must have a column `id`, its primary key. */
  constructor(db: Db, table: string) {
    this.#end = db
      .prepare(
        `SELECT max(id) FROM (SELECT id FROM ${table} WHERE id > ? ORDER BY id LIMIT ?) AS part`,
      )
      .pluck();
  }

  /** The next `most` rows; undefined after the last one, and the next call begins again at the first. */
  next(most: number): Part | undefined {
    const after = this.#after;
    const upTo = this.#end.get(after, most) as number | null;
    this.#after = upTo ?? 0;
    return upTo === null ? undefined : { after, upTo };
  }
}
