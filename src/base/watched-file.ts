/**
 * A file that is read again when it changes. One that is missing or cannot be read keeps what was read last, and says so;
 * so does a line that cannot be understood.
 */
import { readFileSync } from 'node:fs';
import { ChangedFile } from './changed-file.ts';
import { getMessage } from './errors.ts';
import type { Log } from './log.ts';
import { type Clock, SECOND } from './time.ts';

/** What a file says, and what is wrong in it. */
export interface Parsed<T> {
  readonly value: T;
  /** `line` counts from 1 */
  readonly problems: readonly LineProblem[];
}

export interface LineProblem {
  readonly line: number;
  readonly text: string;
}

/** How often to look whether the file has changed, ms. */
const LOOK = SECOND;
/** Broken lines of one file that are logged. */
const MOST_LOGGED = 20;

export class WatchedFile<T> {
  readonly file: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: ChangedFile<Parsed<T>>;
  #failure: string | undefined;
  #looked = Number.NEGATIVE_INFINITY;
  #version = 0;

  /** Reads nothing yet. `parse` takes the bytes (latin1), and must give a value for an empty text. */
  constructor(
    file: string,
    parse: (text: string) => Parsed<T>,
    { clock, log }: { readonly clock: Clock; readonly log: Log },
  ) {
    this.file = file;
    this.#clock = clock;
    this.#log = log;
    this.#changed = new ChangedFile(file, () => parse(readFileSync(file, 'latin1')), parse(''));
  }

  /** What the file says now, or said when it could last be read. */
  get value(): T {
    this.#look();
    return this.#changed.value.value;
  }

  /** Changes whenever the value does. */
  get version(): number {
    this.#look();
    return this.#version;
  }

  /** Why it cannot be read; undefined if it can. */
  get failure(): string | undefined {
    this.#look();
    return this.#failure;
  }

  /** Lines that were passed over. */
  get problems(): readonly LineProblem[] {
    this.#look();
    return this.#changed.value.problems;
  }

  #look(): void {
    const now = this.#clock.now();
    if (now - this.#looked < LOOK && now >= this.#looked) return;
    this.#looked = now;
    try {
      if (this.#changed.look()) this.#noteRead();
      else this.#recovered();
    } catch (error) {
      this.#failed(getMessage(error));
    }
  }

  #noteRead(): void {
    const isFirst = this.#version === 0;
    this.#version++;
    this.#failure = undefined;
    const { file } = this;
    if (!isFirst) this.#log.info({ file }, 'file has changed and was read again');
    for (const { line, text } of this.problems.slice(0, MOST_LOGGED))
      this.#log.warn({ file, line, problem: text }, 'line is passed over');
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#log.info({ file: this.file }, 'file can be read again');
  }

  #failed(failure: string): void {
    if (this.#failure === failure) return;
    this.#failure = failure;
    const kept = this.#version > 0 ? 'what was read last stays in use' : 'it was never read';
    this.#log.warn({ file: this.file, failure, kept }, 'file cannot be read');
  }
}
