/**
 * The space that the database takes. SQLite uses the pages of deleted rows again. A file that was made with
 * auto_vacuum=INCREMENTAL can also return them to the file system. An older file keeps its size until it is vacuumed.
 */
import type { Db } from './database.ts';

export interface Space {
  /** of the file, without the write-ahead log */
  readonly bytes: number;
  /** of these, what new events can use before the file grows */
  readonly free: number;
  /** whether free pages are returned to the file system */
  readonly shrinks: boolean;
}

/** PRAGMA auto_vacuum */
const INCREMENTAL = 2;
/** The share of the pages that stays free for new events: a file that shrinks and grows every hour gains nothing. */
const RESERVE = 0.1;
/** Pages that always stay, 1 MB. */
const LEAST_RESERVE = 256;

export class SpaceUse {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  measure(): Space {
    const size = this.#read('page_size');
    return {
      bytes: this.#read('page_count') * size,
      free: this.#read('freelist_count') * size,
      shrinks: this.#read('auto_vacuum') === INCREMENTAL,
    };
  }

  /** Returns up to `most` free pages beyond the reserve; whether there are more. False for a file that cannot shrink. */
  shrink(most: number): boolean {
    if (this.#read('auto_vacuum') !== INCREMENTAL) return false;
    const surplus = this.#countSurplus();
    if (surplus <= 0) return false;
    this.#db.pragma(`incremental_vacuum(${Math.min(most, surplus)})`);
    return surplus > most;
  }

  #countSurplus(): number {
    const reserve = Math.max(LEAST_RESERVE, Math.ceil(RESERVE * this.#read('page_count')));
    return this.#read('freelist_count') - reserve;
  }

  #read(pragma: 'page_count' | 'page_size' | 'freelist_count' | 'auto_vacuum'): number {
    return this.#db.pragma(pragma, { simple: true }) as number;
  }
}
