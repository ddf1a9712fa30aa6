/** Texts that events have in common, by number: the logs they came from, and who submitted mail. Forgets in memory, not in the database. */
import type { Submitter, SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import { Walk } from './walk.ts';

type Statement = ReturnType<Db['prepare']>;

/** Numbers that are remembered, of each kind. */
const MOST = 10_000;

export class Names {
  readonly #sources: NumberedTexts;
  readonly #submitters: { readonly [type in SubmitterType]: NumberedTexts };
  readonly #find;
  readonly #pruneSubmitters;
  readonly #walk;

  constructor(db: Db) {
    this.#sources = new NumberedTexts(
      db.prepare('INSERT INTO source (path) VALUES (?) ON CONFLICT DO NOTHING'),
      db.prepare('SELECT id FROM source WHERE path = ?').pluck(),
    );
    const submitters = (type: SubmitterType) => {
      const number = SUBMITTERS.numberOf[type];
      return new NumberedTexts(
        db.prepare(
          `INSERT INTO submitter (type, name) VALUES (${number}, ?) ON CONFLICT DO NOTHING`,
        ),
        db.prepare(`SELECT id FROM submitter WHERE type = ${number} AND name = ?`).pluck(),
      );
    };
    this.#submitters = {
      user: submitters('user'),
      client: submitters('client'),
      uid: submitters('uid'),
    };
    this.#find = db
      .prepare('SELECT id FROM submitter WHERE name = ? COLLATE NOCASE AND type = ?')
      .pluck();
    this.#walk = new Walk(db, 'submitter');
    this.#pruneSubmitters = db.prepare(
      `DELETE FROM submitter WHERE id > ? AND id <= ?
         AND NOT EXISTS (SELECT 1 FROM event WHERE event.submitter = submitter.id)`,
    );
  }

  /** Number of a log's path, given out if it has none. */
  source(path: string): number {
    return this.#sources.getNumber(path);
  }

  /** Number of a submitter as the log writes it, given out if it has none. */
  submitter({ type, id }: Submitter): number {
    return this.#submitters[type].getNumber(id);
  }

  /** Numbers of this submitter, whatever its case. */
  submittersLike({ type, id }: Submitter): number[] {
    return this.#find.all(id, SUBMITTERS.numberOf[type]) as number[];
  }

  /** Deletes those of the next `most` submitters that have no event any more; false behind the last. */
  prune(most: number): boolean {
    const part = this.#walk.next(most);
    if (part === undefined) return false;
    const { changes } = this.#pruneSubmitters.run(part.after, part.upTo);
    if (changes > 0) this.forget();
    return true;
  }

  /** Whenever what was given out may not be in the database: a transaction was rolled back, rows were deleted. */
  forget(): void {
    this.#sources.forget();
    for (const texts of Object.values(this.#submitters)) texts.forget();
  }
}

/** Texts of one kind. */
class NumberedTexts {
  readonly #insert: Statement;
  readonly #find: Statement;
  readonly #numbers = new Map<string, number>();

  constructor(insert: Statement, find: Statement) {
    this.#insert = insert;
    this.#find = find;
  }

  getNumber(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#insert.run(text);
    const number = this.#find.get(text) as number;
    if (this.#numbers.size >= MOST) this.#numbers.clear();
    this.#numbers.set(ownCopy(text), number);
    return number;
  }

  forget(): void {
    this.#numbers.clear();
  }
}
