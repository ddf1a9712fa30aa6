/** What all logs have in common while their lines are read: which of them count, how they are read, what was seen. */
import type { LoggedLine } from '../model/line.ts';
import { isSyslogDaemon } from '../parse/parser.ts';

export interface ReadingOptions {
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

export class Reading {
  readonly #options: ReadingOptions;
  readonly #isSelective: boolean;
  readonly #isPlain: boolean;
  /** some line came from a mail server that we know, from the one that the options name if they do */
  understood = false;
  /** lines that were scanned, and did not go the plain way */
  scanned = 0;
  /** time of the newest line, ms */
  newest = 0;
  /** undefined: there were none */
  future: FutureLines | undefined;

  constructor(options: ReadingOptions) {
    this.#options = options;
    this.#isSelective = options.syslogNames !== undefined || options.logHosts !== undefined;
    this.#isPlain = this.#isSelective || (options.plain ?? process.env.POSTERN_PLAIN === '1');
  }

  /** Whether lines may be scanned. The scanner knows no other server's lines from ours. */
  get isScanning(): boolean {
    return this.understood && !this.#isPlain;
  }

  /** A line of this time (ms) was scanned. */
  noteScanned(time: number): void {
    this.scanned++;
    this.note(time);
  }

  /** A line of this time (ms) counts. */
  note(time: number): void {
    if (time > this.newest) this.newest = time;
  }

  /** Whether the line counts. One after `latest` (ms) does not, of a log that is being written. */
  admits(logged: LoggedLine, latest: number): boolean {
    if (this.#isSelective && !this.#isSelected(logged)) return false;
    if (this.#options.live !== true || logged.time <= latest) return true;
    const { lines, newest } = this.future ?? { lines: 0, newest: 0 };
    this.future = { lines: lines + 1, newest: Math.max(newest, logged.time) };
    return false;
  }

  /** What a syslog daemon says about lost lines is about all of its writers. */
  #isSelected({ host, instance, program }: LoggedLine): boolean {
    const { syslogNames, logHosts } = this.#options;
    if (logHosts !== undefined && !logHosts.has(host)) return false;
    return syslogNames === undefined || syslogNames.has(instance) || isSyslogDaemon(program);
  }
}
