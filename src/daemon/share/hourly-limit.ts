/** So many within an hour, and no more. In memory: nobody else can restart this server. */
import { HOUR } from '../../base/time.ts';

export class HourlyLimit {
  readonly #most: number;
  /** ms, oldest first */
  #times: number[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether another one must wait. A clock that was set back begins anew. */
  isReached(now: number): boolean {
    if ((this.#times.at(-1) ?? now) > now) this.#times = [];
    while ((this.#times[0] ?? now) <= now - HOUR) this.#times.shift();
    return this.#times.length >= this.#most;
  }

  note(now: number): void {
    this.#times.push(now);
  }
}
