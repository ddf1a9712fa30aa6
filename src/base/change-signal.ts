/**
 * How one process tells another that blocks have changed: it writes to a file beside the database.
 * SQLite's own files cannot serve for this: the write-ahead log changes with every batch, and before its commit can be
 * read. The signal only saves time. The receiver looks at the database in any case, so a lost signal loses nothing.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { getErrno, getMessage } from './errors.ts';

/** The file to watch, created if it does not exist. Throws the system error if it cannot be created. */
export function openSignal(database: string): string {
  const path = getSignalFile(database);
  closeSync(openSync(path, 'a', 0o600));
  return path;
}

/** Wakes the process that watches the file; returns why that failed. */
export function sendSignal(database: string): string | undefined {
  try {
    const file = openSync(getSignalFile(database), 'r+');
    try {
      writeSync(file, '.', 0);
    } finally {
      closeSync(file);
    }
    return undefined;
  } catch (error) {
    // ENOENT: nobody has watched it yet.
    return getErrno(error) === 'ENOENT' ? undefined : getMessage(error);
  }
}

/** The first versions called it so, and an older process may still watch it. */
function getSignalFile(database: string): string {
  return `${database}-bell`;
}
