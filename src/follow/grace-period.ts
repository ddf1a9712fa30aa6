/**
 * How long a file that has a successor has given nothing: it is done with after a grace period only, since its
 * writers may still have it open. Knows the time, not the files.
 */
import type { Clock } from '../base/time.ts';

export class GracePeriod {
  readonly #grace: number;
  readonly #clock: Clock;
  #since: number | undefined;

  /** `grace` in ms. */
  constructor(grace: number, clock: Clock) {
    this.#grace = grace;
    this.#clock = clock;
  }

  /** Whether a file is waited for to be done with. */
  get isAwaited(): boolean {
    return this.#since !== undefined;
  }

  /** The file has given something, has no successor, or is left. */
  end(): void {
    this.#since = undefined;
  }

  /** Whether the file, last changed at `modified` (ms since the epoch), is done with. The first call begins to wait. */
  isOver(modified: number): boolean {
    const now = this.#clock.now();
    // A clock that is set back would let it wait for the old time to come again.
    if (this.#since === undefined || now < this.#since) this.#since = now;
    return now - modified >= this.#grace || now - this.#since >= this.#grace;
  }
}
