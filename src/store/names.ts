/** Numbers for texts that many events share: paths of logs, and submitters. Remembers the latest in memory. */
import { lowerAscii } from '../base/text.ts';
import type { Submitter, SubmitterType } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { SUBMITTERS } from './codes.ts';
import type { Db } from './database.ts';
import type { NumberedNames } from './page.ts';
import { Walk } from './walk.ts';

type Statement = ReturnType<Db['prepare']>;

/** How many numbers of each kind are remembered. */
const MOST = 10_000;

export class Names implements NumberedNames {
  readonly #sources: NumberedTexts;
  readonly #submitters: { readonly [type in SubmitterType]: NumberedTexts };
  readonly #find;
  readonly #path;
  readonly #spelled;
  readonly #who;
  readonly #paths = new Map<number, string>();
  readonly #known = new Map<number, Submitter>();
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
         AND NOT EXISTS (SELECT 1 FROM page_submitter WHERE page_submitter.submitter = submitter.id)
         AND NOT EXISTS (SELECT 1 FROM event WHERE event.submitter = submitter.id)`,
    );
    // SQLite knows upper and lower case of A to Z only.
    this.#spelled = db
      .prepare(
        `SELECT id, type, name FROM submitter WHERE name COLLATE NOCASE IN (SELECT name FROM submitter
           GROUP BY name COLLATE NOCASE HAVING count(*) > 1) OR name GLOB '*[^ -~]*' ORDER BY id`,
      )
      .raw();
    this.#path = db.prepare('SELECT path FROM source WHERE id = ?').pluck();
    this.#who = db.prepare('SELECT type, name FROM submitter WHERE id = ?').raw();
  }

  /** Number of a log's path; a new path gets one. */
  source(path: string): number {
    return this.#sources.getNumber(path);
  }

  /** The same, as far as it is remembered. */
  knownSource(path: string): number | undefined {
    return this.#sources.known(path);
  }

  /** Number of a submitter as the log spells it; a new submitter gets one. */
  submitter({ type, id }: Submitter): number {
    return this.#submitters[type].getNumber(id);
  }

  /** Numbers of this submitter in any spelling of upper and lower case. */
  submittersLike({ type, id }: Submitter): number[] {
    return this.#find.all(id, SUBMITTERS.numberOf[type]) as number[];
  }

  path(source: number): string {
    const known = this.#paths.get(source);
    if (known !== undefined) return known;
    const path = String(this.#path.get(source));
    this.#paths.set(source, path);
    return path;
  }

  who(submitter: number): Submitter | undefined {
    if (submitter === 0) return undefined;
    const known = this.#known.get(submitter);
    if (known !== undefined) return known;
    const row = this.#who.get(submitter) as [number, string] | undefined;
    if (row === undefined) return undefined;
    const found = { type: SUBMITTERS.words[row[0]] as SubmitterType, id: row[1] };
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(submitter, found);
    return found;
  }

  /** The same in lower case: all spellings of a submitter are one. */
  folded(submitter: number): Submitter | undefined {
    const who = this.who(submitter);
    return who && { type: who.type, id: lowerAscii(who.id) };
  }

  /** For each submitter with several spellings, the number of one of them: upper and lower case are the same person. */
  listSpellings(): ReadonlyMap<number, number> {
    const first = new Map<string, number>();
    const numbers = new Map<number, number>();
    for (const [id, type, name] of this.#spelled.iterate() as IterableIterator<
      [number, number, string]
    >) {
      const key = `${type} ${name.toLowerCase()}`;
      const known = first.get(key);
      if (known === undefined) first.set(key, id);
      else numbers.set(id, known);
    }
    return numbers;
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
    this.#paths.clear();
    this.#known.clear();
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

  /** The number of a text that is remembered. */
  known(text: string): number | undefined {
    return this.#numbers.get(text);
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
