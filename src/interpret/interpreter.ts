/**
 * Lines to events: envelope, parse, correlate, classify. The same for the daemon, `parse` and `replay`.
 * Opens no file and no database; a line that says nothing gives no event.
 */
import { dropUndefined } from '../base/defined.ts';
import { classify } from '../classify/classify.ts';
import { Correlator, type CorrelatorOptions } from '../correlate/correlator.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import type { LoggedLine } from '../model/line.ts';
import type { Lines } from '../model/lines.ts';
import type { LogRecord } from '../model/record.ts';
import { Envelope } from '../parse/envelope/envelope.ts';
import type { LogParser } from '../parse/parser.ts';
import { LOGGED } from '../scan/outcome.ts';
import { LineScanner } from '../scan/scanner.ts';
import { LogSource } from './log-source.ts';
import { createParsers, findMta, isMailServerLine, LOG_TRAITS, type LogSettings } from './mtas.ts';
import { type FutureLines, Reading, type ReadingOptions } from './reading.ts';

export interface InterpreterOptions extends Omit<CorrelatorOptions, 'classify'>, ReadingOptions {
  /** undefined: each line shows it */
  readonly mta?: Mta | undefined;
  /** zone of time stamps without one; undefined: this host's */
  readonly zone?: string | undefined;
  /** host name for logs without one */
  readonly host?: string | undefined;
  /** what the mail server's configuration says about its log; without it, what depends on it stays undecided */
  readonly logSettings?: LogSettings | undefined;
}

export class Interpreter {
  readonly correlator: Correlator;
  readonly #options: InterpreterOptions;
  readonly #reading: Reading;
  readonly #parsers: Readonly<Record<Mta, LogParser>>;
  /** the mail server that a line came from although the options name the other one; until a line is understood */
  otherMta: Mta | undefined;
  /** lines of the mail server since the start, by whether they gave a record */
  readonly lines = { read: 0, unread: 0 };

  constructor(options: InterpreterOptions = {}) {
    this.#options = options;
    this.#reading = new Reading(options);
    this.#parsers = createParsers(options.logSettings);
    this.correlator = new Correlator({ ...options, classify });
  }

  /** Lines that were scanned, and did not go the plain way. */
  get scanned(): number {
    return this.#reading.scanned;
  }

  /** Time of the newest line, ms. */
  get newest(): number {
    return this.#reading.newest;
  }

  /** Some line came from a mail server that we know, from the one that the options name if they do. */
  get understood(): boolean {
    return this.#reading.understood;
  }

  /** Undefined: there were none. */
  get future(): FutureLines | undefined {
    return this.#reading.future;
  }

  /** Another log; `reference` (ms) is the file's date, for time stamps without a year. */
  openSource(reference: number): LogSource {
    const { zone, mta } = this.#options;
    const envelope = new Envelope(dropUndefined({ reference, zone }));
    return new LogSource(envelope, new LineScanner(envelope, mta), this.#reading);
  }

  /** Appends the events of a whole batch of lines from one source, whose blocks still have their bytes. */
  feed(source: LogSource, lines: Lines, events: MailEvent[]): void {
    source.begin(lines);
    while (source.readOn()) this.#take(source, source.waiting, events);
    this.endBatch();
  }

  /**
   * Appends the events of lines of the batch that the source has begun: of one that waits, and of those behind it whose
   * turn is before `until` (ms). Call `endBatch` after some of these calls, at the latest after the last one.
   */
  feedNext(source: LogSource, until: number, events: MailEvent[]): void {
    do this.#take(source, Math.max(1, source.countBefore(until)), events);
    while (source.waiting === 0 && source.readOn() && source.turn < until);
  }

  endBatch(): void {
    this.correlator.endBatch();
  }

  /** Each stage takes all lines before the next stage begins. */
  #take(source: LogSource, count: number, events: MailEvent[]): void {
    this.#parse(source, count);
    for (let place = 0; place < count; place++) {
      this.#correlate(source.lineAt(place), source.recordAt(place), events);
    }
    source.drop(count);
  }

  /** Parses the lines that are no records yet, and checks the records that were scanned. */
  #parse(source: LogSource, count: number): void {
    for (let place = 0; place < count; place++) {
      const said = source.saidAt(place);
      if (said !== LOGGED && this.#parsers.postfix.hasSeenCuts !== true) continue;
      const line = source.lineAt(place);
      const parser = this.#findParser(line);
      const record =
        said === LOGGED ? parser.parse(line) : (parser.checkUser?.(line, said) ?? said);
      source.setRecord(place, record);
    }
  }

  #findParser({ program }: LoggedLine): LogParser {
    return this.#parsers[this.#options.mta ?? findMta(program)];
  }

  #noteOrigin(logged: LoggedLine, hasRecord: boolean): void {
    const { mta } = this.#options;
    const own = this.#parsers[findMta(logged.program)];
    if (mta === undefined || own.mta === mta || hasRecord) {
      this.#reading.understood = hasRecord || isMailServerLine(logged);
    } else if (isMailServerLine(logged) || own.parse(logged) !== undefined) {
      this.otherMta = own.mta;
    }
  }

  #correlate(logged: LoggedLine, record: LogRecord | undefined, events: MailEvent[]): void {
    this.#reading.note(logged.time);
    if (!this.understood) this.#noteOrigin(logged, record !== undefined);
    if (record !== undefined) this.#feed(logged, record, events);
    else if (isMailServerLine(logged)) this.lines.unread++;
  }

  #feed(logged: LoggedLine, record: LogRecord, events: MailEvent[]): void {
    const { host } = this.#options;
    this.lines.read++;
    const placed = host !== undefined && logged.host === '' ? { ...logged, host } : logged;
    const { mta } = this.#findParser(logged);
    this.correlator.feed(placed, record, LOG_TRAITS[mta], events);
  }
}
