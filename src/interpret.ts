/**
 * Lines to events: envelope, parse, correlate. The same for the daemon, for `parse` and for `replay`.
 * Keeps no file and no database of its own; a line that says nothing gives nothing.
 */
import { Correlator, type CorrelatorOptions } from './correlate/correlator.ts';
import type { MailEvent, Mta } from './model/event.ts';
import type { Line, LoggedLine } from './model/line.ts';
import { Envelope } from './parse/envelope.ts';
import { PARSERS, parserFor } from './registry.ts';

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

  constructor(options: InterpreterOptions = {}) {
    this.#options = options;
    this.correlator = new Correlator(options);
  }

  /** The envelope reader of a source; `reference` (ms) is the file's date, for stamps without a year. */
  envelope(source: string, reference: number): Envelope {
    let envelope = this.#envelopes.get(source);
    if (envelope === undefined) {
      const { zone } = this.#options;
      envelope = new Envelope({ reference, ...(zone === undefined ? {} : { zone }) });
      this.#envelopes.set(source, envelope);
    }
    return envelope;
  }

  /** Appends the events that this line completes. */
  feed(logged: LoggedLine, events: MailEvent[]): void {
    const { mta, host } = this.#options;
    const parser = mta === undefined ? parserFor(logged.program) : PARSERS[mta];
    const record = parser.parse(logged);
    if (logged.time > this.newest) this.newest = logged.time;
    if (record === undefined) return;
    const placed = host !== undefined && logged.host === '' ? { ...logged, host } : logged;
    this.correlator.feed(placed, record, parser.mta, events);
  }

  /** Appends the events of all lines of one source. */
  feedLines(envelope: Envelope, lines: readonly Line[], events: MailEvent[]): void {
    for (const line of lines) {
      const logged = envelope.read(line);
      if (logged !== undefined) this.feed(logged, events);
    }
    this.correlator.settle();
  }
}
