/**
 * Lines to events: envelope, parse, correlate, classify. The same for the daemon, `parse` and `replay`.
 * Opens no file and no database; a line that says nothing gives no event.
 */
import { dropUndefined } from '../base/defined.ts';
import { classify } from '../classify/classify.ts';
import { Correlator, type CorrelatorOptions } from '../correlate/correlator.ts';
import type { MailEvent, Mta } from '../model/event.ts';
import { blankLine, type Line, type LoggedLine, type RefillableLine } from '../model/line.ts';
import { type LineBlock, type Lines, lineAt, linesOf } from '../model/lines.ts';
import type { LogRecord } from '../model/record.ts';
import { Envelope } from '../parse/envelope/envelope.ts';
import { isSyslogDaemon, type LogParser } from '../parse/parser.ts';
import { LOGGED, PLAIN, SILENT } from '../scan/outcome.ts';
import { LineScanner } from '../scan/scanner.ts';
import { createParsers, findMta, isMailServerLine, LOG_TRAITS, type LogSettings } from './mtas.ts';

/**
 * Lines that go through a stage together. Enough of them that the stage's code and tables stay in the processor's
 * caches, and few enough that V8 frees their objects while they are young. Line by line, a replay takes a tenth longer.
 */
const STEP = 512;
const NO_LINE: LoggedLine = blankLine();

export interface InterpreterOptions extends Omit<CorrelatorOptions, 'classify'> {
  /** undefined: each line shows it */
  readonly mta?: Mta | undefined;
  /** zone of time stamps without one; undefined: this host's */
  readonly zone?: string | undefined;
  /** host name for logs without one */
  readonly host?: string | undefined;
  /** what the mail server's configuration says about its log; without it, what depends on it stays undecided */
  readonly logSettings?: LogSettings | undefined;
  /**
   * the lines are read as they are written: one from the future says nothing true about when, so it counts for nothing,
   * and moves no window
   */
  readonly live?: boolean | undefined;
  /** only lines with one of these syslog names count, undefined: all */
  readonly syslogNames?: ReadonlySet<string> | undefined;
  /** only lines of these hosts count, undefined: all */
  readonly logHosts?: ReadonlySet<string> | undefined;
  /**
   * every line goes the plain way, so that a support case shows whether the scanner is to blame; undefined: if the
   * environment has POSTERN_PLAIN=1
   */
  readonly plain?: boolean | undefined;
}

/** Lines that were left out because their time is more than a day in the future. */
export interface FutureLines {
  readonly lines: number;
  /** ms; the latest of their times */
  readonly newest: number;
}

export class Interpreter {
  readonly correlator: Correlator;
  readonly #options: InterpreterOptions;
  readonly #plain: boolean;
  readonly #parsers: Readonly<Record<Mta, LogParser>>;
  readonly #isSelective: boolean;
  readonly #envelopes = new Map<string, Envelope>();
  readonly #scanners = new Map<Envelope, LineScanner>();
  /**
   * The first `#waiting` of these lines wait for the correlator, with their records; LOGGED: the parser has to read the
   * line first. Both lists keep their length, because lists that grow anew for each step cost time.
   */
  readonly #lines: LoggedLine[] = new Array(STEP).fill(NO_LINE);
  readonly #records: (LogRecord | typeof LOGGED | undefined)[] = new Array(STEP).fill(undefined);
  #waiting = 0;
  /** lines to be filled by the scanner, each for its place in `#lines` */
  readonly #pool: RefillableLine[] = Array.from({ length: STEP }, blankLine);
  /** lines that were scanned, and did not go the plain way */
  scanned = 0;
  /** time of the newest line, ms */
  newest = 0;
  /** some line came from a mail server that we know, from the one that the options name if they do */
  understood = false;
  /** the mail server that a line came from although the options name the other one; until a line is understood */
  otherMta: Mta | undefined;
  /** lines of the mail server since the start, by whether they gave a record */
  readonly lines = { read: 0, unread: 0 };
  /** undefined: there were none */
  future: FutureLines | undefined;

  constructor(options: InterpreterOptions = {}) {
    this.#options = options;
    this.#isSelective = options.syslogNames !== undefined || options.logHosts !== undefined;
    // The scanner knows no other server's lines from ours.
    this.#plain = this.#isSelective || (options.plain ?? process.env.POSTERN_PLAIN === '1');
    this.#parsers = createParsers(options.logSettings);
    this.correlator = new Correlator({ ...options, classify });
  }

  /** The envelope reader of a source; `reference` (ms) is the file's date, for time stamps without a year. */
  envelope(source: string, reference: number): Envelope {
    let envelope = this.#envelopes.get(source);
    if (envelope === undefined) {
      const { zone } = this.#options;
      envelope = new Envelope(dropUndefined({ reference, zone }));
      this.#envelopes.set(source, envelope);
    }
    return envelope;
  }

  /** Appends the events that this line completes. Call `endBatch` after the last line of a batch. */
  feed(logged: LoggedLine, events: MailEvent[]): void {
    if (this.#isSelective && !this.#isSelected(logged)) return;
    const parser = this.#findParser(logged);
    this.#correlate(logged, parser.parse(logged), parser, events);
  }

  endBatch(): void {
    this.correlator.endBatch();
  }

  /** Appends the events of a whole batch of lines from one source, whose blocks still have their bytes. */
  feedLines(envelope: Envelope, lines: Lines, events: MailEvent[]): void {
    for (const part of lines.parts) {
      if (!('ends' in part)) this.#feedStep(envelope, [part], events);
      else if (this.#plain) this.#feedPlainly(envelope, part, events);
      else this.#feedBlock(envelope, part, events);
    }
    this.#scanners.get(envelope)?.settle();
    this.endBatch();
  }

  #feedPlainly(envelope: Envelope, block: LineBlock, events: MailEvent[]): void {
    const lines = [...linesOf(block)];
    for (let start = 0; start < lines.length; start += STEP) {
      this.#feedStep(envelope, lines.slice(start, start + STEP), events);
    }
  }

  /** The common lines are scanned, all others go the plain way. Here, too, each stage takes many lines in turn. */
  #feedBlock(envelope: Envelope, block: LineBlock, events: MailEvent[]): void {
    const scanner = this.#findScanner(envelope);
    scanner.begin(block);
    let from = block.from;
    for (let index = 0; index < block.ends.length; index++) {
      if (!this.understood) this.#feedStep(envelope, [lineAt(block, index, from)], events);
      else this.#scan(scanner, envelope, block, index, from);
      if (this.#waiting === STEP) this.#correlateWaiting(events);
      from = (block.ends[index] as number) + 1;
    }
    this.#correlateWaiting(events);
  }

  /** Scans one line; it waits for the correlator unless it says nothing. */
  #scan(
    scanner: LineScanner,
    envelope: Envelope,
    block: LineBlock,
    index: number,
    from: number,
  ): void {
    const line = this.#pool[this.#waiting] as RefillableLine;
    const scanned = scanner.scan(block, index, from, line);
    if (scanned === PLAIN) {
      const [logged] = this.#readPlainly(envelope, [lineAt(block, index, from)]);
      if (logged !== undefined) this.#wait(logged, LOGGED);
      return;
    }
    this.scanned++;
    if (line.time > this.newest) this.newest = line.time;
    if (scanned !== SILENT) this.#wait(line, scanned);
  }

  #wait(line: LoggedLine, record: LogRecord | typeof LOGGED): void {
    this.#lines[this.#waiting] = line;
    this.#records[this.#waiting++] = record;
  }

  /** Parses the lines that wait and are no records yet, checks the records that were scanned, then correlates them all. */
  #correlateWaiting(events: MailEvent[]): void {
    const lines = this.#lines;
    const records = this.#records;
    const count = this.#waiting;
    for (let index = 0; index < count; index++) {
      const record = records[index] as LogRecord | typeof LOGGED;
      if (record !== LOGGED && this.#parsers.postfix.hasSeenCuts !== true) continue;
      const line = lines[index] as LoggedLine;
      const parser = this.#findParser(line);
      records[index] =
        record === LOGGED ? parser.parse(line) : (parser.checkUser?.(line, record) ?? record);
    }
    for (let index = 0; index < count; index++) {
      const line = lines[index] as LoggedLine;
      const record = records[index] as LogRecord | undefined;
      this.#correlate(line, record, this.#findParser(line), events);
      // A text or a record keeps its whole block in memory.
      (this.#pool[index] as RefillableLine).text = '';
      lines[index] = NO_LINE;
      records[index] = undefined;
    }
    this.#waiting = 0;
  }

  #findScanner(envelope: Envelope): LineScanner {
    let scanner = this.#scanners.get(envelope);
    if (scanner === undefined) {
      scanner = new LineScanner(envelope, this.#options.mta);
      this.#scanners.set(envelope, scanner);
    }
    return scanner;
  }

  /** Each stage takes all lines before the next stage begins. */
  #feedStep(envelope: Envelope, lines: readonly Line[], events: MailEvent[]): void {
    const logged = this.#readPlainly(envelope, lines);
    const parsers = logged.map((line) => this.#findParser(line));
    const records = logged.map((line, index) => (parsers[index] as LogParser).parse(line));
    // A loop over `logged.entries()` makes a replay slower by 3 to 6 %.
    logged.forEach((line, index) => {
      this.#correlate(line, records[index], parsers[index] as LogParser, events);
    });
  }

  /** What a syslog daemon says about lost lines is about all of its writers. */
  #isSelected({ host, instance, program }: LoggedLine): boolean {
    const { syslogNames, logHosts } = this.#options;
    if (logHosts !== undefined && !logHosts.has(host)) return false;
    return syslogNames === undefined || syslogNames.has(instance) || isSyslogDaemon(program);
  }

  /** The lines behind their envelopes, without those that count for nothing. */
  #readPlainly(envelope: Envelope, lines: readonly Line[]): readonly LoggedLine[] {
    const scanner = this.#scanners.get(envelope);
    scanner?.settle();
    const all = lines.map((line) => envelope.read(line));
    scanner?.learn(lines.at(-1) as Line, all.at(-1));
    const known = all.filter((line) => line !== undefined);
    const read = this.#isSelective ? known.filter((line) => this.#isSelected(line)) : known;
    return this.#options.live === true ? this.#leaveOutFuture(read, envelope.latest) : read;
  }

  #leaveOutFuture(lines: readonly LoggedLine[], latest: number): readonly LoggedLine[] {
    if (lines.every(({ time }) => time <= latest)) return lines;
    const future = lines.filter(({ time }) => time > latest).map(({ time }) => time);
    this.future = {
      lines: (this.future?.lines ?? 0) + future.length,
      newest: future.reduce((most, time) => Math.max(most, time), this.future?.newest ?? 0),
    };
    return lines.filter(({ time }) => time <= latest);
  }

  #findParser({ program }: LoggedLine): LogParser {
    return this.#parsers[this.#options.mta ?? findMta(program)];
  }

  #noteOrigin(logged: LoggedLine, hasRecord: boolean): void {
    const { mta } = this.#options;
    const own = this.#parsers[findMta(logged.program)];
    if (mta === undefined || own.mta === mta || hasRecord) {
      this.understood = hasRecord || isMailServerLine(logged);
    } else if (isMailServerLine(logged) || own.parse(logged) !== undefined) {
      this.otherMta = own.mta;
    }
  }

  #correlate(
    logged: LoggedLine,
    record: LogRecord | undefined,
    { mta }: LogParser,
    events: MailEvent[],
  ): void {
    if (logged.time > this.newest) this.newest = logged.time;
    if (!this.understood) this.#noteOrigin(logged, record !== undefined);
    if (record !== undefined) this.#take(logged, record, mta, events);
    else if (isMailServerLine(logged)) this.lines.unread++;
  }

  #take(logged: LoggedLine, record: LogRecord, mta: Mta, events: MailEvent[]): void {
    const { host } = this.#options;
    this.lines.read++;
    const placed = host !== undefined && logged.host === '' ? { ...logged, host } : logged;
    this.correlator.feed(placed, record, LOG_TRAITS[mta], events);
  }
}
