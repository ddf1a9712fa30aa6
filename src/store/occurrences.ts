/** What has happened and no hook was told of yet. Written in the transaction of what happened. */
import type { OccurrenceKind } from '../model/occurrence.ts';
import type { Db } from './database.ts';

export interface Occurrence {
  readonly id: number;
  readonly kind: OccurrenceKind;
  /** ms */
  readonly time: number;
  /** what it refers to; its form depends on the kind */
  readonly about: unknown;
}

/** So many are taken at once. */
const STEP = 200;

/** `time` in ms. */
export function addOccurrence(db: Db, kind: OccurrenceKind, about: unknown, time: number): void {
  db.prepare('INSERT INTO occurrence (kind, time, json) VALUES (?, ?, ?)').run(
    kind,
    time,
    JSON.stringify(about),
  );
}

export class OccurrenceTable {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** `time` in ms. */
  add(kind: OccurrenceKind, about: unknown, time: number): void {
    addOccurrence(this.#db, kind, about, time);
  }

  /** The oldest ones, in order. */
  waiting(): Occurrence[] {
    const rows = this.#db.prepare('SELECT * FROM occurrence ORDER BY id LIMIT ?').all(STEP);
    return (rows as { id: number; kind: string; time: number; json: string }[]).map((row) => ({
      id: row.id,
      kind: row.kind as OccurrenceKind,
      time: row.time,
      about: JSON.parse(row.json) as unknown,
    }));
  }

  remove(id: number): void {
    this.#db.prepare('DELETE FROM occurrence WHERE id = ?').run(id);
  }
}
