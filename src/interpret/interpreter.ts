/**
 * Lines to events: envelope, parse, correlate. The same for the daemon, for `parse` and for `replay`.
 * Keeps no file and no database of its own; a line that says nothing gives nothing.
 */
import { dropUndefined } from '../base/defined.ts';
import { Correlator, type CorrelatorOptions } from '../correlate/correlator.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import type { Line, LoggedLine } from '../model/line.ts';
import type { LogRecord } from '../model/record.ts';
import { Envelope } from '../parse/envelope/envelope.ts';
import type { LogParser } from '../parse/parser.ts';
import { PARSERS, parserFor } from './mtas.ts';

/**
 * Lines that go through a stage together: enough that its code and tables stay in the processor's caches, few enough
 * that what they become is garbage when V8 collects the young. Line by line a replay takes a tenth longer.
 */
const STEP = 512;

export interface InterpreterOptions extends CorrelatorOptions {
  /** undefined: told by each line */
  readonly mta?: Mta | undefined;
  /** zone of stamps that name none; undefined: this host's */
  readonly zone?: string | undefined;
  /** host name for logs that name none */
  readonly host?: string | undefined;
}

export class Interpreter {
  readonly correlator: Correlator;
  readonly #options: InterpreterOptions;
  readonly #envelopes = new Map<string, Envelope>();
  /** time of the newest line, ms */
  newest = 0;
  /** some line was of a mail server that we know */
  understood = false;

  constructor(options: InterpreterOptions = {}) {
    this.#options = options;
    this.correlator = new Correlator(options);
  }

  /** The envelope reader of a source; `reference` (ms) is the file's date, for stamps without a year. */
  envelope(source: string, reference: number): Envelope {
    let envelope = this.#envelopes.get(source);
    if (envelope === undefined) {
      const { zone } = this.#options;
      envelope = new Envelope(dropUndefined({ reference, zone }));
      this.#envelopes.set(source, envelope);
    }
    return envelope;
  }

  /** Appends the events that this line completes. */
  feed(logged: LoggedLine, events: MailEvent[]): void {
    const parser = this.#parserOf(logged);
    this.#correlate(logged, parser.parse(logged), parser, events);
  }

  /** Appends the events of all lines of one source. */
  feedLines(envelope: Envelope, lines: readonly Line[], events: MailEvent[]): void {
    for (let start = 0; start < lines.length; start += STEP) {
      this.#feedStep(envelope, lines.slice(start, start + STEP), events);
    }
    this.correlator.settle();
  }

  /** Each stage takes all lines before the next one begins. */
  #feedStep(envelope: Envelope, lines: readonly Line[], events: MailEvent[]): void {
    const logged = lines.map((line) => envelope.read(line)).filter((line) => line !== undefined);
    const parsers = logged.map((line) => this.#parserOf(line));
    const records = logged.map((line, index) => (parsers[index] as LogParser).parse(line));
    for (const [index, line] of logged.entries()) {
      this.#correlate(line, records[index], parsers[index] as LogParser, events);
    }
  }

  #parserOf({ program }: LoggedLine): LogParser {
    const { mta } = this.#options;
    return mta === undefined ? parserFor(program) : PARSERS[mta];
  }

  #correlate(
    logged: LoggedLine,
    record: LogRecord | undefined,
    { mta }: LogParser,
    events: MailEvent[],
  ): void {
    const { host } = this.#options;
    if (logged.time > this.newest) this.newest = logged.time;
    if (!this.understood) this.understood = record !== undefined || isMailServers(logged);
    if (record === undefined) return;
    const placed = host !== undefined && logged.host === '' ? { ...logged, host } : logged;
    this.correlator.feed(placed, record, mta, events);
  }
}

/** What Exim writes while there is no mail. */
const IDLE = /^(?:Start queue run|End queue run|exim [0-9]|SIGHUP)/;

/** A daemon of Postfix, which all have a tag with a slash, or an Exim that has nothing to tell. */
function isMailServers({ instance, program, text }: LoggedLine): boolean {
  if (program === 'exim') return instance !== 'exim' || IDLE.test(text);
  return program !== instance && instance !== 'docker';
}
