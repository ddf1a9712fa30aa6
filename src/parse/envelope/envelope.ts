/**
 * Takes the envelope off a line: turns a line of a file into one with time, host, program and message.
 *
 * Upgrades mix formats in one file, so each line is examined anew: syslog (RFC 3164, RFC 3339, RFC 5424, with and
 * without host), Exim's own stamp, journald JSON, container logs around any of these. Everything is decided by the
 * prefix, from the left; the message cannot change what was found before it. A line without an envelope
 * (continuation, mark, noise) is undefined. Nothing that a line holds throws.
 */
import { z } from 'zod';
import type { Line, LoggedLine } from '../../model/line.ts';
import { isDigit, isUpperCase } from '../reader.ts';
import { createZone } from './clock.ts';
import { EximFrame, startsHostAndTag, startsSyslogLine } from './exim.ts';
import { exportSchema, JournalExport } from './export.ts';
import { type JsonEntry, readJournal, readJson } from './json.ts';
import { MessageReader } from './message.ts';
import { Origin } from './origin.ts';
import { startsAnyStamp } from './other-stamp.ts';
import { openLinesSchema, Parts, readCriMark } from './parts.ts';
import {
  endOfComposeName,
  endOfFileName,
  endOfFrameLength,
  endOfJsonMark,
  endOfLabels,
  endOfNames,
  endOfPodName,
  endOfPriority,
  endOfPriorityWord,
  endOfSpaces,
  isSeverity,
  isYear,
  readRfc5424Header,
  removeColours,
  removeFluentdTag,
  replaceTabs,
  startsStamp,
  trimLine,
} from './prefix.ts';
import { PrettyJson, prettySchema } from './pretty.ts';
import { repeatsSchema } from './repeat.ts';
import { unwrapRow } from './rows.ts';
import { StampReader } from './timestamp.ts';

const ESCAPE = 0x1b;
const SPACE = 0x20;
const COLON = 0x3a;
const LESS_THAN = 0x3c;
const UPPER_T = 0x54;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** How many prefixes may be inside one another: JSON, compose's name, a stamp, syslog. */
const DEEPEST = 4;

const stateSchema = z.object({
  stamps: z.object({ last: z.number().optional(), reference: z.number() }),
  parts: openLinesSchema,
  repeats: repeatsSchema,
  export: exportSchema,
  pretty: prettySchema,
});

export interface EnvelopeOptions {
  /** zone of stamps without one: an IANA name or `±hh:mm`; default: the host's */
  readonly zone?: string;
  /** ms: when the file was last written, or now; decides the year of stamps without one */
  readonly reference: number;
}

/** Reads the lines of one source, in their order. */
export class Envelope {
  readonly #stamps: StampReader;
  readonly #parts = new Parts();
  readonly #export = new JournalExport();
  readonly #pretty = new PrettyJson();
  readonly #exim: EximFrame;
  readonly #messages: MessageReader;
  /** What is known about the line being read. */
  readonly #origin = new Origin();

  /** Throws a RangeError for a zone that does not exist. */
  constructor(options: EnvelopeOptions) {
    const zone = createZone(options.zone);
    this.#stamps = new StampReader(zone, options.reference);
    // A line may have Exim's stamp behind syslog's; each reader compares with its own last second.
    this.#exim = new EximFrame(new StampReader(zone, options.reference), this.#parts);
    const readInner = (text: string) => this.#readPrefix(text, 0, DEEPEST);
    this.#messages = new MessageReader(this.#origin, this.#exim, readInner);
  }

  /** Moves the reference for stamps without a year of a live log to `now` (ms). */
  advance(now: number): void {
    this.#stamps.advance(now);
    this.#exim.advance(now);
  }

  /** The latest time that a line can have, ms: a day beyond what `advance` was told, or else the reference. */
  get latest(): number {
    return this.#stamps.latest;
  }

  /** The line behind its envelope. Undefined when it has none, and for a part of a line that is not complete yet. */
  read(line: Line): LoggedLine | undefined {
    this.#origin.start(line);
    if (this.#export.isOpen) return this.#readExport(line);
    if (this.#pretty.state !== undefined) return this.#readPretty(trimLine(line.bytes));
    return this.#readPrefix(trimLine(line.bytes), 0, 0);
  }

  /** Reads a line while a record of the journal's export format is open. */
  #readExport(line: Line): LoggedLine | undefined {
    const record = this.#export.take(line.bytes, this.#origin.at);
    if (record === true) return undefined;
    if (record === false) return this.#readPrefix(trimLine(line.bytes), 0, 0);
    const entry = readJournal(record.fields);
    if (entry === undefined) return undefined;
    if (record.at !== undefined) this.#origin.at = record.at;
    return this.#readEntry(entry, 0);
  }

  /** Reads a line while a JSON object over several lines is open. */
  #readPretty(text: string): LoggedLine | undefined {
    const object = this.#pretty.take(text);
    if (object === true) return undefined;
    if (typeof object !== 'object') return this.#readPrefix(text, 0, 0);
    this.#origin.at = object.at;
    return this.#readJson(object.text, 0);
  }

  /** What the lines to come depend on, as JSON. */
  save(): unknown {
    return {
      stamps: this.#stamps.state,
      parts: this.#parts.state,
      repeats: this.#messages.repeats.state,
      export: this.#export.state,
      pretty: this.#pretty.state,
    };
  }

  /** Continues from what `save` returned; ignores anything else. */
  load(state: unknown): void {
    const saved = stateSchema.safeParse(state).data;
    if (saved === undefined) return;
    this.#stamps.state = saved.stamps;
    this.#parts.state = saved.parts;
    this.#messages.repeats.state = saved.repeats;
    this.#export.state = saved.export;
    this.#pretty.state = saved.pretty;
  }

  /** Reads the rest of a line from any prefix on. The first byte tells the forms of prefixes apart. */
  #readPrefix(text: string, from: number, depth: number): LoggedLine | undefined {
    if (depth > DEEPEST) return undefined;
    const first = text.charCodeAt(from);
    if (isUpperCase(first)) {
      const time = this.#stamps.short(text, from, this.#origin.instant);
      if (time >= 0 && !isYear(text, this.#stamps.end + 1))
        return this.#afterStamp(text, time, depth);
    } else if (isDigit(first)) {
      return this.#readLongStamp(text, from, depth);
    } else if (first === OPEN_BRACE) {
      return this.#readJson(text.slice(from), depth);
    } else if (first === LESS_THAN) {
      const end = endOfPriority(text, from);
      return end > from ? this.#readPrefix(text, end, depth + 1) : undefined;
    }
    return this.#readRare(text, from, depth);
  }

  /** Reads a stamp that begins with the year, of syslog or Exim, or the version of RFC 5424. */
  #readLongStamp(text: string, from: number, depth: number): LoggedLine | undefined {
    if (text.startsWith('1 ', from)) return this.#readRfc5424(text, from + 2);
    const { instant } = this.#origin;
    const time = this.#stamps.long(text, from, UPPER_T, instant);
    if (time >= 0) return this.#afterStamp(text, time, depth);
    const line = this.#exim.readInFile(text, from, this.#origin);
    if (line === undefined) return this.#readRare(text, from, depth);
    if (!startsHostAndTag(line.text) && !startsSyslogLine(line.text)) return line;
    // `2026-11-01 09:05:07 HOST TAG` or another stamp: only this stamp is like that of Exim's file.
    return this.#afterStamp(text, this.#stamps.long(text, from, SPACE, instant), depth);
  }

  /** Reads a stamp of a rare form, or what a program printed in front of the line that it read. */
  #readRare(text: string, from: number, depth: number): LoggedLine | undefined {
    const time = this.#stamps.other(text, from, this.#origin.instant);
    if (time >= 0) return this.#afterStamp(text, time, depth);
    if (depth === 0 && this.#export.begin(text)) return undefined;
    const first = text.charCodeAt(from);
    const marked = Math.max(endOfJsonMark(text, from), endOfFrameLength(text, from));
    if (marked > from) return this.#readPrefix(text, marked, depth + 1);
    if (first === ESCAPE) {
      const plain = removeColours(text.slice(from));
      return plain.charCodeAt(0) === ESCAPE ? undefined : this.#readPrefix(plain, 0, depth + 1);
    }
    const row = depth === 0 ? unwrapRow(text) : undefined;
    if (row !== undefined) return this.#readPrefix(row, 0, depth + 1);
    const pod = first === OPEN_BRACKET ? endOfPodName(text, from) : from;
    const inner = pod > from ? pod : endOfComposeName(text, from);
    if (inner > from) return this.#readPrefix(text, inner, depth + 1);
    const file = endOfFileName(text, from);
    if (file > from && startsAnyStamp(text, file)) return this.#readPrefix(text, file, depth + 1);
    const names = depth <= 1 ? endOfNames(text, from) : from;
    if (names > from && startsSyslogLine(text.slice(names)))
      return this.#readPrefix(text, names, DEEPEST);
    return this.#origin.exact ? this.#readHostAndTag(text, from) : undefined;
  }

  /** Reads what follows a stamp: another one that a container wrapped, the CRI fields, or host and tag. */
  #afterStamp(text: string, time: number, depth: number): LoggedLine | undefined {
    const { end, exact } = this.#stamps;
    if (text.charCodeAt(end) !== SPACE) {
      const tabbed = removeFluentdTag(text) ?? replaceTabs(text, end);
      return tabbed === undefined ? undefined : this.#readPrefix(tabbed, 0, depth + 1);
    }
    this.#origin.setTime(time, exact);
    const from = endOfSpaces(text, end + 1);
    const tagAt = this.#origin.takeSameHost(text, from);
    if (tagAt >= 0) return this.#messages.readTag(text, tagAt);
    if (startsStamp(text, from)) return this.#readPrefix(text, from, depth + 1);
    if (!exact) return this.#readHostAndTag(text, from);
    const labels = endOfLabels(text, from);
    if (labels > from) return this.#readPrefix(text, labels, depth + 1);
    if (text.charCodeAt(from) === OPEN_BRACE) return this.#readJson(text.slice(from), depth + 1);
    const mark = readCriMark(text, from);
    if (mark === undefined) return this.#readHostAndTag(text, from);
    return this.#readPart(text.slice(mark.end), mark.stream, mark.partial, depth);
  }

  /** Reads `HOST TAG`, `TAG`, `[TAG]` or `SEVERITY TAG`; a word that ends with a colon is the tag. */
  #readHostAndTag(text: string, start: number): LoggedLine | undefined {
    const first = text.charCodeAt(start);
    if (first === OPEN_BRACKET) return this.#messages.readBracketedTag(text, start);
    // Here a priority counts only in angle brackets, since a host may have the name mail.info.
    const from = first === LESS_THAN ? endOfPriorityWord(text, start) : start;
    const end = text.indexOf(' ', from);
    if (end === from || text.charCodeAt(from) === LESS_THAN) return undefined;
    if (end < 0 || text.charCodeAt(end - 1) === COLON) return this.#messages.readTag(text, from);
    const word = text.slice(from, end);
    const next = endOfSpaces(text, end + 1);
    if (!isSeverity(word)) this.#origin.setHost(word);
    return this.#messages.readTag(text, next);
  }

  /** Reads `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]` at `from` (RFC 5424 6). */
  #readRfc5424(text: string, from: number): LoggedLine | undefined {
    const time = this.#stamps.long(text, from, UPPER_T);
    const end = time >= 0 ? this.#stamps.end : from + 1; // the nil value `-`
    if (time >= 0) this.#origin.setTime(time, this.#stamps.exact);
    if (Number.isNaN(this.#origin.time) || text.charCodeAt(end) !== SPACE) return undefined;
    const header = readRfc5424Header(text, end + 1);
    if (header === undefined) return undefined;
    const tag = this.#messages.tags.read(header.name, 0, header.name.length);
    if (tag === undefined) return undefined;
    this.#origin.setHost(header.host);
    return this.#messages.readMessage(tag, header.pid, text.slice(header.end));
  }

  #readJson(text: string, depth: number): LoggedLine | undefined {
    if (text === '{' && depth === 0) {
      this.#pretty.begin(this.#origin.at);
      return undefined;
    }
    const entry = readJson(text);
    return entry === undefined ? undefined : this.#readEntry(entry, depth);
  }

  #readEntry(entry: JsonEntry, depth: number): LoggedLine | undefined {
    if (entry.time !== undefined) this.#origin.setTime(entry.time, true);
    if (entry.host !== '') this.#origin.host = entry.host;
    const { stream, isPart = false } = entry;
    if (stream !== undefined && (isPart || this.#parts.get(stream) !== undefined)) {
      return this.#readPart(entry.message, stream, isPart, depth);
    }
    const message = trimLine(entry.message);
    if (entry.tag !== undefined && Number.isNaN(this.#origin.time)) return undefined;
    const name = entry.tag ?? '';
    const tag = this.#messages.tags.read(name, 0, name.length);
    // Beside a tag, only a whole stamp makes an envelope of what a program printed.
    if (tag === undefined || (entry.isOutput && startsStamp(message, 0))) {
      return this.#readPrefix(message, 0, depth + 1);
    }
    return this.#messages.readMessage(tag, entry.pid || this.#messages.tags.pid, message);
  }

  /** Reads a container's line when it is whole, or when this part completes it. */
  #readPart(text: string, stream: string, partial: boolean, depth: number): LoggedLine | undefined {
    const origin = this.#origin;
    const part = { at: origin.at, time: origin.time, text };
    if (partial) {
      this.#parts.keep(stream, this.#parts.get(stream), part);
      return undefined;
    }
    const whole = this.#parts.finish(stream, part);
    origin.at = whole.at;
    origin.time = whole.time;
    return this.#readPrefix(trimLine(whole.text), 0, depth + 1);
  }
}
