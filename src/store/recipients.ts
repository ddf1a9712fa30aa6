/**
 * The answers of back ends about recipients, in a database of their own: the milter writes it, which runs as another
 * account than the service. It is a cache, so a damaged file is moved away, and what cannot be written is lost.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { getMessage, PosternError } from '../base/errors.ts';
import { SECOND, systemClock } from '../base/time.ts';
import { asideName, type Db, migrate } from './database.ts';
import { isCorrupt, isPassing } from './failure.ts';
import { isForeign } from './header.ts';

/** `PRAGMA application_id`: `PRcp` in ASCII. */
const RECIPIENTS_ID = 0x50526370;

/** Steps of the schema; one that was released is never changed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE answer (
    address TEXT PRIMARY KEY,       -- bytes (latin1): local part as it came, domain in lower case
    valid INTEGER NOT NULL,
    time INTEGER NOT NULL           -- s since the epoch: when the answer came, not when it expires
  ) WITHOUT ROWID;
  CREATE INDEX answer_time ON answer (time);
  `,
];

/** How long a statement waits for another process that writes, ms. */
const BUSY_TIMEOUT = 2000;
/** Writes after which the size is looked at. */
const PRUNE_EVERY = 1000;

/** An answer as it is stored; `time` in ms. */
export interface StoredAnswer {
  readonly address: string;
  readonly isValid: boolean;
  readonly time: number;
}

/** Which answers to list. */
export interface AnswerFilter {
  /** lower case; also those of domains below it */
  readonly domain?: string;
  readonly isValid?: boolean;
  readonly address?: string;
  /** when it was asked for, ms: from `since` on, before `until` */
  readonly since?: number;
  readonly until?: number;
  /** default: all */
  readonly limit?: number;
}

interface Row {
  readonly address: string;
  readonly valid: number;
  readonly time: number;
}

export class RecipientStore {
  readonly #db: Db;
  #most: number;
  readonly #read: Database.Statement<[string], Row>;
  readonly #write: (answers: readonly StoredAnswer[]) => void;
  #sincePrune = PRUNE_EVERY;

  /** Takes a database that `openRecipientStore` has opened; `most` answers are kept, the newest. */
  constructor(db: Db, most: number) {
    this.#db = db;
    this.#most = most;
    this.#read = db.prepare('SELECT address, valid, time FROM answer WHERE address = ?');
    // An import may bring an answer that is older than ours.
    const put = db.prepare(
      `INSERT INTO answer (address, valid, time) VALUES (?, ?, ?)
       ON CONFLICT (address) DO UPDATE SET valid = excluded.valid, time = excluded.time
       WHERE excluded.time >= answer.time`,
    );
    this.#write = db.transaction((answers: readonly StoredAnswer[]) => {
      for (const { address, isValid, time } of answers)
        put.run(address, isValid ? 1 : 0, Math.floor(time / SECOND));
      this.#pruneSometimes(answers.length);
    }).immediate;
  }

  /** Keeps that many answers from now on. */
  limit(most: number): void {
    this.#most = most;
  }

  /** What is known of the address. A database that cannot be read knows nothing. */
  read(address: string): StoredAnswer | undefined {
    try {
      const row = this.#read.get(address);
      return row && toAnswer(row);
    } catch (error) {
      if (!isEnvironment(error)) throw error;
      return undefined;
    }
  }

  /** Keeps answers, unless a newer one is known; returns why that failed, for a reason that may pass. */
  write(answers: readonly StoredAnswer[]): string | undefined {
    try {
      this.#write(answers);
      return undefined;
    } catch (error) {
      if (!isEnvironment(error)) throw error;
      return getMessage(error);
    }
  }

  /** Changes when another process has changed the database. */
  version(): number {
    try {
      return this.#db.pragma('data_version', { simple: true }) as number;
    } catch (error) {
      if (!isEnvironment(error)) throw error;
      return -1;
    }
  }

  /** In the order of addresses. Throws SQLite's error if the database cannot be read. */
  *list({
    domain,
    isValid,
    limit,
    address,
    since,
    until,
  }: AnswerFilter = {}): IterableIterator<StoredAnswer> {
    const where: string[] = [];
    const values: (string | number)[] = [];
    if (domain !== undefined) {
      where.push(`(address LIKE ? ESCAPE '\\' OR address LIKE ? ESCAPE '\\')`);
      const name = domain.replace(/[\\%_]/g, '\\$&');
      values.push(`%@${name}`, `%@%.${name}`);
    }
    if (isValid !== undefined) {
      where.push('valid = ?');
      values.push(isValid ? 1 : 0);
    }
    if (address !== undefined) {
      where.push('address = ?');
      values.push(address);
    }
    // Times are stored in whole seconds.
    if (since !== undefined) {
      where.push('time >= ?');
      values.push(Math.ceil(since / SECOND));
    }
    if (until !== undefined) {
      where.push('time < ?');
      values.push(Math.ceil(until / SECOND));
    }
    const condition = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`;
    const sql = `SELECT address, valid, time FROM answer ${condition} ORDER BY address LIMIT ?`;
    const rows = this.#db.prepare<unknown[], Row>(sql).iterate(...values, limit ?? -1);
    for (const row of rows) yield toAnswer(row);
  }

  /** Forgets these addresses; returns how many were known. Throws SQLite's error. */
  forget(addresses: readonly string[]): number {
    const statement = this.#db.prepare('DELETE FROM answer WHERE address = ?');
    const all = this.#db.transaction(() =>
      addresses.reduce((sum, address) => sum + statement.run(address).changes, 0),
    );
    const count = all.immediate();
    // Old pages are in the write-ahead log, too.
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    return count;
  }

  /** Forgets a domain and those below it, or everything. Throws SQLite's error. */
  forgetAll(domain?: string): number {
    if (domain === undefined) return this.#db.prepare('DELETE FROM answer').run().changes;
    return this.forget([...this.list({ domain })].map(({ address }) => address));
  }

  get size(): number {
    return this.#db.prepare('SELECT count(*) FROM answer').pluck().get() as number;
  }

  close(): void {
    this.#db.close();
  }

  /** The oldest answers go when there are too many. */
  #pruneSometimes(written: number): void {
    this.#sincePrune += written;
    if (this.#sincePrune < PRUNE_EVERY) return;
    this.#sincePrune = 0;
    const surplus = this.size - this.#most;
    if (surplus <= 0) return;
    this.#db
      .prepare(
        'DELETE FROM answer WHERE address IN (SELECT address FROM answer ORDER BY time LIMIT ?)',
      )
      .run(surplus);
  }
}

/**
 * Opens `path`, creating it unless `mustExist`; a damaged file is moved aside and named in `moved`. Throws a PosternError:
 * `database-missing`, `database-foreign`, `database-newer`, `database-unusable`.
 */
export function openRecipientStore(
  path: string,
  most: number,
  { mustExist = false } = {},
): { readonly store: RecipientStore; readonly moved?: string } {
  if (path !== ':memory:') assertUsable(path, mustExist);
  try {
    return { store: new RecipientStore(open(path), most) };
  } catch (error) {
    if (!isCorrupt(error)) throw explain(error, path);
  }
  const moved = asideName(path, systemClock.now());
  try {
    renameSync(path, moved);
    for (const end of ['-wal', '-shm']) rmSync(path + end, { force: true });
    return { store: new RecipientStore(open(path), most), moved };
  } catch (error) {
    throw explain(error, path);
  }
}

function open(path: string): Db {
  const db = new Database(path, { timeout: BUSY_TIMEOUT });
  try {
    const version = db.pragma('user_version', { simple: true }) as number;
    if (version > MIGRATIONS.length) {
      const message = `${path}: the database has version ${version}, this Postern knows up to ${MIGRATIONS.length}; name another file, or delete it: it only remembers answers`;
      throw new PosternError('configuration', message, {
        code: 'database-newer',
        place: { file: path },
      });
    }
    if (version === 0) db.pragma(`application_id = ${RECIPIENTS_ID}`);
    db.pragma('journal_mode = WAL');
    // A power failure may cost the answers of the last seconds, and never the file.
    db.pragma('synchronous = NORMAL');
    // What is forgotten is overwritten.
    db.pragma('secure_delete = ON');
    db.pragma('cache_size = -8000');
    db.pragma('journal_size_limit = 16777216');
    if (version < MIGRATIONS.length) migrate(db, MIGRATIONS);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function assertUsable(path: string, mustExist: boolean): void {
  const fail = (kind: 'environment' | 'configuration', code: string, text: string) => {
    throw new PosternError(kind, `${path}: ${text}`, { code, place: { file: path } });
  };
  if (mustExist && !existsSync(path))
    fail(
      'environment',
      'database-missing',
      'there is no such database; has the milter been started?',
    );
  if (!existsSync(dirname(path)))
    fail('environment', 'database-unusable', `the folder ${dirname(path)} does not exist`);
  if (isForeign(path, RECIPIENTS_ID))
    fail(
      'configuration',
      'database-foreign',
      'this database does not hold recipients; name another file',
    );
}

function explain(error: unknown, path: string): unknown {
  if (error instanceof PosternError || !isEnvironment(error)) return error;
  return new PosternError('environment', `${path}: cannot use the database: ${getMessage(error)}`, {
    code: 'database-unusable',
    place: { file: path },
    cause: error,
  });
}

function isEnvironment(error: unknown): boolean {
  return isPassing(error) || isCorrupt(error);
}

function toAnswer({ address, valid, time }: Row): StoredAnswer {
  return { address, isValid: valid === 1, time: time * SECOND };
}
