/** How far a command is, on a terminal, once it has taken two seconds: count, speed, time left. Elsewhere nothing. */
import { counted } from '../base/text.ts';
import { formatDuration, SECOND } from '../base/time.ts';
import type { Io } from './io.ts';

/** Shorter work is over before anybody has read anything. */
const SILENT = 2 * SECOND;
/** Between two lines, ms. */
const PAUSE = 250;

export class Progress {
  readonly #io: Io;
  readonly #noun: string;
  readonly #now: () => number;
  readonly #start: number;
  #next: number;
  #count = 0;
  #share = 0;
  #isShown = false;

  /** `noun`: what is counted, in the singular. `now`: ms of a clock that nobody sets. */
  constructor(io: Io, noun: string, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#noun = noun;
    this.#now = now;
    this.#start = now();
    this.#next = this.#start + SILENT;
  }

  /** Adds what was done; `share` of the whole, 0 to 1, if it is known. */
  add(count: number, share = this.#share): void {
    this.#count += count;
    this.#share = share;
    if (this.#io.progress === undefined) return;
    const now = this.#now();
    if (now < this.#next) return;
    this.#next = now + PAUSE;
    this.#isShown = true;
    this.#io.progress(this.#describe(now - this.#start));
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#io.progress?.('');
    this.#isShown = false;
  }

  #describe(elapsed: number): string {
    const speed = Math.round((this.#count * SECOND) / elapsed);
    const parts = [counted(this.#count, this.#noun), `${counted(speed, this.#noun)}/s`];
    if (this.#share > 0 && this.#share <= 1) {
      const left = Math.ceil((elapsed * (1 - this.#share)) / this.#share / SECOND) * SECOND;
      parts.push(`${Math.floor(100 * this.#share)} %`, `${formatDuration(left)} left`);
    }
    return parts.join(', ');
  }
}
