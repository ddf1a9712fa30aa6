/**
 * Time stamps at the start of log lines: `Nov  1 09:05:07` without a year (RFC 3164 4.1.2), and
 * `2026-11-01T09:05:07.123456+01:00` (RFC 3339), also with spaces as Exim writes it (tod.c).
 *
 * A missing year or zone is found by the log's clock. The last second is remembered, so that the other lines of the
 * same second cost one comparison. Without a stamp the result is -1, and nothing changes.
 */
import {
  endOfFraction,
  endOfOffset,
  parseOffset,
  readCivilTime,
  readDay,
  readMilliseconds,
  readMonth,
  readTimeOfDay,
} from './civil-time.ts';
import { LogClock, type Zone } from './clock.ts';
import { type OtherStamp, readOtherStamp } from './other-stamp.ts';

const TAB = 0x09;
const SPACE = 0x20;

/** Lengths of `Nov  1 `, `Nov  1 09:05:07`, `2026-11-01` and `2026-11-01T09:05:07`. */
const SHORT_DATE = 7;
const SHORT = 15;
const LONG_DATE = 10;
const LONG = 19;

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

export class StampReader {
  /** Index after the stamp that was read last. */
  end = 0;
  /** The stamp that was read last is an instant: it named its offset from UTC, or an outer stamp did. */
  exact = false;

  readonly #clock: LogClock;
  #shortDate = '';
  #shortTime = '';
  #shortInstant = -1;
  #longDate = '';
  #longTime = '';
  #longCivil = 0;
  #longInstant = Number.NaN;
  /** An offset with the space that follows it, and its ms. */
  #offsetText = '';
  #offset = 0;

  /** `reference` (ms) is when the log was last written. */
  constructor(zone: Zone, reference: number) {
    this.#clock = new LogClock(zone, reference);
  }

  get state(): LogClock['state'] {
    return this.#clock.state;
  }

  set state(state: LogClock['state']) {
    this.#clock.state = state;
    this.#shortInstant = -1;
    this.#longTime = '';
  }

  /** No line can be (much) younger than `now`, ms; a live log moves this on. */
  advance(now: number): void {
    this.#clock.advance(now);
  }

  /** The latest instant that a line can have been written at, ms. */
  get latest(): number {
    return this.#clock.latest;
  }

  /**
   * Reads `Nov  1 09:05:07`, also as `Nov 01` and `Nov 1`, and an optional fraction at `at`. `near` is the exact
   * instant that an outer envelope gave; it then decides the year and the zone.
   */
  short(text: string, at: number, near?: number): number {
    if (near === undefined && this.#shortInstant >= 0 && this.#isSameShort(text, at)) {
      return this.#addFraction(text, at + SHORT, this.#shortInstant, false);
    }
    const month = readMonth(text, at);
    const day = month < 0 ? -1 : readDay(text, at + 4, month);
    if (day < 0) return -1;
    const isPadded = text.charCodeAt(at + 5) !== SPACE;
    const timeAt = at + (isPadded ? SHORT_DATE : SHORT_DATE - 1);
    const time = text.charCodeAt(timeAt - 1) === SPACE ? readTimeOfDay(text, timeAt) : -1;
    if (time < 0) return -1;
    const instant = this.#clock.findYear(month, day, time, near);
    if (near === undefined && isPadded) this.#rememberShort(text, at, instant);
    this.#clock.reach(instant);
    return this.#addFraction(text, timeAt + SHORT - SHORT_DATE, instant, near !== undefined);
  }

  #isSameShort(text: string, at: number): boolean {
    return (
      text.slice(at + SHORT_DATE, at + SHORT) === this.#shortTime &&
      text.slice(at, at + SHORT_DATE) === this.#shortDate
    );
  }

  #rememberShort(text: string, at: number, instant: number): void {
    this.#shortDate = text.slice(at, at + SHORT_DATE);
    this.#shortTime = text.slice(at + SHORT_DATE, at + SHORT);
    this.#shortInstant = instant;
  }

  #addFraction(text: string, at: number, instant: number, exact: boolean): number {
    const end = endOfFraction(text, at);
    this.end = end;
    this.exact = exact;
    return end > at ? instant + readMilliseconds(text, at + 1, end) : instant;
  }

  /** Reads `2026-11-01T09:05:07` with optional fraction and offset at `at`; `separator` is `T` or a space. */
  long(text: string, at: number, separator: number, near?: number): number {
    if (text.charCodeAt(at + LONG_DATE) !== separator) return -1;
    if (!this.#isSameLong(text, at) && !this.#rememberLong(text, at)) return -1;
    const fraction = at + LONG;
    const offsetAt = endOfFraction(text, fraction);
    const milliseconds = offsetAt > fraction ? readMilliseconds(text, fraction + 1, offsetAt) : 0;
    const hasOffset = this.#takeOffset(text, offsetAt, separator);
    const instant = hasOffset ? this.#longCivil - this.#offset : this.#resolveLong(near);
    this.exact = hasOffset || near !== undefined;
    this.#clock.reach(instant);
    return instant + milliseconds;
  }

  /** Reads a stamp of one of the rare forms at `at` (other-stamp.ts). */
  other(text: string, at: number, near?: number): number {
    const stamp = readOtherStamp(text, at);
    if (stamp === undefined) return -1;
    this.end = stamp.end;
    this.exact = 'instant' in stamp || near !== undefined;
    const instant = this.#resolveOther(stamp, near);
    this.#clock.reach(instant);
    return instant;
  }

  #resolveOther(stamp: OtherStamp, near: number | undefined): number {
    if ('instant' in stamp) return stamp.instant;
    if ('civil' in stamp) return this.#clock.toInstant(stamp.civil, near) + stamp.milliseconds;
    const { month, day, time, milliseconds } = stamp;
    return this.#clock.findYear(month, day, time, near) + milliseconds;
  }

  /** Two short slices are compared in 40 ns, startsWith with all 19 bytes takes 100. */
  #isSameLong(text: string, at: number): boolean {
    return (
      text.slice(at + LONG_DATE, at + LONG) === this.#longTime &&
      text.slice(at, at + LONG_DATE) === this.#longDate
    );
  }

  /** False when there is no stamp. */
  #rememberLong(text: string, at: number): boolean {
    const civil = readCivilTime(text, at);
    if (civil < 0) return false;
    this.#longDate = text.slice(at, at + LONG_DATE);
    this.#longTime = text.slice(at + LONG_DATE, at + LONG);
    this.#longCivil = civil;
    this.#longInstant = Number.NaN;
    return true;
  }

  #resolveLong(near: number | undefined): number {
    if (near !== undefined) return this.#clock.toInstant(this.#longCivil, near);
    if (Number.isNaN(this.#longInstant)) {
      this.#longInstant = this.#clock.toInstant(this.#longCivil, undefined);
    }
    return this.#longInstant;
  }

  /** Takes the offset from UTC, with a space before it in Exim's stamps; false when there is none. */
  #takeOffset(text: string, at: number, separator: number): boolean {
    this.end = at;
    const start = separator === SPACE && text.charCodeAt(at) === SPACE ? at + 1 : at;
    if (separator === SPACE && start === at) return false;
    if (this.#offsetText !== '' && text.startsWith(this.#offsetText, start)) {
      // The remembered text ends with a space, so a longer offset cannot match.
      this.end = start + this.#offsetText.length - 1;
      return true;
    }
    const end = endOfOffset(text, start);
    if (end === start || (end < text.length && !isBlank(text.charCodeAt(end)))) return false;
    this.#offset = parseOffset(text.slice(start, end));
    this.#offsetText = end < text.length ? text.slice(start, end + 1) : '';
    this.end = end;
    return true;
  }
}
