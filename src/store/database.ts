/**
 * Opens the database: WAL, numbered migrations, one writer at a time.
 * Refuses a file of a newer version untouched; what is wrong with the file or its folder is a PosternError.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { errnoOf, messageOf, PosternError } from '../base/errors.ts';
import { MIGRATIONS } from './migrations.ts';

export type Db = Database.Database;

/** How long a statement waits for another process that writes, ms. */
const BUSY_TIMEOUT = 5000;

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
  try {
    const db = new Database(path, { timeout: BUSY_TIMEOUT });
    prepare(db, path);
    return db;
  } catch (error) {
    throw explain(error, path);
  }
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
    db.close();
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
