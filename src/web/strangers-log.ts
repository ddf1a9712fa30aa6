/**
 * Warnings about requests of people who are not logged in. Anybody can send as many as they like, so there are only some
 * in a minute, and no text of theirs is long.
 */
import type { Log } from '../base/log.ts';
import { type Clock, MINUTE } from '../base/time.ts';

/** Lines in a minute. */
const MOST = 20;
/** Characters of a value: longer than any name of a user. */
const LONGEST = 100;

export class StrangersLog {
  readonly #log: Log;
  readonly #clock: Clock;
  #minute = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  warn(data: Readonly<Record<string, string | undefined>>, text: string): void {
    const minute = Math.floor(this.#clock.now() / MINUTE);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#lines = 0;
    }
    if (this.#lines >= MOST) {
      this.#leftOut++;
      return;
    }
    this.#lines++;
    const cut = Object.entries(data).map(([name, value]) => [name, value?.slice(0, LONGEST)]);
    const leftOut = this.#leftOut === 0 ? {} : { leftOut: this.#leftOut };
    this.#leftOut = 0;
    this.#log.warn({ ...Object.fromEntries(cut), ...leftOut }, text);
  }
}
