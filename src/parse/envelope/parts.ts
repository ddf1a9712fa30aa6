/**
 * Lines that arrive in parts: docker and CRI split long ones, Exim splits what is too long for syslog.
 * A part that nobody continues is forgotten when the next line of its kind begins; what is kept is bounded.
 */
import { z } from 'zod';
import { ownCopy, type Position } from '../../model/line.ts';

/** A line of which the end is missing. */
interface OpenLine {
  readonly at: Position;
  /** ms since the epoch, of the first part */
  readonly time: number;
  readonly text: string;
  /** number of the part that comes next, where parts are numbered */
  readonly next: number;
}

const positionSchema = z.object({ source: z.string(), line: z.number(), offset: z.number() });

export const openLinesSchema = z.array(
  z.tuple([
    z.string(),
    z.object({ at: positionSchema, time: z.number(), text: z.string(), next: z.number() }),
  ]),
);

/** Longest line that is put together, bytes; what comes after is dropped. */
const LONGEST = 65_536;
const KEPT = 1000;
/** All of them together, bytes. */
const KEPT_BYTES = 1_000_000;

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
  keep(key: string, open: OpenLine | undefined, part: Omit<OpenLine, 'next'>): void {
    this.drop(key);
    const { at, time, text } = joined(open, part);
    this.#open.set(ownCopy(key), { at, time, text: ownCopy(text), next: (open?.next ?? 1) + 1 });
    this.#bytes += text.length;
    for (const oldest of this.#open.keys()) {
      if (this.#open.size <= KEPT && this.#bytes <= KEPT_BYTES) break;
      this.drop(oldest);
    }
  }

  /** Ends the line of `key` with its last part. */
  finish(key: string, part: Omit<OpenLine, 'next'>): Omit<OpenLine, 'next'> {
    const open = this.get(key);
    if (open === undefined) return part;
    this.drop(key);
    return joined(open, part);
  }

  drop(key: string): void {
    const open = this.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    this.#bytes -= open.text.length;
  }
}

function joined(open: OpenLine | undefined, part: Omit<OpenLine, 'next'>): Omit<OpenLine, 'next'> {
  if (open === undefined) return part;
  if (open.text.length >= LONGEST) return { at: open.at, time: open.time, text: open.text };
  const text = (open.text + part.text).slice(0, LONGEST);
  return { at: open.at, time: open.time, text };
}
