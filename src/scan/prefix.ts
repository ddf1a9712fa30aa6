/**
 * The prefix that a line has in common with the line before: date, hour, minute, zone and host. It is compared as
 * bytes; only second and fraction are read. So the envelope reads one line a minute.
 *
 *     Nov  1 09:05:07 mx1 postfix/qmgr[700]: ...
 *     2026-11-01T09:05:07.123456+01:00 mx1 postfix/qmgr[700]: ...
 *     2026-11-01 09:05:07 1xUirY-00014N-13 => ...
 *
 * Within one minute of the clock, no zone changes its offset and no year ends. So the minute's first instant and the
 * second give the time, in whatever way the envelope found that instant.
 */
import { SECOND } from '../base/time.ts';
import type { LoggedLine } from '../model/line.ts';

const SPACE = 0x20;
const DOT = 0x2e;
const DIGIT_0 = 0x30;

/** Date and minute of RFC 3164 and RFC 3339, and of Exim. The second's two digits follow. */
const SYSLOG_MINUTE = /^(?:[A-Z][a-z]{2} [ \d]\d |\d{4}-\d\d-\d\dT)\d\d:\d\d:$/;
const EXIM_MINUTE = /^\d{4}-\d\d-\d\d \d\d:\d\d:$/;
const SHORT_MINUTE = 13;
const LONG_MINUTE = 17;
/** What may stand between the second and the host, after the fraction. */
const ZONE_AND_HOST = /^(?:Z|[+-]\d\d:\d\d)? ([A-Za-z0-9][\w.:-]{0,250}) $/;
const EXIM_ZONE = /^(?: [+-]\d{4})? $/;
const FRACTION = /^\.\d{1,9}/;
/** More digits than that the envelope does not take, either. */
const LONGEST_FRACTION = 9;

export class KnownPrefix {
  /** of the line that was matched last, ms since the epoch */
  time = 0;
  host = '';
  #minute = new Uint8Array(0);
  /** ms since the epoch of the minute's second 0 */
  #start = 0;
  /** from behind the fraction to the tag, or to Exim's text */
  #rest = new Uint8Array(0);

  /** There is neither host nor tag: these are lines of Exim's own file. */
  get isExim(): boolean {
    return this.host === '';
  }

  forget(): void {
    if (this.#minute.length > 0) this.#minute = new Uint8Array(0);
  }

  /**
   * Learns the prefix of a line of a log from what the envelope said about it; forgets the one before in any case.
   * `textAt` is where the text of the line begins that is not compared: at the tag, or at Exim's message.
   */
  learn(bytes: string, textAt: number, { time, host }: LoggedLine): void {
    this.forget();
    const length = bytes.charCodeAt(LONG_MINUTE - 1) === 0x3a ? LONG_MINUTE : SHORT_MINUTE;
    const minute = bytes.slice(0, length);
    const form = host === '' ? EXIM_MINUTE : SYSLOG_MINUTE;
    if (!form.test(minute)) return;
    const second = Number(bytes.slice(length, length + 2));
    if (!(second < 60)) return;
    const fraction = FRACTION.exec(bytes.slice(length + 2, textAt))?.[0] ?? '';
    const rest = bytes.slice(length + 2 + fraction.length, textAt);
    const isLearnt = host === '' ? EXIM_ZONE.test(rest) : ZONE_AND_HOST.exec(rest)?.[1] === host;
    if (!isLearnt) return;
    this.host = host;
    this.#start = Math.floor(time / SECOND) * SECOND - second * SECOND;
    this.#rest = Buffer.from(rest, 'latin1');
    this.#minute = Buffer.from(minute, 'latin1');
  }

  /** Index after the prefix of the line at `from`, with its time in `time`; -1 if the line has another one. */
  match(bytes: Uint8Array, from: number, end: number): number {
    const minute = this.#minute;
    const { length } = minute;
    // The longest fraction does not reach beyond the block: there are more bytes, or the comparison fails.
    if (length === 0 || from + length + 2 + this.#rest.length > end) return -1;
    // From the right, where times differ.
    for (let index = length - 1; index >= 0; index--) {
      if (bytes[from + index] !== minute[index]) return -1;
    }
    let at = from + length;
    const tens = (bytes[at] as number) - DIGIT_0;
    const ones = (bytes[at + 1] as number) - DIGIT_0;
    if (tens < 0 || tens > 5 || ones < 0 || ones > 9) return -1;
    at += 2;
    let milliseconds = 0;
    if (bytes[at] === DOT) {
      const digits = at + 1;
      let unit = 100;
      for (at = digits; at < end && at <= digits + LONGEST_FRACTION; at++) {
        const digit = (bytes[at] as number) - DIGIT_0;
        if (digit < 0 || digit > 9) break;
        milliseconds += unit * digit;
        unit = (unit / 10) | 0;
      }
      if (at === digits) return -1;
    }
    return this.#matchRest(
      bytes,
      at,
      end,
      this.#start + (10 * tens + ones) * SECOND + milliseconds,
    );
  }

  #matchRest(bytes: Uint8Array, from: number, end: number, time: number): number {
    const rest = this.#rest;
    const { length } = rest;
    if (from + length >= end || bytes[from + length] === SPACE) return -1;
    for (let index = 0; index < length; index++) {
      if (bytes[from + index] !== rest[index]) return -1;
    }
    this.time = time;
    return from + length;
  }
}
