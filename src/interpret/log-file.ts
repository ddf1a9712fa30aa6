/**
 * A log that was named, on its way to the interpreter. Of several, regular files are opened before the first is read, so
 * that a rotation meanwhile exchanges none; but each takes memory only while its lines have their turn.
 */
import { closeSync, fstatSync, statSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, PosternError } from '../base/errors.ts';
import { openRegular, readLines } from '../follow/given-file.ts';
import type { Line } from '../model/line.ts';
import type { Lines } from '../model/lines.ts';
import type { Interpreter } from './interpreter.ts';
import type { LogSource } from './log-source.ts';

export interface FileOptions {
  /** ms; dates what has no date */
  readonly now: number;
  /** gets how many bytes of the files were read since its last call */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** Bytes of a regular file, one of several, that are read together: there may be hundreds beside each other. */
const CHUNK = 65_536;

export class LogFile {
  readonly #file: string;
  readonly #interpreter: Interpreter;
  readonly #options: FileOptions;
  /** ms; its time stamps without a year are older */
  #written: number | undefined;
  #descriptor: number | undefined;
  #open: { readonly source: LogSource; readonly batches: AsyncGenerator<Lines> } | undefined;
  /** time of the first line that counts, ms; a file without one comes last */
  began = Number.MAX_VALUE;
  /** the error if the file breaks off */
  damage: PosternError | undefined;
  /** the first line that is not empty */
  first: Line | undefined;
  /** all lines were taken */
  isOver = false;

  constructor(file: string, interpreter: Interpreter, options: FileOptions) {
    this.#file = file;
    this.#interpreter = interpreter;
    this.#options = options;
  }

  /** A line of the file waits for the interpreter. */
  get isWaiting(): boolean {
    return this.#open !== undefined && this.#open.source.waiting > 0;
  }

  /** When the next line has its turn, ms; of a file that was not begun, it has it then or later. Not of one that is over. */
  get turn(): number {
    return this.isWaiting ? this.source.turn : this.began;
  }

  get source(): LogSource {
    return this.open().source;
  }

  open() {
    if (this.#open !== undefined) return this.#open;
    const { now, onBytes } = this.#options;
    this.#written ??= readFileTime(this.#file, now);
    const source = this.#interpreter.openSource(this.#written);
    const descriptor = this.#descriptor;
    const chunkBytes = descriptor === undefined ? undefined : CHUNK;
    const batches = readLines(this.#file, dropUndefined({ descriptor, chunkBytes, onBytes }));
    this.#open = { source, batches };
    return this.#open;
  }

  /**
   * Finds out when the file begins, and returns how many lines were taken from it for that: none, except from what can
   * be read only once. Call `close` in any case. Throws a PosternError if it cannot be opened.
   */
  async findBeginning(): Promise<number> {
    this.#descriptor = openRegular(this.#file);
    if (this.#descriptor === undefined) {
      const lines = await this.fill();
      this.began = this.turn;
      return lines;
    }
    const written = fstatSync(this.#descriptor).mtimeMs;
    this.#written = written;
    try {
      this.began = (await this.#readBeginning(written)) ?? Number.MAX_VALUE;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    return 0;
  }

  async #readBeginning(written: number): Promise<number | undefined> {
    const { envelope } = this.#interpreter.openSource(written);
    const options = dropUndefined({ descriptor: this.#descriptor, chunkBytes: CHUNK });
    for await (const lines of readLines(this.#file, options)) {
      for (const line of lines) {
        const logged = envelope.read(line);
        if (logged !== undefined) return logged.time;
      }
    }
    return undefined;
  }

  /** Reads batches until one has a line that counts, and returns the number of all their lines. */
  async fill(): Promise<number> {
    const { source } = this.open();
    let count = 0;
    for (;;) {
      const lines = await this.#readBatch();
      if (lines === undefined) break;
      this.noteFirst(lines);
      count += lines.length;
      source.begin(lines);
      if (source.readOn()) return count;
    }
    this.isOver = true;
    this.#open = undefined;
    this.close();
    return count;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  noteFirst(lines: Lines): void {
    if (this.first === undefined) this.first = lines.find(({ bytes }) => bytes.trim() !== '');
  }

  async #readBatch(): Promise<Lines | undefined> {
    try {
      return (await this.open().batches.next()).value ?? undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.damage = error;
      return undefined;
    }
  }
}

/** Whether zlib could not unpack the file (Z_DATA_ERROR, Z_BUF_ERROR), in contrast to a file that cannot be opened. */
function isDamage(error: unknown): error is PosternError {
  return error instanceof PosternError && getErrno(error.cause)?.startsWith('Z_') === true;
}

/** When the file was last written, ms. */
function readFileTime(file: string, now: number): number {
  if (file === '-') return now;
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now;
}
