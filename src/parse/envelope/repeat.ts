/**
 * Lines that stand for others: `message repeated 3 times: [ TEXT]` (rsyslog) holds the text,
 * `last message repeated 3 times` (BSD syslogd) means the line of that host before it.
 */
import { z } from 'zod';
import { type LoggedLine, ownCopy } from '../../model/line.ts';
import { Reader } from '../reader.ts';
import type { Prefix } from './prefix.ts';

const HOSTS = 500;
/** Longest line that is remembered while other hosts speak, bytes. */
const LONGEST = 2048;
/** No reduction of a real log comes near; a forged count must not cost. */
const MOST = 100_000;

export const repeatsSchema = z.array(
  z.object({
    at: z.object({ source: z.string(), line: z.number(), offset: z.number() }),
    time: z.number(),
    host: z.string(),
    instance: z.string(),
    service: z.string(),
    program: z.string(),
    pid: z.string(),
    text: z.string(),
    times: z.number(),
  }),
);

/** Reads `message repeated 3 times: [ TEXT]`; the last bracket belongs to it, unless the line was cut. */
export function unwrapRepeat(text: string): { text: string; times: number } | undefined {
  const reader = new Reader(text);
  if (!reader.literal('message repeated ')) return undefined;
  const times = reader.number();
  if (times === undefined || times < 1 || !reader.literal(' times: [')) return undefined;
  reader.literal(' ');
  const rest = reader.rest();
  return {
    text: rest.endsWith(']') ? rest.slice(0, -1) : rest,
    times: Math.min(times, MOST),
  };
}

/** A line whose text outlives the batch. */
function kept(line: LoggedLine): LoggedLine {
  return { ...line, text: ownCopy(line.text) };
}

/** The last line of each host. */
export class Repeats {
  #last: LoggedLine | undefined;
  #others = new Map<string, LoggedLine>();

  get state(): LoggedLine[] {
    return this.#last === undefined ? [] : [...this.#others.values(), this.#last];
  }

  set state(lines: LoggedLine[]) {
    this.#others = new Map(lines.map((line) => [line.host, line]));
    this.#last = lines.at(-1);
  }

  remember(line: LoggedLine): void {
    const last = this.#last;
    if (last !== undefined && last.host !== line.host) {
      this.#others.delete(last.host);
      if (this.#others.size >= HOSTS) {
        this.#others.delete(this.#others.keys().next().value as string);
      }
      if (last.text.length <= LONGEST) this.#others.set(last.host, kept(last));
    }
    this.#last = line;
  }

  /**
   * Reads `last message repeated 3 times` at `from`: that host's last line once more. Any other text is a line
   * that nobody understands; a repetition after it would repeat that, so the host's last line is forgotten.
   */
  again(prefix: Prefix, text: string, from: number): LoggedLine | undefined {
    const { at, host, time } = prefix;
    const reader = new Reader(text, from);
    const times = reader.literal('last message repeated ') ? reader.number() : undefined;
    const last = this.#last?.host === host ? this.#last : this.#others.get(host);
    if (times === undefined || times < 1) this.#forget(host);
    if (times === undefined || times < 1 || last === undefined) return undefined;
    return { ...last, at, time, times: Math.min(times, MOST) };
  }

  #forget(host: string): void {
    this.#others.delete(host);
    if (this.#last?.host === host) this.#last = undefined;
  }
}
