/**
 * How one process tells another that blocks have changed: by writing to a file beside the database.
 * SQLite's own files are no good to listen to: the log changes with every batch, and before its commit can be seen.
 * The bell only saves time. Who listens looks at the database in any case, and nothing is lost when it stays silent.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { getErrno, getMessage } from '../base/errors.ts';

/** The file to listen to; made when it does not exist. Throws the system error when it cannot be made. */
export function openSignal(database: string): string {
  const path = `${database}-bell`;
  closeSync(openSync(path, 'a', 0o600));
  return path;
}

/** Wakes who listens; the reason when that failed. */
export function sendSignal(database: string): string | undefined {
  try {
    const file = openSync(`${database}-bell`, 'r+');
    try {
      writeSync(file, '.', 0);
    } finally {
      closeSync(file);
    }
    return undefined;
  } catch (error) {
    // ENOENT: nobody has listened yet.
    return getErrno(error) === 'ENOENT' ? undefined : getMessage(error);
  }
}
