/**
 * How long a renamed file has given no more lines. Its writers may still have it open, so it counts as finished only
 * after a grace period. Knows the time, not the files.
 */
import type { Clock } from '../base/time.ts';

export class GracePeriod {
  readonly #length: number;
  readonly #clock: Clock;
  #since: number | undefined;

  /** `length` in ms. */
  constructor(length: number, clock: Clock) {
    this.#length = length;
    this.#clock = clock;
  }

  /** Whether it has begun. */
  get isRunning(): boolean {
    return this.#since !== undefined;
  }

  /** Ends it: the file has given more lines, has no successor, or has been left. */
  end(): void {
    this.#since = undefined;
  }

  /** Whether the file, last changed at `modified` (ms since the epoch), is finished. The first call begins the wait. */
  isOver(modified: number): boolean {
    const now = this.#clock.now();
    // If the clock was set back, begin anew instead of waiting for the old time to come again.
    if (this.#since === undefined || now < this.#since) this.#since = now;
    return now - modified >= this.#length || now - this.#since >= this.#length;
  }
}
