/**
 * Where a line comes from, as far as its prefixes have been read: position in the file, time, host.
 * One object serves all lines of an Envelope, since every line needs it.
 */
import { type Line, type LoggedLine, ownCopy, type Position } from '../../model/line.ts';
import type { Tag } from './tag.ts';

const TAB = 0x09;
const SPACE = 0x20;

/** More than any program adds. A client may write more, so that a line which was cut in them looks like a shorter one. */
const MOST_BLANKS = 8;

function removeBlanks(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === TAB) end--;
  return text.length - end > MOST_BLANKS ? text : text.slice(0, end);
}

export class Origin {
  at: Position = { source: '', line: 0, offset: 0 };
  /** empty: not known */
  host = '';
  /** ms since the epoch; NaN: not known */
  time = Number.NaN;
  /** The time is an instant, not just what a clock in some zone showed. */
  exact = false;
  /** The line is inside the message of another program. */
  isInner = false;

  /** The host read last, and the same with the space that follows it: most lines of a file have the same host. */
  #lastHost = '';
  #lastHostAndSpace = '\0';

  /** Forgets what was known about the line before. */
  start(line: Line): void {
    this.at = { source: line.source, line: line.line, offset: line.offset };
    this.host = '';
    this.time = Number.NaN;
    this.exact = false;
    this.isInner = false;
  }

  /** The instant by which a stamp further in can be understood; undefined when none is known. */
  get instant(): number | undefined {
    return this.exact ? this.time : undefined;
  }

  setTime(time: number, exact: boolean): void {
    this.time = time;
    this.exact = exact;
  }

  /** Takes the host of the line before and its space at `from`; returns the index after them, or -1. */
  takeSameHost(text: string, from: number): number {
    if (!text.startsWith(this.#lastHostAndSpace, from)) return -1;
    this.host = this.#lastHost;
    return from + this.#lastHostAndSpace.length;
  }

  setHost(word: string): void {
    if (word !== this.#lastHost) {
      this.#lastHost = ownCopy(word); // the correlator keeps a message's host for days
      this.#lastHostAndSpace = `${this.#lastHost} `;
    }
    this.host = this.#lastHost;
  }

  /** The line that the program with this tag logged, without blanks at its end, which some programs add. */
  createLine(tag: Tag, pid: string, logged: string, times: number): LoggedLine {
    const last = logged.charCodeAt(logged.length - 1);
    const text = last === SPACE || last === TAB ? removeBlanks(logged) : logged;
    return {
      at: this.at,
      time: this.time,
      host: this.host,
      instance: tag.instance,
      service: tag.service,
      program: tag.program,
      pid,
      text,
      times,
    };
  }
}
