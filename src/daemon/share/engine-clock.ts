/** How far this server's clock is ahead of the engine's, whose time all servers use together. */
import type { Clock } from '../../base/time.ts';

/** Less than this (ms) is no difference. */
const LEAST = 20;

export class EngineClock {
  readonly #clock: Clock;
  #ahead = 0;
  #isKnown = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** ms; 0 while it is not known */
  get ahead(): number {
    return this.#ahead;
  }

  /** To a tenth of a second, ms: what `status` shows must not change all the time. */
  get roundedAhead(): number {
    return Math.round(this.#ahead / 100) * 100;
  }

  /** The engine's time, ms. */
  now(): number {
    return this.#clock.now() - this.#ahead;
  }

  /** The engine said its time (ms) in a call that `began` here and has just ended. */
  compare(engineNow: number, began: number): void {
    const ended = this.#clock.now();
    // The middle of the call is when the engine looked at its clock.
    const ahead = (began + ended) / 2 - engineNow;
    // What is within the call's own time is no difference.
    this.#ahead = Math.abs(ahead) <= Math.max(LEAST, ended - began) ? 0 : Math.round(ahead);
    this.#isKnown = true;
  }
}
