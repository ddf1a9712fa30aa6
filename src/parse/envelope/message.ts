/**
 * The line from the tag on: `name[pid]: message`, and what a syslog daemon or Exim puts around the text of a message.
 * A message can hold the whole line of another program, with an envelope of its own.
 */
import type { LoggedLine } from '../../model/line.ts';
import { isDigit } from '../reader.ts';
import { type EximFrame, startsHostAndTag } from './exim.ts';
import type { Origin } from './origin.ts';
import {
  endOfPlainTag,
  endOfPriorityWord,
  endOfSpaces,
  isPriorityWord,
  removeSolarisId,
  startsStamp,
} from './prefix.ts';
import { LAST_REPEATED, Repeats, unwrapRepeat } from './repeat.ts';
import { type Tag, TagReader } from './tag.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const UPPER_T = 0x54;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const LOWER_L = 0x6c;
const LOWER_M = 0x6d;

/** Short or whole, as docker's syslog driver writes it (its option `tag`). */
const CONTAINER_ID = /^[0-9a-f]{12}(?:[0-9a-f]{52})?$/;

/** Reads a line inside a message, from its stamp on; undefined when that is not a line. */
type ReadInner = (text: string) => LoggedLine | undefined;

export class MessageReader {
  readonly tags = new TagReader();
  readonly repeats = new Repeats();
  readonly #origin: Origin;
  readonly #exim: EximFrame;
  readonly #readInner: ReadInner;

  /** `origin` says, at each call, what the prefixes of the line have said. */
  constructor(origin: Origin, exim: EximFrame, readInner: ReadInner) {
    this.#origin = origin;
    this.#exim = exim;
    this.#readInner = readInner;
  }

  /** Reads `name[pid]: message` at `from`, also with one priority word in front. */
  readTag(text: string, from: number, hadPriority = false): LoggedLine | undefined {
    const space = text.indexOf(' ', from);
    const end = space < 0 ? text.length : space;
    if (end <= from || text.charCodeAt(end - 1) !== COLON) {
      const next = hadPriority ? from : endOfPriorityWord(text, from);
      if (next > from) return this.readTag(text, next, true);
      return this.#readRareTag(text, from, end);
    }
    // `name[pid]:message`, of a template without a blank in between.
    const glued = text.charCodeAt(end - 2) === CLOSE_BRACKET ? -1 : text.indexOf(']:', from);
    const tagEnd = glued >= 0 && glued < end ? glued + 1 : end - 1;
    const tag = this.tags.read(text, from, tagEnd);
    if (tag === undefined) return undefined;
    return this.readMessage(tag, this.tags.pid, text.slice(tagEnd + 1));
  }

  /** Reads `[name] message` and `[name[pid]] message` of metalog(8) at `from`. */
  readBracketedTag(text: string, from: number): LoggedLine | undefined {
    const end = text.indexOf('] ', from);
    const tag = end < 0 ? undefined : this.tags.read(text, from + 1, end);
    if (tag === undefined) return undefined;
    return this.readMessage(tag, this.tags.pid, text.slice(end + 2));
  }

  /**
   * Reads what may stand at `from`, in a word that ends at `end`, instead of a tag: more blanks, the host that a relay
   * put its own name in front of, with or without that host's stamp, or a repetition.
   */
  #readRareTag(text: string, from: number, end: number): LoggedLine | undefined {
    if (end === from && end < text.length) return this.readTag(text, endOfSpaces(text, from));
    if (text.charCodeAt(from) === OPEN_BRACKET) return this.readBracketedTag(text, from);
    const tagEnd = endOfPlainTag(text, from);
    if (tagEnd > from) return this.#readPlainTag(text, from, tagEnd);
    if (startsHostAndTag(text, from)) {
      const host = text.slice(from, end);
      if (isPriorityWord(host)) return undefined;
      this.#origin.setHost(host);
      return this.readTag(text, end + 1);
    }
    if (!this.#origin.isInner && startsStamp(text, from)) {
      this.#origin.isInner = true;
      return this.#readInner(text.slice(from));
    }
    return this.repeats.repeatLast(this.#origin, text, from);
  }

  /** Reads `name[pid] message` and `name[pid] : message`: the tag ends at `end` without its colon. */
  #readPlainTag(text: string, from: number, end: number): LoggedLine | undefined {
    const tag = this.tags.read(text, from, end);
    if (tag === undefined) return undefined;
    const start = text.startsWith(' : ', end) ? end + 3 : end + 1;
    return this.readMessage(tag, this.tags.pid, text.slice(start));
  }

  /** Reads the message of a known program. */
  readMessage(tag: Tag, pid: string, message: string): LoggedLine | undefined {
    const first = message.charCodeAt(0);
    if (first === SPACE) return this.readMessage(tag, pid, message.slice(endOfSpaces(message, 0)));
    if (first === LOWER_L && tag.program === 'syslogd' && message.startsWith(LAST_REPEATED)) {
      return this.repeats.repeatLast(this.#origin, message, 0);
    }
    const repeated = first === LOWER_M ? unwrapRepeat(message) : undefined;
    if (repeated !== undefined) {
      return this.#readText(tag, pid, repeated.text, repeated.times, first);
    }
    const text = first === OPEN_BRACKET ? removeSolarisId(message) : message;
    return this.#readText(tag, pid, text, 1, first);
  }

  /** Reads the text of a message that began with the byte `first`: an inner line, Exim's frame, or neither. */
  #readText(
    tag: Tag,
    pid: string,
    text: string,
    times: number,
    first: number,
  ): LoggedLine | undefined {
    if (isDigit(first) ? text.charCodeAt(10) === UPPER_T : text.charCodeAt(3) === SPACE) {
      const inner = this.#readInnerLine(tag, text);
      if (inner !== undefined) return inner;
    }
    const isFramed = tag.isExim || (isDigit(first) && tag.program === tag.instance);
    const line = isFramed
      ? this.#exim.readInSyslog(this.#origin, tag, pid, text, times)
      : this.#origin.createLine(tag, pid, text, times);
    if (line !== undefined) this.repeats.remember(line);
    return line;
  }

  /**
   * Reads the line of a container whose output goes to syslog by way of docker: under any tag, a line with a whole
   * prefix of its own. The time is the outer one, since the container's clock may be in another zone.
   */
  #readInnerLine(tag: Tag, text: string): LoggedLine | undefined {
    const origin = this.#origin;
    const isOther =
      tag.program === tag.instance || tag.instance === 'docker' || CONTAINER_ID.test(tag.program);
    if (!isOther || tag.isExim || origin.isInner || !startsStamp(text, 0)) return undefined;
    origin.isInner = true;
    const { host, time, exact } = origin;
    origin.exact = true;
    const line = this.#readInner(text);
    if (line !== undefined) return { ...line, time };
    origin.host = host;
    origin.setTime(time, exact);
    return undefined;
  }
}
