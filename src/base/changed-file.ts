/** Whether a file has changed since it was read. Each look is one stat(2): whoever looks often limits that. */
import { statSync } from 'node:fs';
import { getErrno } from './errors.ts';

/** A text that is another one after each change of the file, its owner or mode; the error code if there is none. */
export function readStamp(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return getErrno(error) ?? '';
  }
}

/** What is read from a file, and read again when the file has changed. */
export class ChangedFile<T> {
  readonly file: string;
  readonly #read: (file: string) => T;
  #value: T;
  #stamp: string | undefined;

  /** Reads nothing yet; `value`: as long as nothing was read. */
  constructor(file: string, read: (file: string) => T, value: T) {
    this.file = file;
    this.#read = read;
    this.#value = value;
  }

  /** What was read last. */
  get value(): T {
    return this.#value;
  }

  /**
   * Reads the file if it is not the one that was read last; returns whether it did. Throws what reading throws: the value
   * then stays, and the next look tries again.
   */
  look(): boolean {
    const stamp = readStamp(this.file);
    if (stamp === this.#stamp) return false;
    this.#value = this.#read(this.file);
    this.#stamp = stamp;
    return true;
  }
}
