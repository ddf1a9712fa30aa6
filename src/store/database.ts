/**
 * Opens the database: WAL, numbered migrations, one writer at a time.
 * Refuses a file of a newer version or of another program, and leaves it untouched. What is wrong with the file or its
 * folder is a PosternError.
 */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { getErrno, getMessage, PosternError } from '../base/errors.ts';
import { findDistrust } from '../base/path-trust.ts';
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
 * `database-unusable`, `database-denied`, `database-untrusted`.
 */
export function openDatabase(path: string, { readonly = false } = {}): Db {
  if (path !== ':memory:') assertUsable(path, readonly);
  let db: Db | undefined;
  try {
    if (path !== ':memory:' && !readonly) keepPrivate(path);
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
  const folder = dirname(path);
  if (!isThere(folder, path)) {
    if (readonly) throw missing(path);
    throw unusable(path, `the folder ${folder} does not exist`);
  }
  assertTrusted(path);
  const isMade = isThere(path, path);
  if (readonly && !isMade) throw missing(path);
  if (isMade && !statSync(path).isFile()) throw unusable(path, 'this is not a file');
  if (isForeign(path)) {
    const message = `${path}: this SQLite database is not Postern's; name another file as database, or move this one away`;
    throw new PosternError('configuration', message, {
      code: 'database-foreign',
      place: { file: path },
    });
  }
}

/** Whether there is something at `place`. Throws a PosternError if this account must not look. */
function isThere(place: string, path: string): boolean {
  try {
    return statSync(place, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (getErrno(error) === 'ENOTDIR') return false;
    throw explain(error, path);
  }
}

function unusable(path: string, why: string): PosternError {
  const message = `${path}: ${why}; name a file as database, Postern creates it`;
  return new PosternError('environment', message, {
    code: 'database-unusable',
    place: { file: path },
  });
}

/** What SQLite and this program put beside the database: whatever has such a name is opened. */
const PARTS = ['', '-wal', '-shm', '-journal', '.state', '-bell'];

/** Root opens nothing that another account could have put there: a link would lead it to any file. */
function assertTrusted(path: string): void {
  if (process.geteuid?.() !== 0) return;
  const places = [dirname(path), ...PARTS.map((part) => path + part)];
  const problem = places.map((place) => findDistrust(place)).find((one) => one !== undefined);
  if (problem === undefined) return;
  const message = `${path}: root does not open this database: ${problem} (run postern as the account that owns it, or chown it to root)`;
  throw new PosternError('configuration', message, {
    code: 'database-untrusted',
    place: { file: path },
  });
}

const PRIVATE = 0o600;
const OF_OTHERS = 0o007;

/**
 * Makes the file if there is none: SQLite gives the files beside it the same mode. One that an earlier version made for
 * everybody is closed to all but owner and group.
 */
function keepPrivate(path: string): void {
  closeSync(openSync(path, 'a', PRIVATE));
  for (const file of PARTS.map((part) => path + part)) {
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.uid !== process.geteuid?.()) continue;
    if ((stats.mode & OF_OTHERS) !== 0) chmodSync(file, stats.mode & 0o770);
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
      const problem =
        name === 'event' || name === 'page' ? undefined : firstProblem(db, `quick_check(${name})`);
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
  // What is deleted is overwritten, so that nobody who was forgotten is left in a page that is free or used again.
  db.pragma('secure_delete = ON');
  // Pages, 16 MB: a page that changes with every commit is copied into the file less often. Commits are as safe.
  db.pragma('wal_autocheckpoint = 4000');
  // KiB in memory. The system caches the file anyway; SQLite's default of 16 MB gains little (11 instead of 13 us an
  // event, over 11 million events) and takes more memory.
  db.pragma('cache_size = -4000');
  // Bytes. A long reader keeps SQLite from reusing the write-ahead log, which grows; afterwards it shrinks to this.
  db.pragma('journal_size_limit = 67108864');
  if (version < MIGRATIONS.length) migrate(db, MIGRATIONS);
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

/** Brings a schema up to date, all or nothing. `migrations`: every step of it since its first version. */
export function migrate(db: Db, migrations: readonly string[]): void {
  db.transaction(() => {
    // Read again inside the transaction: another process may have migrated meanwhile.
    const version = db.pragma('user_version', { simple: true }) as number;
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
}

function explain(error: unknown, path: string): PosternError {
  if (error instanceof PosternError) return error;
  if (isDenied(error, path)) {
    const message = `${path}: no permission to use the database; ${findStranger(path) ?? 'run this as root, or as the account that owns it'}`;
    const details = { code: 'database-denied', place: { file: path }, cause: error };
    return new PosternError('environment', message, details);
  }
  const code = isCorrupt(error) ? 'database-corrupt' : 'database-unusable';
  const message = `${path}: cannot use the database: ${getMessage(error)}${describeSpace(path)}`;
  return new PosternError('environment', message, {
    code,
    place: { file: path },
    cause: error,
  });
}

/** What to do about a file that the owner of its folder cannot use, as after root has copied one there. */
function findStranger(path: string): string | undefined {
  const owner = process.geteuid?.();
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder === undefined || folder.uid !== owner) return undefined;
  for (const file of PARTS.map((part) => path + part)) {
    const uid: number | undefined = lstatSync(file, { throwIfNoEntry: false })?.uid ?? owner;
    if (uid !== owner)
      return `${file} belongs to uid ${uid}, and its folder to uid ${owner}: chown ${owner} ${file}`;
  }
  return undefined;
}

/** SQLite calls a full disk an I/O error. */
function describeSpace(path: string): string {
  try {
    return statfsSync(dirname(path)).bavail === 0 ? ` (the disk of ${dirname(path)} is full)` : '';
  } catch {
    return '';
  }
}

/** SQLite says of a file that it may not open or write only that it could not. */
function isDenied(error: unknown, path: string): boolean {
  const code = getErrno(error) ?? '';
  if (code === 'EACCES' || code === 'EPERM') return true;
  if (!/^SQLITE_(?:CANTOPEN|READONLY|PERM)/.test(code)) return false;
  const mayNot = (place: string, mode: number) => {
    try {
      accessSync(place, mode);
      return false;
    } catch (denied) {
      return getErrno(denied) === 'EACCES';
    }
  };
  return (
    mayNot(dirname(path), constants.W_OK | constants.X_OK) ||
    PARTS.some((part) => mayNot(path + part, constants.R_OK | constants.W_OK))
  );
}
