/** The end of a log, where what is new stands. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The lines at the end of a file, at most `most` bytes as a byte string; empty if it cannot be read. Of a line that was cut
 * there is nothing: it proves nothing.
 */
export function readTail(path: string, most: number): string {
  try {
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      const bytes = Buffer.alloc(Math.min(size, most));
      readSync(fd, bytes, 0, bytes.length, size - bytes.length);
      const text = bytes.toString('latin1');
      return size > most ? text.slice(text.indexOf('\n') + 1) : text;
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
