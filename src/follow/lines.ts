/**
 * Bytes to lines: splits at LF only, drops one CR before it, keeps a partial last line until its LF comes.
 * A line longer than 64 KiB is cut there and counted; the rest is skipped, offsets stay exact.
 * Keeps at most one cut line in memory. Takes any bytes; never throws.
 */
import type { Line } from '../model/line.ts';
import { type LineBlock, Lines } from '../model/lines.ts';

/** The byte that ends a line. */
export const LINE_FEED = 0x0a;

/** Bytes of one line that are kept; Postfix and Exim write far shorter lines. */
export const LINE_LIMIT = 65_536;

/**
 * Bytes that are decoded together. A line is a slice of its decoded block and keeps it alive, so blocks are small: a
 * field that is stored for long holds 64 KiB at most. Decoding block by block is as fast as decoding the whole chunk,
 * and far faster than line by line.
 */
const BLOCK = 65_536;

/** Splits the chunks of one file. `offset` and `line` say where the first chunk begins. */
export class LineSplitter {
  readonly #source: string;
  #offset: number;
  #line: number;
  /** what is kept of the line whose LF has not come, and how many bytes that line has so far */
  #partial = '';
  #partialBytes = 0;
  #cut = 0;

  constructor(source: string, at: { readonly offset: number; readonly line: number } = START) {
    this.#source = source;
    this.#offset = at.offset;
    this.#line = at.line;
  }

  /** Byte offset after the last whole line. */
  get offset(): number {
    return this.#offset;
  }

  /** Number of the last whole line, 0 before the first. */
  get line(): number {
    return this.#line;
  }

  /** Bytes of the partial line after `offset`. */
  get pending(): number {
    return this.#partialBytes;
  }

  /** How many lines were longer than the limit. */
  get cut(): number {
    return this.#cut;
  }

  /**
   * The lines that `chunk` completes. When you overwrite the chunk, the bytes of their blocks change, but not their text.
   */
  push(chunk: Buffer): Lines {
    const parts: (Line | LineBlock)[] = [];
    for (let start = 0; start < chunk.length; start += BLOCK) {
      this.#pushBlock(chunk.subarray(start, start + BLOCK), parts);
    }
    return new Lines(parts);
  }

  /** The partial last line, once nothing will be added to it. */
  end(): Line | undefined {
    if (this.#partialBytes === 0) return undefined;
    return this.#complete('', this.#partialBytes);
  }

  #pushBlock(bytes: Buffer, parts: (Line | LineBlock)[]): void {
    const text = bytes.toString('latin1');
    let from = 0;
    let end = text.indexOf('\n');
    if (end >= 0 && this.#partialBytes > 0) {
      parts.push(this.#complete(text.slice(0, end), this.#partialBytes + end + 1));
      from = end + 1;
      end = text.indexOf('\n', from);
    }
    // Nothing is pending here and a block is no longer than the limit, so this loop need not look at lengths.
    const ends: number[] = [];
    for (; end >= 0; end = text.indexOf('\n', end + 1)) ends.push(end);
    this.#keep(text.slice(this.#takeBlock(bytes, text, from, ends, parts)));
  }

  /** Appends the whole lines between `from` and the last of `ends`; returns the index after them. */
  #takeBlock(
    bytes: Uint8Array,
    text: string,
    from: number,
    ends: readonly number[],
    parts: (Line | LineBlock)[],
  ): number {
    const last = ends.at(-1);
    if (last === undefined) return from;
    const source = this.#source;
    parts.push({ source, bytes, text, from, ends, line: this.#line + 1, offset: this.#offset });
    this.#line += ends.length;
    this.#offset += last + 1 - from;
    return last + 1;
  }

  #keep(rest: string): void {
    this.#partialBytes += rest.length;
    // One byte more than the limit, because a CR may be dropped.
    const room = LINE_LIMIT + 1 - this.#partial.length;
    if (room > 0) this.#partial += rest.length > room ? rest.slice(0, room) : rest;
  }

  /** Ends the pending line with `rest`; `length` counts all its bytes in the file, its LF included. */
  #complete(rest: string, length: number): Line {
    this.#keep(rest);
    const whole = this.#partialBytes === this.#partial.length;
    const text = whole && this.#partial.endsWith('\r') ? this.#partial.slice(0, -1) : this.#partial;
    const tooLong = text.length > LINE_LIMIT;
    if (tooLong) this.#cut++;
    this.#line++;
    const bytes = tooLong ? text.slice(0, LINE_LIMIT) : text;
    const line = { source: this.#source, line: this.#line, offset: this.#offset, bytes };
    this.#offset += length;
    this.#partial = '';
    this.#partialBytes = 0;
    return line;
  }
}

const START = { offset: 0, line: 0 } as const;
