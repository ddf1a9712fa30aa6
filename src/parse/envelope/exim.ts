/**
 * Exim's own frame around a message (log.c): `2026-11-01 09:05:07[.123] [+0100] [[811] ]`, in its log file or inside
 * syslog, where long entries come in parts. What is left is `[MSGID ]REST`.
 */
import type { LoggedLine } from '../../model/line.ts';
import { endOfDigits, endOfRun } from '../reader.ts';
import type { Origin } from './origin.ts';
import { type Parts, readEximMark } from './parts.ts';
import { startsStamp } from './prefix.ts';
import type { Tag } from './tag.ts';
import type { StampReader } from './timestamp.ts';

const SPACE = 0x20;
const HYPHEN = 0x2d;
const OPEN_BRACKET = 0x5b;

/** What stands for the tag in Exim's own log file. */
export const EXIM: Tag = { instance: 'exim', service: '', program: 'exim', isExim: true };

export class EximFrame {
  readonly #stamps: StampReader;
  readonly #parts: Parts;

  /** `stamps` must not read any other stamps: it compares with the last one. */
  constructor(stamps: StampReader, parts: Parts) {
    this.#stamps = stamps;
    this.#parts = parts;
  }

  /** No line can be (much) younger than `now`, ms. */
  advance(now: number): void {
    this.#stamps.advance(now);
  }

  /** Reads a line of Exim's log file, which begins with the stamp. */
  readInFile(text: string, from: number, origin: Origin): LoggedLine | undefined {
    const time = this.#stamps.long(text, from, SPACE, origin.instant);
    const { end } = this.#stamps;
    if (time < 0 || text.charCodeAt(end) !== SPACE) return undefined;
    const start = endOfPid(text, end + 1);
    const pid = start > end + 1 ? text.slice(end + 2, start - 2) : '';
    origin.time = time;
    return origin.createLine(EXIM, pid, text.slice(start), 1);
  }

  /**
   * Reads a message that came through syslog with one of Exim's tags, or with another tag that the operator chose
   * (syslog_processname) and Exim's stamp. Undefined while parts are missing.
   */
  readInSyslog(
    origin: Origin,
    tag: Tag,
    pid: string,
    message: string,
    times: number,
  ): LoggedLine | undefined {
    const mark = tag.isExim ? readEximMark(message) : undefined;
    if (mark === undefined) return this.#removeFrame(origin, tag, pid, message, times);
    const key = `exim ${origin.host} ${pid}`;
    if (mark.part === 1) this.#parts.drop(key);
    const open = this.#parts.get(key);
    if ((open?.next ?? 1) !== mark.part) return undefined;
    const part = { at: origin.at, time: origin.time, text: message.slice(mark.end) };
    if (!mark.isLast) {
      this.#parts.keep(key, open, part);
      return undefined;
    }
    const whole = this.#parts.finish(key, part);
    origin.at = whole.at;
    origin.time = whole.time;
    return this.#removeFrame(origin, tag, pid, whole.text, times);
  }

  #removeFrame(origin: Origin, tag: Tag, pid: string, text: string, times: number): LoggedLine {
    const own = this.#stamps.long(text, 0, SPACE, origin.instant);
    const isStamped = own >= 0 && text.charCodeAt(this.#stamps.end) === SPACE;
    if (!isStamped && !tag.isExim) return origin.createLine(tag, pid, text, times);
    const start = endOfPid(text, isStamped ? this.#stamps.end + 1 : 0);
    if (isStamped) origin.time = own;
    const exim = { ...EXIM, instance: tag.instance };
    return origin.createLine(exim, pid, text.slice(start), times);
  }
}

const HOST_AND_TAG =
  /[A-Za-z0-9][\w.:-]{0,250} (?:[\w.-]{1,100}(?:\/[\w.-]{1,100}){1,4}|exim[\w.-]{0,100})\[[0-9]{1,10}\]: /y;

/** True at `mx1 postfix/smtpd[811]: ` or `mx1 exim[811]: `, with which no line of Exim's own file begins. */
export function startsHostAndTag(text: string, at = 0): boolean {
  // Most lines of such a file begin with a message ID. To look at its hyphens takes a tenth of the time.
  if (text.charCodeAt(at + 6) === HYPHEN) {
    if (text.charCodeAt(at + 13) === HYPHEN && text.charCodeAt(at + 16) === SPACE) return false;
    if (text.charCodeAt(at + 18) === HYPHEN && text.charCodeAt(at + 23) === SPACE) return false;
  }
  return endOfRun(HOST_AND_TAG, text, at) > at;
}

/** True at `Nov 12 09:05:07 mx1 postfix/smtpd[811]: `, also with a stamp of RFC 3339. */
export function startsSyslogLine(text: string): boolean {
  if (!startsStamp(text, 0)) return false;
  const clock = text.indexOf(':');
  return startsHostAndTag(text, text.indexOf(' ', clock) + 1);
}

/** Index after `[811] ` at `at`; `at` when there is no pid. */
function endOfPid(text: string, at: number): number {
  if (text.charCodeAt(at) !== OPEN_BRACKET) return at;
  const end = endOfDigits(text, at + 1, 10);
  return end > at + 1 && text.startsWith('] ', end) ? end + 2 : at;
}
