/**
 * The spellings in which a person was seen to log in, for blocks that must list each of them. Lower case: no map tells
 * upper and lower case apart. Bounded: a person has no more than the newest hundred.
 */
import { HOUR } from '../base/time.ts';
import type { MailEvent } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { Db } from './database.ts';

/** Spellings kept of one person: with extensions, a thief can make up any number of them. */
export const MOST_SPELLINGS = 100;
/** Longer than any address (RFC 5321 4.5.3.1): no target could name it. */
const LONGEST = 320;
/** How many spellings are known without asking the database. */
const MOST_KNOWN = 10_000;

/** As much of an event as says who logged in by which name. */
export type SeenLogin = Pick<MailEvent, 'submitter' | 'time'>;

export class LoginTable {
  readonly #insert;
  readonly #renew;
  readonly #trim;
  readonly #select;
  readonly #prune;
  /** when a person's spelling was last written, ms */
  readonly #known = new Map<string, number>();

  constructor(db: Db) {
    this.#insert = db.prepare(
      'INSERT INTO login (person, spelling, seen) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#renew = db.prepare(
      'UPDATE login SET seen = ? WHERE person = ? AND spelling = ? AND seen < ?',
    );
    this.#trim = db.prepare(
      `DELETE FROM login WHERE person = ? AND spelling NOT IN
         (SELECT spelling FROM login WHERE person = ? ORDER BY seen DESC, spelling LIMIT ${MOST_SPELLINGS})`,
    );
    this.#select = db
      .prepare('SELECT spelling FROM login WHERE person = ? ORDER BY spelling')
      .pluck();
    this.#prune = db.prepare(
      `DELETE FROM login WHERE seen < ? AND NOT EXISTS
         (SELECT 1 FROM block WHERE key_type = 'user' AND key_id = login.person AND released IS NULL)`,
    );
  }

  /** Remembers the spellings in these events; returns whose are new. Call it inside a transaction. */
  note(events: readonly SeenLogin[]): Set<string> {
    const persons = new Set<string>();
    for (const { submitter, time } of events) {
      if (submitter?.login === undefined) continue;
      if (this.add(submitter.id, submitter.login, time)) persons.add(submitter.id);
    }
    return persons;
  }

  /** Remembers one spelling, seen at `time` (ms); true if it is new. */
  add(person: string, login: string, time: number): boolean {
    const spelling = login.toLowerCase();
    if (spelling === person || spelling.length > LONGEST) return false;
    const name = `${person}\n${spelling}`;
    if (time - (this.#known.get(name) ?? Number.NEGATIVE_INFINITY) < HOUR) return false;
    this.#remember(name, time);
    const isNew = this.#insert.run(person, spelling, time).changes > 0;
    if (isNew) this.#trim.run(person, person);
    else this.#renew.run(time, person, spelling, time);
    return isNew;
  }

  /** The other spellings of a person's login, in their order. */
  find(person: string): string[] {
    return this.#select.all(person) as string[];
  }

  /** Deletes what was not seen since `before` (ms), except of those who are blocked. */
  prune(before: number): void {
    this.#prune.run(before);
    this.forget();
  }

  /** Forgets what is known without the database. Call it after a transaction was rolled back. */
  forget(): void {
    this.#known.clear();
  }

  #remember(name: string, time: number): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(ownCopy(name), time);
  }
}
