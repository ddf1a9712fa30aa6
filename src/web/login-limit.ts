/** How many wrong passwords are taken: few for one name, more for all names, within a time. */
import { type Clock, MINUTE } from '../base/time.ts';

const PERIOD = 10 * MINUTE;
const MOST_FOR_NAME = 5;
const MOST_FOR_ALL = 50;

export class LoginLimit {
  readonly #clock: Clock;
  #failures: { readonly name: string; readonly time: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether another attempt with this name must wait. */
  isReached(name: string): boolean {
    const since = this.#clock.now() - PERIOD;
    this.#failures = this.#failures.filter(({ time }) => time > since);
    const ofName = this.#failures.filter((failure) => failure.name === name).length;
    return ofName >= MOST_FOR_NAME || this.#failures.length >= MOST_FOR_ALL;
  }

  /** Notes an attempt before its password is looked at, so that many at once count as well. */
  note(name: string): void {
    this.#failures.push({ name, time: this.#clock.now() });
  }

  /** The password was right. */
  forgive(name: string): void {
    this.#failures = this.#failures.filter((failure) => failure.name !== name);
  }
}
