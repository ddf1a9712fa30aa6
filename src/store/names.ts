/** Numbers for texts that many events share: paths of logs, and submitters. Remembers the latest in memory. */
import type { Submitter, SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import { Walk } from './walk.ts';

type Statement = ReturnType<Db['prepare']>;

/** How many numbers of each kind are remembered. */
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

  /** Number of a log's path; a new path gets one. */
  source(path: string): number {
    return this.#sources.getNumber(path);
  }

  /** Number of a submitter as the log spells it; a new submitter gets one. */
  submitter({ type, id }: Submitter): number {
    return this.#submitters[type].getNumber(id);
  }

  /** Numbers of this submitter in any spelling of upper and lower case. */
  submittersLike({ type, id }: Submitter): number[] {
    return this.#find.all(id, SUBMITTERS.numberOf[type]) as number[];
  }

  /** Deletes those of the next `most` submitters that have no events left; false after the last one. */
  prune(most: number): boolean {
    const part = this.#walk.next(most);
    if (part === undefined) return false;
    const { changes } = this.#pruneSubmitters.run(part.after, part.upTo);
    if (changes > 0) this.forget();
    return true;
  }

  /** Forgets all numbers. Call it when rows may be gone: a transaction was rolled back, rows were deleted. */
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
