/** What an error of the database means. Does not load SQLite, so that a command can report an error without it. */
import { getErrno, getMessage, PosternError } from '../base/errors.ts';

/** SQLite result codes for a file that is damaged or not a database. */
const CORRUPT = ['SQLITE_CORRUPT', 'SQLITE_NOTADB'];

/** SQLite result codes for trouble that may pass; an extended code begins with one of them. */
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

/** Whether an error comes from the environment and may pass: disk full, locked, I/O error. Any other is a bug. */
export function isPassing(error: unknown): boolean {
  return hasCode(error, PASSING);
}

/** An expected failure, of SQLite or our own, as the error to report; undefined if it is a bug. */
export function asFailure(error: unknown): PosternError | undefined {
  if (error instanceof PosternError) return error;
  if (isSystemError(error)) {
    return new PosternError('environment', getMessage(error), { code: 'system', cause: error });
  }
  if (!isCorrupt(error) && !isPassing(error)) return undefined;
  const message = `cannot use the database: ${getMessage(error)}`;
  return new PosternError('environment', message, { code: 'database-unusable', cause: error });
}

/** What the system refused: no descriptors left, a full disk, no permission. Node's message names the call and the file. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}

function hasCode(error: unknown, names: readonly string[]): boolean {
  const code = getErrno(error) ?? '';
  return names.some((name) => code.startsWith(name));
}
