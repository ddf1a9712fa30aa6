/** What an error of the database means. Without SQLite itself, so that who only has to tell it need not load it. */
import { getErrno, getMessage, PosternError } from '../base/errors.ts';

/** SQLite result codes that mean: this is no database, or a damaged one. */
const CORRUPT = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

/** The environment's, with what follows the name in an extended code. */
const PASSING = [
  'SQLITE_FULL',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_IOERR',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
];

/** Whether an error says that the file is damaged. */
export function isCorrupt(error: unknown): boolean {
  return (
    hasCode(error, CORRUPT) || (error instanceof PosternError && error.code === 'database-corrupt')
  );
}

/** Whether an error is the environment's and may pass: no room, locked, an I/O error. Anything else is a bug. */
export function isPassing(error: unknown): boolean {
  return hasCode(error, PASSING);
}

/** What to tell of an expected failure, be it SQLite's (exit status 1) or our own; undefined: it is a bug. */
export function asFailure(error: unknown): PosternError | undefined {
  if (error instanceof PosternError) return error;
  if (!isCorrupt(error) && !isPassing(error)) return undefined;
  const message = `cannot use the database: ${getMessage(error)}`;
  return new PosternError('database-unusable', message, { cause: error });
}

function hasCode(error: unknown, names: readonly string[]): boolean {
  const code = getErrno(error) ?? '';
  return names.some((name) => code.startsWith(name));
}
