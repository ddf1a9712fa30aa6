/**
 * Lines that mean repetitions of another: `message repeated 3 times: [ TEXT]` (rsyslog, RepeatedMsgReduction) holds its
 * text; `last message repeated 3 times` (BSD syslogd(8)) means the previous line of that host.
 */
import { z } from 'zod';
import { type LoggedLine, ownCopy } from '../../model/line.ts';
import { Reader } from '../reader.ts';
import type { Origin } from './origin.ts';
import { positionSchema } from './parts.ts';

/** How BSD syslogd begins such a line. */
export const LAST_REPEATED = 'last message repeated ';

const MOST_HOSTS = 500;
/** Longest line that is remembered while other hosts write, bytes. */
const LONGEST_LINE = 2048;
/** Far more than any syslog daemon counts; a forged count must not cost time. */
const MOST_TIMES = 100_000;

export const repeatsSchema = z.array(
  z.object({
    at: positionSchema,
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

/** Reads `message repeated 3 times: [ TEXT]`. The last bracket belongs to the wrapper, unless the line was cut. */
export function unwrapRepeat(text: string): { text: string; times: number } | undefined {
  const reader = new Reader(text);
  if (!reader.literal('message repeated ')) return undefined;
  const times = reader.number();
  if (times === undefined || times < 1 || !reader.literal(' times: [')) return undefined;
  reader.literal(' ');
  const rest = reader.rest();
  return {
    text: rest.endsWith(']') ? rest.slice(0, -1) : rest,
    times: Math.min(times, MOST_TIMES),
  };
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
    if (last !== undefined && last.host !== line.host) this.#setAside(last);
    this.#last = line;
  }

  #setAside(line: LoggedLine): void {
    this.#others.delete(line.host);
    if (this.#others.size >= MOST_HOSTS) {
      this.#others.delete(this.#others.keys().next().value as string);
    }
    if (line.text.length > LONGEST_LINE) return;
    this.#others.set(line.host, { ...line, text: ownCopy(line.text) }); // outlives its read buffer
  }

  /**
   * Reads `last message repeated 3 times` at `from` and returns the host's last line once more. Any other text is a
   * line that could not be read; a repetition after it would repeat that one, so the host's last line is forgotten.
   */
  repeatLast({ at, host, time }: Origin, text: string, from: number): LoggedLine | undefined {
    const reader = new Reader(text, from);
    const times = reader.literal(LAST_REPEATED) ? reader.number() : undefined;
    if (times === undefined || times < 1) {
      this.#forget(host);
      return undefined;
    }
    const last = this.#last?.host === host ? this.#last : this.#others.get(host);
    return last && { ...last, at, time, times: Math.min(times, MOST_TIMES) };
  }

  #forget(host: string): void {
    this.#others.delete(host);
    if (this.#last?.host === host) this.#last = undefined;
  }
}
