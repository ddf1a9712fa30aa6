/**
 * Whose database a file is, by its first bytes: read without SQLite, which would already write beside a file that is
 * somebody else's. https://www.sqlite.org/fileformat.html#the_database_header
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** `PRAGMA application_id` of our databases: `Post` in ASCII. */
export const APPLICATION_ID = 0x506f7374;

const MAGIC = 'SQLite format 3\0';
const APPLICATION_ID_AT = 68;
const HEADER = 100;

/**
 * Whether this is a database of some other program. A file that is not there, is empty, may not be read or is no
 * database at all is left to SQLite, which says so.
 */
export function isForeign(path: string): boolean {
  const header = readHeader(path);
  if (header === undefined || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return false;
  return header.readUInt32BE(APPLICATION_ID_AT) !== APPLICATION_ID;
}

function readHeader(path: string): Buffer | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const fd = openSync(path, 'r');
    try {
      const header = Buffer.alloc(HEADER);
      return readSync(fd, header, 0, HEADER, 0) === HEADER ? header : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
