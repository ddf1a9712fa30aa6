/**
 * Copies of the database: made while others use it, checked, and brought up to what has happened to the blocks since.
 * Nothing here replaces a file that is in use.
 */
import Database from 'better-sqlite3';
import { PosternError } from '../base/errors.ts';
import { type Db, describeDamage } from './database.ts';
import { isCorrupt } from './failure.ts';
import { APPLICATION_ID } from './header.ts';
import { MIGRATIONS } from './migrations.ts';

/** What a copy holds. */
export interface CopyFacts {
  /** of the schema */
  readonly version: number;
  /** number of running blocks */
  readonly blocks: number;
}

/**
 * Writes the database as it is now to `file`, which must be empty or not exist. Reads one moment of it: the service
 * goes on writing. Free space is left out.
 */
export function copyDatabase(db: Db, file: string): void {
  // The online backup of SQLite begins again whenever another process writes, so beside a busy service it may never end.
  db.prepare('VACUUM INTO ?').run(file);
}

/** Reads all of a copy; `name` is for messages. Throws a PosternError if it is not a sound database of Postern that this version knows. */
export function checkCopy(file: string, name = file): CopyFacts {
  let db: Db | undefined;
  try {
    db = new Database(file, { readonly: true, fileMustExist: true });
    const id = db.pragma('application_id', { simple: true });
    const version = db.pragma('user_version', { simple: true }) as number;
    if (id !== APPLICATION_ID || version === 0) throw refuse(name, 'not a backup of Postern');
    if (version > MIGRATIONS.length) {
      throw refuse(
        name,
        `of a newer Postern (version ${version}, known up to ${MIGRATIONS.length})`,
      );
    }
    const foreign = findForeign(db);
    if (foreign !== undefined) throw refuse(name, `not as Postern made it: it has ${foreign}`);
    const damage = describeDamage(db, { thorough: true });
    if (damage !== undefined) throw refuse(name, `damaged: ${damage}`);
    const blocks = db.prepare('SELECT count(*) FROM block WHERE released IS NULL').pluck().get();
    return { version, blocks: blocks as number };
  } catch (error) {
    if (isCorrupt(error)) throw refuse(name, 'not a sound database', error);
    throw error;
  } finally {
    db?.close();
  }
}

/** What Postern never makes: it would run whenever something is read or written, and change the blocks. */
function findForeign(db: Db): string | undefined {
  return db
    .prepare(`SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view')`)
    .pluck()
    .get() as string | undefined;
}

function refuse(file: string, what: string, cause?: unknown): PosternError {
  return new PosternError('environment', `${file}: ${what}; nothing was changed`, {
    code: 'bad-backup',
    place: { file },
    cause,
  });
}

/** What was written since the backup and cannot be read again from the log; table by table, in the order of references. */
const NEWER = ['enforced', 'target', 'notice', 'mail', 'block'] as const;

/**
 * Takes from the database `file` what must not go back in time: the blocks with the verdicts behind them, what the block
 * files list, notices and mails. Both are of this version. Call it outside a transaction.
 */
export function carryOver(db: Db, file: string): void {
  db.prepare('ATTACH ? AS newer').run(file);
  try {
    db.pragma('foreign_keys = OFF');
    db.transaction(() => {
      for (const table of NEWER) {
        const columns = listColumns(db, table);
        db.exec(`DELETE FROM main.${table};
          INSERT INTO main.${table} (${columns}) SELECT ${columns} FROM newer.${table}`);
      }
      carryVerdicts(db);
      db.exec(`DELETE FROM main.state WHERE ${OF_BLOCKS};
        INSERT INTO main.state SELECT * FROM newer.state WHERE ${OF_BLOCKS}`);
    })();
  } finally {
    db.exec('DETACH newer');
    db.pragma('foreign_keys = ON');
  }
}

/** Rows of the table `state` that are about blocks: saved-state.ts. */
const OF_BLOCKS = `name IN ('newest block tried', 'queued mail to hold') OR name GLOB 'held *'`;

function listColumns(db: Db, table: string): string {
  const names = db.prepare(`SELECT name FROM pragma_table_info(?)`).pluck().all(table) as string[];
  return names.map((name) => `"${name}"`).join(', ');
}

/** The verdicts that blocks refer to. Of two under one number, the block's is the newer one. */
function carryVerdicts(db: Db): void {
  const columns = listColumns(db, 'verdict');
  db.exec(`INSERT OR REPLACE INTO main.verdict (${columns}) SELECT ${columns} FROM newer.verdict
      WHERE id IN (SELECT verdict FROM newer.block WHERE verdict IS NOT NULL);
    UPDATE main.block SET verdict = NULL
      WHERE verdict IS NOT NULL AND verdict NOT IN (SELECT id FROM main.verdict)`);
}

/** Without the database that was in use: mails that waited in the backup may have been sent since, so they are dropped. */
export function dropWaiting(db: Db): number {
  return db.transaction(() => {
    db.exec(
      'DELETE FROM notice WHERE mail IS NULL OR mail IN (SELECT id FROM mail WHERE sent IS NULL)',
    );
    return db.prepare('DELETE FROM mail WHERE sent IS NULL').run().changes;
  })();
}

/** Makes a database that nobody uses one file, which may be renamed. */
export function foldIn(db: Db): void {
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.pragma('journal_mode = DELETE');
}
