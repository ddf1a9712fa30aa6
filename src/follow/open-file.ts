/**
 * One physical log file, open, read from a given place. It is plain or gzip'd. A plain file is checked by its first
 * bytes at every read, so that no line is taken from a file that was emptied and filled again.
 * Reads only when asked. System errors while opening are thrown; errors while reading are outcomes.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { getMessage } from '../base/errors.ts';
import { Lines } from '../model/lines.ts';
import { estimateUnpackedSize, isGzip, unpack } from './gzip.ts';
import { LINE_FEED, LineSplitter } from './lines.ts';
import { assertFile, type LogFile, OPEN_FLAGS, realPath } from './log-files.ts';
import {
  type FileIdentity,
  type Fingerprint,
  type FollowPosition,
  HEAD_BYTES,
  takeFingerprint,
} from './position.ts';

/** The result of one read: bytes (perhaps no whole line), nothing for now, other content than before, or an error. */
type Outcome =
  | { readonly kind: 'bytes'; readonly lines: Lines }
  | { readonly kind: 'end' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'broken'; readonly reason: string };

/** Where to begin; `fingerprint` must fit if it is given. */
export interface Start {
  readonly source: string;
  readonly offset: number;
  readonly line: number;
  readonly before: FileIdentity | null;
  readonly fingerprint?: Fingerprint;
}

const END: Outcome = { kind: 'end' };
const CHANGED: Outcome = { kind: 'changed' };

export class OpenFile {
  readonly source: string;
  readonly device: string;
  readonly inode: string;
  readonly packed: boolean;
  readonly #path: string;
  readonly #fd: number;
  readonly #before: FileIdentity | null;
  readonly #splitter: LineSplitter;
  /** the first bytes, as far as they were read */
  #head: Buffer;
  #fingerprint: Fingerprint | undefined;
  /** bytes (unpacked) that the splitter has got */
  #readTo: number;
  #cutBefore = 0;
  #size: number;
  #modified: number;
  #unpacked: AsyncGenerator<Buffer, void, undefined> | undefined;

  /** Opens `file`; undefined if another file has that name by now. Throws for what is not a regular file. */
  static open(file: LogFile, start: Start): OpenFile | undefined {
    assertFile(file);
    const fd = openSync(file.path, OPEN_FLAGS);
    try {
      const stat = fstatSync(fd, { bigint: true });
      const same = String(stat.ino) === file.inode && String(stat.dev) === file.device;
      const opened = same ? new OpenFile(fd, file, start) : undefined;
      if (opened?.fits(start) === true) return opened;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
    return undefined;
  }

  private constructor(fd: number, file: LogFile, start: Start) {
    this.source = start.source;
    this.device = file.device;
    this.inode = file.inode;
    this.#path = realPath(file.path);
    this.#fd = fd;
    this.#before = start.before;
    this.#size = file.size;
    this.#modified = file.modified;
    this.#head = readFirst(fd, Math.min(HEAD_BYTES, Math.max(start.offset, 2)));
    this.packed = isGzip(this.#head);
    this.#splitter = new LineSplitter(start.source, start);
    this.#readTo = start.offset;
    if (this.packed) this.#head = Buffer.alloc(0);
    else this.#head = this.#head.subarray(0, start.offset);
  }

  /** The lines after the last read. `buffer` limits a read of a plain file, and is free again afterwards. */
  async read(buffer: Buffer): Promise<Outcome> {
    try {
      return this.packed ? await this.#readPacked(buffer.length) : this.#readPlain(buffer);
    } catch (error) {
      return { kind: 'broken', reason: getMessage(error) };
    }
  }

  /** The partial last line, once nothing will be added to this file. */
  finish(): Lines {
    const last = this.#splitter.end();
    return new Lines(last === undefined ? [] : [last]);
  }

  position(): FollowPosition {
    const { offset, line } = this.#splitter;
    const bytes = Math.min(this.#head.length, offset);
    if (this.#fingerprint?.bytes !== bytes) {
      this.#fingerprint = takeFingerprint(this.#head.subarray(0, bytes));
    }
    return {
      version: 1,
      path: this.#path,
      device: this.device,
      inode: this.inode,
      fingerprint: this.#fingerprint,
      offset,
      line,
      modified: this.#modified,
      before: this.#before,
    };
  }

  /** Bytes not read yet, as of the last read; an estimate for a gzip'd file. */
  get unread(): number {
    return Math.max(0, this.#size - this.#readTo);
  }

  /** Bytes not read yet, given that a plain file is `size` bytes long now. */
  measureUnread(size: number): number {
    return this.packed ? this.unread : Math.max(0, size - this.#readTo);
  }

  /** Nothing of this file was read yet, now or before. */
  get isUntouched(): boolean {
    return this.#readTo === 0;
  }

  /** When the file last changed, as of the last read, ms since the epoch. */
  get modified(): number {
    return this.#modified;
  }

  /** How many lines were too long since the last call. */
  takeCut(): number {
    const count = this.#splitter.cut - this.#cutBefore;
    this.#cutBefore = this.#splitter.cut;
    return count;
  }

  close(): void {
    // A stream that still reads from the descriptor must end before the descriptor is closed.
    const closing = this.#unpacked?.return() ?? Promise.resolve();
    closing.catch(() => {}).then(() => closeSync(this.#fd));
  }

  private fits(start: Start): boolean {
    if (start.fingerprint === undefined || this.packed) return true;
    const { bytes, hash } = start.fingerprint;
    return takeFingerprint(this.#head.subarray(0, bytes)).hash === hash;
  }

  #readPlain(buffer: Buffer): Outcome {
    const bytes = readSync(this.#fd, buffer, 0, buffer.length, this.#readTo);
    const stat = fstatSync(this.#fd);
    this.#size = stat.size;
    this.#modified = stat.mtimeMs;
    // Checked after the read: if it is the same file now, it was the same file when these bytes were read.
    if (stat.size < this.#readTo + bytes || !this.#isHeadUnchanged()) return CHANGED;
    if (bytes === 0) return END;
    return this.#take(buffer.subarray(0, bytes));
  }

  #isHeadUnchanged(): boolean {
    const { length } = this.#head;
    return length === 0 || readFirst(this.#fd, length).equals(this.#head);
  }

  #take(chunk: Buffer): Outcome {
    this.#extendHead(chunk);
    this.#readTo += chunk.length;
    return { kind: 'bytes', lines: this.#splitter.push(chunk) };
  }

  #extendHead(chunk: Buffer): void {
    const room = HEAD_BYTES - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
  }

  async #readPacked(chunkBytes: number): Promise<Outcome> {
    if (this.#unpacked === undefined) {
      this.#size = Math.max(this.#readTo, estimateUnpackedSize(this.#fd, this.#size));
      this.#unpacked = unpack(this.#fd, chunkBytes);
      const rest = await this.#skip(this.#readTo);
      if (rest !== undefined) return this.#take(rest);
    }
    const { value, done } = await this.#unpacked.next();
    return done === true ? END : this.#take(value);
  }

  /** Skips what was read before the restart, but takes its first bytes as the head. */
  async #skip(bytes: number): Promise<Buffer | undefined> {
    let left = bytes;
    while (left > 0) {
      const next = await this.#unpacked?.next();
      if (next === undefined || next.done === true) return undefined;
      const skipped = next.value.subarray(0, left);
      this.#extendHead(skipped);
      left -= skipped.length;
      if (skipped.length < next.value.length) return next.value.subarray(skipped.length);
    }
    return undefined;
  }
}

/** The place after the last LF of a plain file, and the number of lines before it. */
export async function findEndOfLines(
  path: string,
  buffer: Buffer,
): Promise<Pick<Start, 'offset' | 'line'>> {
  const fd = openSync(path, OPEN_FLAGS);
  try {
    let [offset, line, position] = [0, 0, 0];
    for (;;) {
      const chunk = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, position));
      if (chunk.length === 0) return { offset, line };
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) {
        line++;
        offset = position + at + 1;
      }
      position += chunk.length;
      await new Promise(setImmediate); // a log of many GB must not block everything else
    }
  } finally {
    closeSync(fd);
  }
}

function readFirst(fd: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, 0));
}
