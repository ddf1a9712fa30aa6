/**
 * Lines that were read together. They lie in blocks, as bytes and as one byte string, and become `Line` objects only
 * for those who ask for them, so that a line which says nothing costs neither an object nor a string.
 */
import type { Line } from './line.ts';

const CARRIAGE_RETURN = 0x0d;

/** Whole lines of one source that lie one behind the other. */
export interface LineBlock {
  readonly source: string;
  /** The lines and their LFs, maybe with more around them. They are overwritten when the next lines are read. */
  readonly bytes: Uint8Array;
  /** the same as a byte string, which stays */
  readonly text: string;
  /** index of the first line */
  readonly from: number;
  /** index of the LF of each line; at least one */
  readonly ends: readonly number[];
  /** number and byte offset of the first line in its file */
  readonly line: number;
  readonly offset: number;
}

/** The lines of one read, in order. */
export class Lines implements Iterable<Line> {
  /** single lines (those that began in an earlier read) and blocks, in order */
  readonly parts: readonly (Line | LineBlock)[];
  readonly length: number;

  constructor(parts: readonly (Line | LineBlock)[]) {
    this.parts = parts;
    this.length = parts.reduce((sum, part) => sum + ('ends' in part ? part.ends.length : 1), 0);
  }

  *[Symbol.iterator](): Generator<Line> {
    for (const part of this.parts) {
      if ('ends' in part) yield* linesOf(part);
      else yield part;
    }
  }

  /** Whether a line holds this byte string, in which there is no LF. */
  include(text: string): boolean {
    return this.parts.some((part) => {
      if (!('ends' in part)) return part.bytes.includes(text);
      const at = part.text.indexOf(text, part.from);
      return at >= 0 && at < (part.ends.at(-1) as number);
    });
  }

  find(isWanted: (line: Line) => boolean): Line | undefined {
    for (const line of this) if (isWanted(line)) return line;
    return undefined;
  }

  map<Result>(turn: (line: Line) => Result): Result[] {
    return Array.from(this, turn);
  }
}

/** The lines of a block as objects. */
export function* linesOf(block: LineBlock): Generator<Line> {
  let start = block.from;
  for (const [index, end] of block.ends.entries()) {
    yield lineAt(block, index, start);
    start = end + 1;
  }
}

/** Line `index` of the block, which begins at `from`. One CR before its LF does not count. */
export function lineAt(block: LineBlock, index: number, from: number): Line {
  const { source, text } = block;
  const feed = block.ends[index] as number;
  // The text, not the bytes: they may have been overwritten.
  const hasReturn = feed > from && text.charCodeAt(feed - 1) === CARRIAGE_RETURN;
  return {
    source,
    line: block.line + index,
    offset: block.offset + from - block.from,
    bytes: text.slice(from, hasReturn ? feed - 1 : feed),
  };
}
