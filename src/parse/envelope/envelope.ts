/**
 * From a line as it stands in a file to a line that knows its time, host, program and message.
 *
 * The shape of the prefix is found for each line anew, since upgrades mix shapes in one file: syslog (RFC 3164,
 * RFC 3339, RFC 5424, with and without host), Exim's own stamp, journald JSON, container logs around any of these.
 * Everything is decided by the prefix, from the left; the message cannot change what was found before it.
 * Lines without an envelope (continuations, marks, noise) are undefined; nothing that a line holds throws.
 * An Envelope belongs to one source, whose lines it reads in order.
 */
import { type Line, type LoggedLine, ownCopy, type Position } from '../../model/line.ts';
import { isDigit } from '../reader.ts';
import { afterCompose, clean, criMark } from './container.ts';
import { EximFrame, startsHostAndTag } from './exim.ts';
import { readJson } from './json.ts';
import { Parts } from './parts.ts';
import type { Prefix } from './prefix.ts';
import { afterPri, afterPriorityWord } from './priority.ts';
import { Repeats, unwrapRepeat } from './repeat.ts';
import { readState } from './state.ts';
import { isLevel, rfc5424Fields, startsStamp, withoutSolarisId } from './syslog.ts';
import { type Tag, TagReader } from './tag.ts';
import { StampReader } from './timestamp.ts';
import { createZone } from './zone.ts';

const SPACE = 0x20;
const COLON = 0x3a;
const LETTER_T = 0x54;
const NINE = 0x39;
/** An envelope in an envelope in an envelope (JSON, compose, stamp, syslog), but no more. */
const DEEPEST = 4;

export interface EnvelopeOptions {
  /** zone of stamps without one: an IANA name or `±hh:mm`; default: the host's */
  readonly zone?: string;
  /** ms: when the file was last written, or now; decides the year of stamps without one */
  readonly reference: number;
}

export class Envelope {
  readonly #stamps: StampReader;
  readonly #tags = new TagReader();
  readonly #parts = new Parts();
  readonly #repeats = new Repeats();
  readonly #exim: EximFrame;
  /** What the prefixes of the line being read have said so far; fields, since every line needs them. */
  #at: Position = { source: '', line: 0, offset: 0 };
  #host = '';
  #time = 0;
  #timed = false;
  #exact = false;
  /** Inside what another program's line holds: it holds one line, and no more. */
  #inner = false;
  /** The host that came last, with the space behind it: most lines of a file have the same. */
  #lastHost = '';
  #lastHostAndSpace = '\0';

  /** Throws a RangeError for a zone that does not exist. */
  constructor(options: EnvelopeOptions) {
    const zone = createZone(options.zone);
    this.#stamps = new StampReader(zone, options.reference);
    // Exim's stamp stands inside syslog's; each has its own last second to compare with.
    this.#exim = new EximFrame(new StampReader(zone, options.reference), this.#parts);
  }

  /** A live log goes on: `now` (ms) is the new reference for stamps without a year. */
  advance(now: number): void {
    this.#stamps.advance(now);
  }

  /** The line behind its envelope; undefined for lines without one, and for parts of a line still to be completed. */
  read(line: Line): LoggedLine | undefined {
    this.#at = { source: line.source, line: line.line, offset: line.offset };
    this.#host = '';
    this.#timed = false;
    this.#exact = false;
    this.#inner = false;
    return this.#shape(clean(line.bytes), 0, 0);
  }

  /** What the lines to come depend on, as JSON. */
  save(): unknown {
    return {
      stamps: this.#stamps.state,
      parts: this.#parts.state,
      repeats: this.#repeats.state,
    };
  }

  /** Continues from what `save` returned; anything else is passed over. */
  load(state: unknown): void {
    const saved = readState(state);
    if (saved === undefined) return;
    this.#stamps.state = saved.stamps;
    this.#parts.state = saved.parts;
    this.#repeats.state = saved.repeats;
  }

  get #prefix(): Prefix {
    const time = this.#timed ? this.#time : Number.NaN;
    return { at: this.#at, host: this.#host, time, exact: this.#exact };
  }

  /** The instant by which a stamp further in can be understood. */
  get #instant(): number | undefined {
    return this.#exact ? this.#time : undefined;
  }

  #setTime(time: number, exact: boolean): void {
    this.#time = time;
    this.#timed = true;
    this.#exact = exact;
  }

  /** Text that begins with an envelope of any shape, told apart by its first byte. */
  #shape(text: string, from: number, depth: number): LoggedLine | undefined {
    if (depth > DEEPEST) return undefined;
    const first = text.charCodeAt(from);
    if (first >= 0x41 && first <= 0x5a) {
      const time = this.#stamps.short(text, from, this.#instant);
      if (time >= 0) return this.#afterStamp(text, time, depth);
    } else if (isDigit(first)) {
      if (text.startsWith('1 ', from)) return this.#rfc5424(text, from + 2);
      const time = this.#stamps.long(text, from, LETTER_T, this.#instant);
      if (time >= 0) return this.#afterStamp(text, time, depth);
      const own = this.#exim.inFile(text, from, this.#prefix);
      if (own !== undefined && !startsHostAndTag(own.text)) return own;
      // `2026-11-01 09:05:07 HOST TAG`: only the stamp is like that of Exim's file.
      const spaced = own && this.#stamps.long(text, from, SPACE, this.#instant);
      if (spaced !== undefined && spaced >= 0) return this.#afterStamp(text, spaced, depth);
    } else if (first === 0x7b) {
      return this.#json(text.slice(from), depth);
    } else if (first === 0x3c) {
      const end = afterPri(text, from);
      return end > from ? this.#shape(text, end, depth + 1) : undefined;
    }
    const inner = afterCompose(text, from);
    if (inner > from) return this.#shape(text, inner, depth + 1);
    return this.#exact ? this.#hostAndTag(text, from) : undefined;
  }

  /** What follows a stamp: another one that a container wrapped, the CRI fields, or host and tag. */
  #afterStamp(text: string, time: number, depth: number): LoggedLine | undefined {
    const { end, exact } = this.#stamps;
    if (text.charCodeAt(end) !== SPACE) return undefined;
    this.#setTime(time, exact);
    const from = end + 1;
    if (text.startsWith(this.#lastHostAndSpace, from)) {
      this.#host = this.#lastHost;
      return this.#tag(text, from + this.#lastHostAndSpace.length);
    }
    if (!exact) return this.#hostAndTag(text, from);
    if (startsStamp(text, from)) return this.#shape(text, from, depth + 1);
    const mark = criMark(text, from);
    if (mark === undefined) return this.#hostAndTag(text, from);
    return this.#part(text.slice(mark.end), mark.stream, mark.partial, depth);
  }

  /** `HOST TAG`, `TAG`, or `LEVEL TAG`; a word with a colon behind it is the tag. */
  #hostAndTag(text: string, start: number): LoggedLine | undefined {
    // Only in brackets, since there may be a host with the name mail.info.
    const from = text.charCodeAt(start) === 0x3c ? afterPriorityWord(text, start) : start;
    const end = text.indexOf(' ', from);
    if (end === from || text.charCodeAt(from) === 0x3c) return undefined;
    if (end < 0 || text.charCodeAt(end - 1) === COLON) return this.#tag(text, from);
    const word = text.slice(from, end);
    if (isLevel(word)) {
      let next = end + 1;
      while (text.charCodeAt(next) === SPACE) next++;
      return this.#tag(text, next);
    }
    this.#keepHost(word);
    return this.#tag(text, end + 1);
  }

  #keepHost(word: string): void {
    if (word !== this.#lastHost) {
      this.#lastHost = ownCopy(word); // messages keep their host for days
      this.#lastHostAndSpace = `${this.#lastHost} `;
    }
    this.#host = this.#lastHost;
  }

  /** `name[pid]: message` at `from`, or `mail.info name[pid]: message`. */
  #tag(text: string, from: number, bare = false): LoggedLine | undefined {
    const space = text.indexOf(' ', from);
    const end = space < 0 ? text.length : space;
    if (end <= from || text.charCodeAt(end - 1) !== COLON) {
      const next = bare ? from : afterPriorityWord(text, from);
      if (next > from) return this.#tag(text, next, true);
      return this.#repeats.again(this.#prefix, text, from);
    }
    const tag = this.#tags.read(text, from, end - 1);
    if (tag === undefined) return undefined;
    return this.#message(tag, this.#tags.pid, text, end + 1);
  }

  #message(tag: Tag, pid: string, line: string, from: number): LoggedLine | undefined {
    let text = line.slice(from);
    let times = 1;
    const first = text.charCodeAt(0);
    if (first === 0x6c && tag.program === 'syslogd' && text.startsWith('last message repeated ')) {
      return this.#repeats.again(this.#prefix, text, 0);
    }
    if (first === 0x5b) text = withoutSolarisId(text);
    if (first === 0x6d && text.startsWith('message repeated ')) {
      const repeated = unwrapRepeat(text);
      text = repeated?.text ?? text;
      times = repeated?.times ?? 1;
    }
    if (text.charCodeAt(first <= NINE ? 10 : 3) === (first <= NINE ? LETTER_T : SPACE)) {
      const inner = this.#innerLine(tag, text);
      if (inner !== undefined) return inner;
    }
    const framed = tag.exim || (isDigit(first) && tag.program === tag.instance);
    const logged = framed
      ? this.#exim.inSyslog(this.#prefix, tag, pid, text, times)
      : this.#logged(tag, pid, text, times);
    if (logged !== undefined) this.#repeats.remember(logged);
    return logged;
  }

  /**
   * The line that a container wrote, when its output goes to syslog by way of docker, under any name: it has a whole
   * prefix of its own. The time is that of the outer one, since the container's clock may be in another zone.
   */
  #innerLine(tag: Tag, text: string): LoggedLine | undefined {
    const isOther = tag.program === tag.instance || tag.instance === 'docker';
    if (!isOther || tag.exim || this.#inner || !startsStamp(text, 0)) return undefined;
    this.#inner = true;
    const [host, time, exact] = [this.#host, this.#time, this.#exact];
    this.#exact = true;
    const line = this.#shape(text, 0, DEEPEST);
    if (line !== undefined) return { ...line, time };
    this.#host = host;
    this.#setTime(time, exact);
    return undefined;
  }

  #logged(tag: Tag, pid: string, text: string, times: number): LoggedLine {
    return {
      at: this.#at,
      time: this.#time,
      host: this.#host,
      instance: tag.instance,
      service: tag.service,
      program: tag.program,
      pid,
      text,
      times,
    };
  }

  /** `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`, RFC 5424 6. */
  #rfc5424(text: string, from: number): LoggedLine | undefined {
    const time = this.#stamps.long(text, from, LETTER_T);
    const end = time >= 0 ? this.#stamps.end : from + 1;
    if (time >= 0) this.#setTime(time, this.#stamps.exact);
    if (!this.#timed || text.charCodeAt(end) !== SPACE) return undefined;
    const fields = rfc5424Fields(text, end + 1);
    const tag =
      fields === undefined ? undefined : this.#tags.read(fields.name, 0, fields.name.length);
    if (fields === undefined || tag === undefined) return undefined;
    this.#keepHost(fields.host);
    return this.#message(tag, fields.pid, text, fields.start);
  }

  #json(text: string, depth: number): LoggedLine | undefined {
    const entry = readJson(text);
    if (entry === undefined) return undefined;
    if (entry.time !== undefined) this.#setTime(entry.time, true);
    if (entry.host !== '') this.#host = entry.host;
    if (entry.stream !== undefined) {
      const partial = !entry.message.endsWith('\n');
      const part = partial ? entry.message : entry.message.slice(0, -1);
      return this.#part(part, entry.stream, partial, depth);
    }
    const message = clean(entry.message);
    const name = entry.tag ?? '';
    const tag = this.#tags.read(name, 0, name.length);
    // With a tag given beside it, only a whole stamp makes an envelope of what a program printed.
    if (tag === undefined || (entry.output && startsStamp(message, 0))) {
      return this.#shape(message, 0, depth + 1);
    }
    return this.#message(tag, entry.pid || this.#tags.pid, message, 0);
  }

  /** A part of a container's line, whole or to be continued. */
  #part(text: string, stream: string, partial: boolean, depth: number): LoggedLine | undefined {
    const part = { at: this.#at, time: this.#time, text };
    if (partial) {
      this.#parts.keep(stream, this.#parts.get(stream), part);
      return undefined;
    }
    const whole = this.#parts.finish(stream, part);
    this.#at = whole.at;
    this.#time = whole.time;
    return this.#shape(clean(whole.text), 0, depth + 1);
  }
}
