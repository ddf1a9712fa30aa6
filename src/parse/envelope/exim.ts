/**
 * Exim's own frame around a message (log.c): its time stamp with zone and ` [pid]`, in its log file or inside
 * syslog, where long entries come in parts (`[1/3] `). What is left is `[MSGID ]REST`.
 */
import type { LoggedLine } from '../../model/line.ts';
import { isDigit } from '../reader.ts';
import type { Parts } from './parts.ts';
import { loggedLine, type Prefix, resolveInstant } from './prefix.ts';
import type { Tag } from './tag.ts';
import type { StampReader } from './timestamp.ts';

const SPACE = 0x20;
const EXIM: Tag = { instance: 'exim', service: '', program: 'exim', exim: true };

export class EximFrame {
  readonly #stamps: StampReader;
  readonly #parts: Parts;

  constructor(stamps: StampReader, parts: Parts) {
    this.#stamps = stamps;
    this.#parts = parts;
  }

  /** A line of Exim's log file, which begins with the stamp. */
  inFile(text: string, from: number, prefix: Prefix): LoggedLine | undefined {
    const time = this.#stamps.long(text, from, SPACE, resolveInstant(prefix));
    const { end } = this.#stamps;
    if (time < 0 || text.charCodeAt(end) !== SPACE) return undefined;
    const start = endOfPid(text, end + 1);
    const pid = start > end + 1 ? text.slice(end + 2, start - 2) : '';
    return loggedLine({ ...prefix, time }, EXIM, pid, text.slice(start), 1);
  }

  /**
   * A message that came through syslog with one of Exim's tags, or with a tag of the operator's choice
   * (syslog_processname) and Exim's stamp. Undefined while parts are missing.
   */
  inSyslog(
    prefix: Prefix,
    tag: Tag,
    pid: string,
    message: string,
    times: number,
  ): LoggedLine | undefined {
    if (!tag.exim) return this.#unframed(prefix, tag, pid, message, times);
    const mark = splitMark(message);
    if (mark === undefined) return this.#unframed(prefix, tag, pid, message, times);
    const key = `exim ${prefix.host} ${pid}`;
    if (mark.part === 1) this.#parts.drop(key);
    const open = this.#parts.get(key);
    if ((open?.next ?? 1) !== mark.part) return undefined;
    const part = { at: prefix.at, time: prefix.time, text: message.slice(mark.end) };
    if (!mark.ends) {
      this.#parts.keep(key, open, part);
      return undefined;
    }
    const { at, time, text } = this.#parts.finish(key, part);
    return this.#unframed({ ...prefix, at, time }, tag, pid, text, times);
  }

  #unframed(
    prefix: Prefix,
    tag: Tag,
    pid: string,
    text: string,
    times: number,
  ): LoggedLine | undefined {
    const own = this.#stamps.long(text, 0, SPACE, resolveInstant(prefix));
    const stamped = own >= 0 && text.charCodeAt(this.#stamps.end) === SPACE;
    if (!stamped && !tag.exim) return loggedLine(prefix, tag, pid, text, times);
    const start = endOfPid(text, stamped ? this.#stamps.end + 1 : 0);
    const known = stamped ? { ...prefix, time: own } : prefix;
    return loggedLine(known, { ...EXIM, instance: tag.instance }, pid, text.slice(start), times);
  }
}

const HOST_AND_TAG =
  /^[A-Za-z0-9][\w.:-]{0,250} (?:[\w.-]{1,100}(?:\/[\w.-]{1,100}){1,4}|exim[\w.-]{0,100})\[[0-9]{1,10}\]: /;

/** True at `mx1 postfix/smtpd[811]: ` or `mx1 exim[811]: `, which no line of Exim's own file begins with. */
export function startsHostAndTag(text: string): boolean {
  // Most lines of such a file begin with a message ID; its dashes are told in a tenth of the time.
  if (text.charCodeAt(6) === 0x2d) {
    if (text.charCodeAt(13) === 0x2d && text.charCodeAt(16) === 0x20) return false;
    if (text.charCodeAt(18) === 0x2d && text.charCodeAt(23) === 0x20) return false;
  }
  return HOST_AND_TAG.test(text);
}

/** `[2/3] `: part 2 of 3. `ends`: a line feed follows in the entry, so the log line proper ends with this part. */
interface SplitMark {
  readonly part: number;
  readonly of: number;
  readonly ends: boolean;
  /** index after the mark */
  readonly end: number;
}

/** Reads `[1/3] ` or `[2\5] ` at the start. */
function splitMark(text: string): SplitMark | undefined {
  if (text.charCodeAt(0) !== 0x5b) return undefined;
  const slash = endOfDigits(text, 1);
  const delimiter = text.charCodeAt(slash);
  if (slash === 1 || (delimiter !== 0x2f && delimiter !== 0x5c)) return undefined;
  const close = endOfDigits(text, slash + 1);
  if (close === slash + 1 || !text.startsWith('] ', close)) return undefined;
  const part = Number(text.slice(1, slash));
  const of = Number(text.slice(slash + 1, close));
  return { part, of, ends: delimiter === 0x5c || part >= of, end: close + 2 };
}

/** Index after `[811] ` at `at`, or `at` when there is no pid. */
function endOfPid(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x5b) return at;
  const end = endOfDigits(text, at + 1);
  return end > at + 1 && text.startsWith('] ', end) ? end + 2 : at;
}

function endOfDigits(text: string, at: number): number {
  let end = at;
  while (end < at + 10 && isDigit(text.charCodeAt(end))) end++;
  return end;
}
