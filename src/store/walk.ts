/** Goes through a table by its numbers, a part at a time, so that no part takes long however large the table is. */
import type { Db } from './database.ts';

/** Rows numbered above `after`, up to and with `upTo`. */
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

  /** The next `most` rows; undefined behind the last one, and then from the first on again. */
  next(most: number): Part | undefined {
    const after = this.#after;
    const upTo = this.#end.get(after, most) as number | null;
    this.#after = upTo ?? 0;
    return upTo === null ? undefined : { after, upTo };
  }
}
