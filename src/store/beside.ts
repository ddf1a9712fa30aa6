/**
 * A small file beside the database, for what must be known when the database itself cannot be written or read: which
 * process runs, and what is wrong with the database. It is written in place and has its full size from the start, so
 * that a full disk does not stop it. Nothing here throws: what cannot be written is not known.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import type { Process } from './saved-state.ts';

/** What stands in it. */
interface Beside {
  /** the service, as it describes itself */
  readonly daemon?: Process;
  /** the database takes no writes */
  readonly failing?: { readonly error: string; readonly since: number };
  /** the database was found damaged while the service ran: look closely at the next start */
  readonly suspect?: string;
}

const SIZE = 4096;
const LONGEST_TEXT = 500;

export class BesideFile {
  readonly path: string;

  constructor(database: string) {
    this.path = `${database}.state`;
  }

  read(): Beside {
    try {
      const value: unknown = JSON.parse(readFileSync(this.path, 'utf8'));
      return typeof value === 'object' && value !== null ? value : {};
    } catch {
      return {};
    }
  }

  /** Replaces the given parts; undefined removes one. */
  change(parts: { readonly [name in keyof Beside]: Beside[name] | undefined }): void {
    const text = JSON.stringify({ ...this.read(), ...parts }, shortened);
    const bytes = Buffer.alloc(SIZE, ' ');
    if (Buffer.byteLength(text) >= SIZE) return;
    bytes.write(text);
    bytes.write('\n', SIZE - 1);
    try {
      const fd = openSync(this.path, constants.O_WRONLY | constants.O_CREAT, 0o644);
      try {
        writeSync(fd, bytes, 0, SIZE, 0);
      } finally {
        closeSync(fd);
      }
    } catch {
      // Then `postern status` has to do without it.
    }
  }
}

function shortened(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : value;
}
