/**
 * What other servers are to know, in the order in which it happened: first it waits to be sent, then it is kept, to be
 * sent again when the engine has lost it.
 */
import type { Db } from './database.ts';
import type { StateTable } from './state.ts';

/** More rows than this are not kept, sent or not: about 200 bytes each. The oldest are dropped. */
const MOST_ROWS = 200_000;

interface OutRow {
  readonly id: number;
  readonly value: unknown;
}

export class ShareOutbox {
  readonly #db: Db;
  readonly #state: StateTable;
  #sent: number | undefined;
  /** what the database has of `#sent` */
  #saved: number | undefined;

  constructor(db: Db, state: StateTable) {
    this.#db = db;
    this.#state = state;
  }

  /** `now` in ms. */
  add(values: readonly unknown[], now: number): void {
    this.save();
    if (values.length === 0) return;
    const insert = this.#db.prepare('INSERT INTO share_out (time, json) VALUES (?, ?)');
    for (const value of values) insert.run(now, JSON.stringify(value));
  }

  /** The oldest rows that are not sent. */
  next(most: number): OutRow[] {
    const rows = this.#db
      .prepare('SELECT id, json FROM share_out WHERE id > ? ORDER BY id LIMIT ?')
      .all(this.sent, most) as { id: number; json: string }[];
    return rows.map(({ id, json }) => ({ id, value: JSON.parse(json) as unknown }));
  }

  /** Number of the last row that the engine has taken. */
  get sent(): number {
    if (this.#sent === undefined) {
      this.#sent = this.#state.read('share sent') ?? 0;
      this.#saved = this.#sent;
    }
    return this.#sent;
  }

  /**
   * Rows up to this one are sent; the engine may have lost rows that it had. Written with the next rows or by `save`:
   * what a process that is killed has sent and not noted is sent again, and counts once.
   */
  noteSent(id: number): void {
    this.#sent = id;
  }

  /** Writes what `noteSent` was told. */
  save(): void {
    if (this.#sent === undefined || this.#sent === this.#saved) return;
    this.#state.write('share sent', this.#sent);
    this.#saved = this.#sent;
  }

  /** How many rows wait. */
  waiting(): number {
    return this.#db
      .prepare('SELECT count(*) FROM share_out WHERE id > ?')
      .pluck()
      .get(this.sent) as number;
  }

  /**
   * Deletes what was sent and is older than `before` (ms), and the oldest of what is too much. Returns how many rows that
   * were not sent are lost.
   */
  prune(before: number): number {
    const sent = this.sent;
    this.save();
    this.#db.prepare('DELETE FROM share_out WHERE id <= ? AND time < ?').run(sent, before);
    const newest = this.#db.prepare('SELECT max(id) FROM share_out').pluck().get() as number | null;
    const least = (newest ?? 0) - MOST_ROWS;
    const lost = this.#db
      .prepare('SELECT count(*) FROM share_out WHERE id > ? AND id <= ?')
      .pluck()
      .get(sent, least) as number;
    this.#db.prepare('DELETE FROM share_out WHERE id <= ?').run(least);
    return lost;
  }
}
