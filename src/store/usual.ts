/** What rules with `usual` know of each key's past, as the judge gave it; the rest of a profile is only JSON here. */
import { DAY } from '../base/time.ts';
import type { KeyType } from '../model/block.ts';
import type { Db } from './database.ts';

/** The past of one key for one rule. */
export interface StoredProfile<Rest> {
  readonly type: KeyType;
  readonly id: string;
  /** day of its newest event, since the epoch */
  readonly lastDay: number;
  readonly rest: Rest;
}

export class UsualTable {
  readonly #db: Db;
  readonly #save;
  readonly #select;
  readonly #prune;

  constructor(db: Db) {
    this.#db = db;
    this.#save = db.prepare(
      'INSERT OR REPLACE INTO usual (rule, key_type, key_id, last_day, json) VALUES (?, ?, ?, ?, ?)',
    );
    this.#select = db.prepare(
      'SELECT key_type AS type, key_id AS id, last_day AS lastDay, json FROM usual WHERE rule = ?',
    );
    this.#prune = db.prepare('DELETE FROM usual WHERE last_day < ?');
  }

  /** Call it inside the transaction of the events that it holds. */
  save(profiles: Iterable<StoredProfile<unknown> & { readonly rule: string }>): void {
    for (const { rule, type, id, lastDay, rest } of profiles) {
      this.#save.run(rule, type, id, lastDay, JSON.stringify(rest));
    }
  }

  /** All profiles of a rule. */
  *read<Rest>(rule: string): Generator<StoredProfile<Rest>> {
    const rows = this.#select.iterate(rule) as IterableIterator<{
      readonly type: KeyType;
      readonly id: string;
      readonly lastDay: number;
      readonly json: string;
    }>;
    for (const { json, ...row } of rows) yield { ...row, rest: JSON.parse(json) as Rest };
  }

  /** Deletes the profiles of rules other than these. */
  keepRules(rules: readonly string[]): void {
    this.#db
      .prepare(`DELETE FROM usual WHERE rule NOT IN (${rules.map(() => '?').join(', ')})`)
      .run(...rules);
  }

  /** Deletes the profiles of keys that were not seen since `before` (ms). */
  prune(before: number): void {
    this.#prune.run(Math.floor(before / DAY));
  }
}
