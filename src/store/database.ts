/**
 * Opens the database: WAL, numbered migrations, one writer at a time.
 * Refuses a file of a newer version untouched; what is wrong with the file or its folder is a PosternError.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { errnoOf, messageOf, PosternError } from '../base/errors.ts';
import { formatTime } from '../base/time.ts';
import { MIGRATIONS } from './migrations.ts';

export type Db = Database.Database;

/** How long a statement waits for another process that writes, ms; nothing else happens meanwhile. */
export const BUSY_TIMEOUT = 5000;

const ASIDE = '.corrupt-';

/** SQLite result codes that mean: this is no database, or a damaged one. */
const CORRUPT = new Set([
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_CORRUPT_INDEX',
  'SQLITE_CORRUPT_VTAB',
]);

/**
 * Opens `path` (`:memory:` for a scratch one), creating and migrating it unless `readonly`.
 * Throws PosternError: `database-missing`, `database-newer`, `database-corrupt`, `database-unusable`.
 */
export function openDatabase(path: string, options: { readonly?: boolean } = {}): Db {
  if (path !== ':memory:' && options.readonly === true && !existsSync(path)) {
    throw new PosternError(
      'database-missing',
      `${path}: there is no database yet; has \`postern run\` been started?`,
      {
        place: { file: path },
      },
    );
  }
  if (path !== ':memory:' && !existsSync(dirname(path))) {
    throw new PosternError(
      'database-unusable',
      `${path}: the folder ${dirname(path)} does not exist`,
      {
        place: { file: path },
      },
    );
  }
  let db: Db | undefined;
  try {
    db = new Database(path, { timeout: BUSY_TIMEOUT });
    prepare(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw explain(error, path);
  }
}

/** Up to this size, bytes, a file is looked through as a whole at every start: about a second. */
const LOOKED_THROUGH = 512 * 1024 * 1024;

/**
 * What is damaged in the file, in SQLite's words; undefined when nothing was found. Without `thorough` the events of
 * a large file are left out: those that are used are read, and checked by that, right after the start.
 */
export function damageOf(db: Db, options: { thorough?: boolean } = {}): string | undefined {
  try {
    if (options.thorough === true) return firstProblem(db, 'integrity_check(1)');
    const pages = db.pragma('page_count', { simple: true }) as number;
    const pageSize = db.pragma('page_size', { simple: true }) as number;
    if (pages * pageSize <= LOOKED_THROUGH) return firstProblem(db, 'quick_check(1)');
    const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
    for (const { name } of tables as { name: string }[]) {
      const problem = name === 'event' ? undefined : firstProblem(db, `quick_check(${name})`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } catch (error) {
    if (isCorrupt(error)) return messageOf(error);
    throw error;
  }
}

function firstProblem(db: Db, pragma: string): string | undefined {
  const text = String(db.pragma(pragma, { simple: true }));
  return text === 'ok' ? undefined : text.replaceAll('\n', ' ').slice(0, 300);
}

/** Where a damaged file goes. */
export function asideName(path: string, time: number): string {
  return `${path}${ASIDE}${formatTime(time).slice(0, 19).replaceAll(':', '')}Z`;
}

/** Damaged files that were set aside and nobody has deleted, oldest first. */
export function asideFiles(path: string): string[] {
  const start = basename(path) + ASIDE;
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(start));
  return names
    .filter((name) => !/-(?:wal|shm)$/.test(name))
    .map((name) => join(dirname(path), name));
}

/** Whether an error says that the file is damaged. */
export function isCorrupt(error: unknown): boolean {
  return (
    CORRUPT.has(errnoOf(error) ?? '') ||
    (error instanceof PosternError && error.code === 'database-corrupt')
  );
}

function prepare(db: Db, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version > MIGRATIONS.length) {
    throw new PosternError(
      'database-newer',
      `${path}: the database has version ${version}, this Postern knows up to ${MIGRATIONS.length}; install the newer Postern again or name another database`,
      { place: { file: path } },
    );
  }
  db.pragma('journal_mode = WAL');
  // FULL: a notice that was marked as sent stays marked after a power cut, so that no mail goes out twice.
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  // Pages, 16 MB: a page that changes with every commit is copied into the file less often. A commit is as safe.
  db.pragma('wal_autocheckpoint = 4000');
  // KiB in memory. The system keeps the file's pages anyway: with SQLite's 16 MB it is neither faster (11 instead of
  // 13 us an event over 11 million of them, in turn) nor smaller.
  db.pragma('cache_size = -4000');
  // A reader that stays long keeps the log from being used anew; afterwards it shrinks again.
  db.pragma('journal_size_limit = 67108864');
  if (version < MIGRATIONS.length) migrate(db);
}

function migrate(db: Db): void {
  db.transaction(() => {
    // Again inside the transaction: another process may have migrated meanwhile.
    const version = db.pragma('user_version', { simple: true }) as number;
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
}

function explain(error: unknown, path: string): PosternError {
  if (error instanceof PosternError) return error;
  const code = isCorrupt(error) ? 'database-corrupt' : 'database-unusable';
  return new PosternError(code, `${path}: cannot use the database: ${messageOf(error)}`, {
    place: { file: path },
    cause: error,
  });
}
