/** What people did, by commands or on the page for operators. It is kept as long as the blocks are. */
import { dropUndefined } from '../base/defined.ts';
import type { Db } from './database.ts';

export interface Action {
  /** ms since the epoch */
  readonly time: number;
  /** the name with which that person logged in */
  readonly who: string;
  /** a verb, with what it was done to: `unblock`, `release 3 queued messages` */
  readonly what: string;
  /** the identity, as it can be typed */
  readonly about: string;
  /** number of the block of that identity */
  readonly block?: number;
  /** false: the command failed */
  readonly done: boolean;
}

interface Row {
  time: number;
  who: string;
  what: string;
  about: string;
  block: number | null;
  done: number;
}

const COLUMNS = 'time, who, what, about, block, done';

export class ActionTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  add({ time, who, what, about, block, done }: Action): void {
    this.#db
      .prepare(`INSERT INTO action (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`)
      .run(time, who, what, about, block ?? null, done ? 1 : 0);
  }

  /** Those about one block, oldest first. */
  ofBlock(block: number): Action[] {
    return this.#read('WHERE block = ? ORDER BY id', block);
  }

  /** Those about an identity, oldest first. */
  about(identity: string): Action[] {
    return this.#read('WHERE about = ? ORDER BY id', identity);
  }

  /** The newest, newest first. */
  newest(most: number): Action[] {
    return this.#read('ORDER BY id DESC LIMIT ?', most);
  }

  #read(condition: string, value: string | number): Action[] {
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM action ${condition}`).all(value);
    return (rows as Row[]).map(({ block, done, ...row }) =>
      dropUndefined({ ...row, block: block ?? undefined, done: done === 1 }),
    );
  }
}
