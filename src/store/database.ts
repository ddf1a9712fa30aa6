/**
 * Opens the database: WAL, numbered migrations, one writer at a time.
 * Refuses a file of a newer version or of another program, and leaves it untouched. What is wrong with the file or its
 * folder is a PosternError.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { getMessage, PosternError } from '../base/errors.ts';
import { formatTime } from '../base/time.ts';
import { isCorrupt } from './failure.ts';
import { APPLICATION_ID, isForeign } from './header.ts';
import { MIGRATIONS } from './migrations.ts';

export type Db = Database.Database;

/** How long a statement waits for another process that writes, ms; this process does nothing else meanwhile. */
const BUSY_TIMEOUT = 5000;

/** Ends the name of a damaged file, before the time. */
const ASIDE = '.corrupt-';

/**
 * Opens `path` (`:memory:` for a scratch one), creating and migrating it unless `readonly`.
 * Throws PosternError: `database-missing`, `database-older`, `database-newer`, `database-foreign`, `database-corrupt`,
 * `database-unusable`.
 */
export function openDatabase(path: string, { readonly = false } = {}): Db {
  if (path !== ':memory:') assertUsable(path, readonly);
  let db: Db | undefined;
  try {
    db = new Database(path, { timeout: BUSY_TIMEOUT });
    prepare(db, path, readonly);
    return db;
  } catch (error) {
    db?.close();
    throw explain(error, path);
  }
}

/** Throws for whatever can be detected before SQLite touches the file. */
function assertUsable(path: string, readonly: boolean): void {
  if (readonly && !existsSync(path)) throw missing(path);
  if (!existsSync(dirname(path))) {
    const message = `${path}: the folder ${dirname(path)} does not exist`;
    throw new PosternError('environment', message, {
      code: 'database-unusable',
      place: { file: path },
    });
  }
  if (isForeign(path)) {
    const message = `${path}: this SQLite database is not Postern's; name another file as database, or move this one away`;
    throw new PosternError('configuration', message, {
      code: 'database-foreign',
      place: { file: path },
    });
  }
}

function missing(path: string): PosternError {
  const message = `${path}: there is no database yet; has \`postern run\` been started?`;
  return new PosternError('environment', message, {
    code: 'database-missing',
    place: { file: path },
  });
}

/** Files up to this size, bytes, are checked completely at every start, which takes about a second. */
const FULL_CHECK_LIMIT = 512 * 1024 * 1024;

/**
 * The first damage in the file, in SQLite's words; undefined if there is none. Without `thorough`, the events of a large
 * file are not checked here: those that are needed are read right after the start, and checked by that.
 */
export function describeDamage(db: Db, options: { thorough?: boolean } = {}): string | undefined {
  try {
    if (options.thorough === true) return firstProblem(db, 'integrity_check(1)');
    const pages = db.pragma('page_count', { simple: true }) as number;
    const pageSize = db.pragma('page_size', { simple: true }) as number;
    if (pages * pageSize <= FULL_CHECK_LIMIT) return firstProblem(db, 'quick_check(1)');
    const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
    for (const { name } of tables as { name: string }[]) {
      const problem = name === 'event' ? undefined : firstProblem(db, `quick_check(${name})`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } catch (error) {
    if (isCorrupt(error)) return getMessage(error);
    throw error;
  }
}

function firstProblem(db: Db, pragma: string): string | undefined {
  const text = String(db.pragma(pragma, { simple: true }));
  return text === 'ok' ? undefined : text.replaceAll('\n', ' ').slice(0, 300);
}

/** The new name of a damaged file; `time` in ms. */
export function asideName(path: string, time: number): string {
  return `${path}${ASIDE}${formatTime(time).slice(0, 19).replaceAll(':', '')}Z`;
}

/** Damaged files that were set aside and still exist, oldest first. */
export function asideFiles(path: string): string[] {
  const start = basename(path) + ASIDE;
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(start));
  return names
    .filter((name) => !/-(?:wal|shm)$/.test(name))
    .map((name) => join(dirname(path), name));
}

function prepare(db: Db, path: string, readonly: boolean): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  assertVersion(version, path, readonly);
  if (version === 0) writeFirstPage(db);
  db.pragma('journal_mode = WAL');
  // FULL: a notice that was marked as sent stays marked after a power failure, so that no mail is sent twice.
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  // Pages, 16 MB: a page that changes with every commit is copied into the file less often. Commits are as safe.
  db.pragma('wal_autocheckpoint = 4000');
  // KiB in memory. The system caches the file anyway; SQLite's default of 16 MB gains little (11 instead of 13 us an
  // event, over 11 million events) and takes more memory.
  db.pragma('cache_size = -4000');
  // Bytes. A long reader keeps SQLite from reusing the write-ahead log, which grows; afterwards it shrinks to this.
  db.pragma('journal_size_limit = 67108864');
  if (version < MIGRATIONS.length) migrate(db);
}

/**
 * In one transaction, and before the WAL exists: whoever looks at the file, or kills this process now, finds either no
 * page or one that shows whose file it is. Only before the first page can a file be told to shrink, see src/store/space.ts.
 */
function writeFirstPage(db: Db): void {
  db.exec('BEGIN');
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.exec('COMMIT');
}

/** With `readonly`, an older database is refused too: only the service migrates it. */
function assertVersion(version: number, path: string, readonly: boolean): void {
  const known = MIGRATIONS.length;
  if (version > known) {
    const message = `${path}: the database has version ${version}, this Postern knows up to ${known}; install the newer Postern again or name another database`;
    throw new PosternError('configuration', message, {
      code: 'database-newer',
      place: { file: path },
    });
  }
  if (!readonly || version === known) return;
  if (version === 0) throw missing(path); // its service is just making it
  const message = `${path}: the database has version ${version}, this Postern needs ${known}; \`postern run\` brings it up to date`;
  throw new PosternError('environment', message, { code: 'database-older', place: { file: path } });
}

function migrate(db: Db): void {
  db.transaction(() => {
    // Read again inside the transaction: another process may have migrated meanwhile.
    const version = db.pragma('user_version', { simple: true }) as number;
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
}

function explain(error: unknown, path: string): PosternError {
  if (error instanceof PosternError) return error;
  const code = isCorrupt(error) ? 'database-corrupt' : 'database-unusable';
  return new PosternError('environment', `${path}: cannot use the database: ${getMessage(error)}`, {
    code,
    place: { file: path },
    cause: error,
  });
}
