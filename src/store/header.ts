/**
 * Which program a database belongs to, by the first bytes of the file. Reads them without SQLite, which would create
 * files beside the database of another program. https://www.sqlite.org/fileformat.html#the_database_header
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';

/** `PRAGMA application_id` of our databases: `Post` in ASCII. */
export const APPLICATION_ID = 0x506f7374;

const MAGIC = 'SQLite format 3\0';
/** Offset of the application ID, and size of the header, bytes. */
const APPLICATION_ID_AT = 68;
const HEADER_SIZE = 100;

/**
 * Whether this is a database of another program, or one of ours that has another `id`. False for a file that does not
 * exist, is empty, cannot be read or is not a database: SQLite reports those.
 */
export function isForeign(path: string, id = APPLICATION_ID): boolean {
  const header = readHeader(path);
  if (header === undefined || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return false;
  return header.readUInt32BE(APPLICATION_ID_AT) !== id;
}

function readHeader(path: string): Buffer | undefined {
  try {
    if (!statSync(path).isFile()) return undefined;
    const fd = openSync(path, 'r');
    try {
      const header = Buffer.alloc(HEADER_SIZE);
      return readSync(fd, header, 0, HEADER_SIZE, 0) === HEADER_SIZE ? header : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
