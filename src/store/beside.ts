/**
 * A small file beside the database, for what must be known even if the database cannot be written or read: which process
 * runs, and what is wrong with the database. It is written in place and has its full size from the start, so it can be
 * written while the disk is full. Nothing here throws: if the file cannot be written, the information is missing.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import type { ServiceProcess } from './saved-state.ts';

/** What it holds. */
interface Beside {
  /** the service that runs, or ran last */
  readonly daemon?: ServiceProcess;
  /** the database cannot be written; `since` in ms */
  readonly failing?: { readonly error: string; readonly since: number };
  /** what `postern status --notify` has said is down, and when; absent while all runs */
  readonly told?: { readonly down: readonly string[]; readonly time: number };
  /** the database was found damaged while the service ran, with the error: check all of it at the next start */
  readonly suspect?: string;
}

/** Size of the file, bytes. */
const SIZE = 4096;
/** Characters kept of each text. */
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

  /** Replaces the parts that you pass; undefined removes a part. */
  change(parts: { readonly [name in keyof Beside]: Beside[name] | undefined }): void {
    const text = JSON.stringify({ ...this.read(), ...parts }, shorten);
    const bytes = Buffer.alloc(SIZE, ' ');
    if (Buffer.byteLength(text) >= SIZE) return;
    bytes.write(text);
    bytes.write('\n', SIZE - 1);
    try {
      const fd = openSync(this.path, constants.O_WRONLY | constants.O_CREAT, 0o600);
      try {
        writeSync(fd, bytes, 0, SIZE, 0);
      } finally {
        closeSync(fd);
      }
    } catch {
      // Then `postern status` cannot show it.
    }
  }
}

function shorten(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : value;
}
