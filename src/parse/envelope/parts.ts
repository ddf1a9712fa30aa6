/**
 * Lines that arrive in parts. The container runtime interface marks parts of long lines with `P` and the last one
 * with `F`; Exim numbers the parts of what is too long for syslog (log.c, write_syslog); docker's json-file driver
 * leaves out the line feed. A part that is never continued is forgotten when the next line of its kind begins.
 * What is kept is bounded.
 */
import { z } from 'zod';
import { ownCopy, type Position } from '../../model/line.ts';
import { endOfDigits } from '../reader.ts';

const SLASH = 0x2f;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;

/** `stdout F ` (a whole line or its last part) or `stderr P ` (to be continued). */
interface CriMark {
  readonly stream: string;
  readonly partial: boolean;
  /** index after the mark */
  readonly end: number;
}

/** Reads the stream and tag of the container runtime interface behind the stamp, at `at`. */
export function readCriMark(text: string, at: number): CriMark | undefined {
  if (!text.startsWith('stdout ', at) && !text.startsWith('stderr ', at)) return undefined;
  const tag = text.slice(at + 7, at + 9);
  if (tag !== 'F ' && tag !== 'P ') return undefined;
  return { stream: text.slice(at, at + 6), partial: tag === 'P ', end: at + 9 };
}

/** `[2/3] `: part 2 of 3. */
interface EximMark {
  readonly part: number;
  /** A line feed follows in the entry, or nothing: the log line proper ends with this part. */
  readonly isLast: boolean;
  /** index after the mark */
  readonly end: number;
}

/** Reads Exim's `[1/3] ` (cut by length) or `[2\5] ` (cut at a line feed) at the start. */
export function readEximMark(text: string): EximMark | undefined {
  if (text.charCodeAt(0) !== OPEN_BRACKET) return undefined;
  const slash = endOfDigits(text, 1, 10);
  const delimiter = text.charCodeAt(slash);
  if (slash === 1 || (delimiter !== SLASH && delimiter !== BACKSLASH)) return undefined;
  const close = endOfDigits(text, slash + 1, 10);
  if (close === slash + 1 || !text.startsWith('] ', close)) return undefined;
  const part = Number(text.slice(1, slash));
  const count = Number(text.slice(slash + 1, close));
  return { part, isLast: delimiter === BACKSLASH || part >= count, end: close + 2 };
}

/** A line whose end is missing. */
interface OpenLine {
  readonly at: Position;
  /** ms since the epoch, of the first part */
  readonly time: number;
  readonly text: string;
  /** number of the part that comes next, where parts are numbered */
  readonly next: number;
}

type Part = Omit<OpenLine, 'next'>;

export const positionSchema = z.object({
  source: z.string(),
  line: z.number(),
  offset: z.number(),
});

export const openLinesSchema = z.array(
  z.tuple([
    z.string(),
    z.object({ at: positionSchema, time: z.number(), text: z.string(), next: z.number() }),
  ]),
);

/** Longest line that is put together, bytes; the rest is dropped. */
const LONGEST_LINE = 65_536;
/** Bounds on the open lines: how many, and bytes of all together. */
const MOST_LINES = 1000;
const MOST_BYTES = 1_000_000;

/** The lines that have begun and not ended, by stream or process. */
export class Parts {
  #open = new Map<string, OpenLine>();
  #bytes = 0;

  get state(): [string, OpenLine][] {
    return [...this.#open];
  }

  set state(entries: [string, OpenLine][]) {
    this.#open = new Map(entries);
    this.#bytes = entries.reduce((sum, [, { text }]) => sum + text.length, 0);
  }

  get(key: string): OpenLine | undefined {
    return this.#open.size === 0 ? undefined : this.#open.get(key);
  }

  /** Begins or continues the line of `key`; `open` is what `get` returned before. */
  keep(key: string, open: OpenLine | undefined, part: Part): void {
    this.drop(key);
    const { at, time, text } = join(open, part);
    this.#open.set(ownCopy(key), { at, time, text: ownCopy(text), next: (open?.next ?? 1) + 1 });
    this.#bytes += text.length;
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= MOST_LINES && this.#bytes <= MOST_BYTES) break;
      this.drop(oldest);
    }
  }

  /** Ends the line of `key` with its last part. */
  finish(key: string, part: Part): Part {
    const open = this.get(key);
    if (open === undefined) return part;
    this.drop(key);
    return join(open, part);
  }

  drop(key: string): void {
    const open = this.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    this.#bytes -= open.text.length;
  }
}

function join(open: OpenLine | undefined, part: Part): Part {
  if (open === undefined) return part;
  if (open.text.length >= LONGEST_LINE) return { at: open.at, time: open.time, text: open.text };
  const text = (open.text + part.text).slice(0, LONGEST_LINE);
  return { at: open.at, time: open.time, text };
}
