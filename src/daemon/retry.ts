/** Work that is tried again while the database cannot be used: disk full, or locked by another process. */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { WakeUp } from '../base/wake-up.ts';
import type { Store } from '../store/store.ts';

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30 * SECOND;

interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** ends the attempts */
  readonly signal?: AbortSignal;
}

export class Committer {
  readonly #options: CommitterOptions;
  #isFailing = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Whether the last attempt failed and another one follows. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /**
   * Runs `work` in a transaction, with growing pauses until it succeeds; undefined if aborted before that. `work` must
   * depend on nothing but the store and what was computed before, since it may run more than once. Throws any error
   * of the database that does not pass.
   */
  async commit<T>(work: () => T): Promise<T | undefined> {
    const { store, signal } = this.#options;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const result = store.commit(work);
        if (this.#isFailing) this.#noteSuccess();
        return result;
      } catch (error) {
        if (!store.isPassing(error)) throw error;
        this.#noteFailure(getMessage(error), pause);
        await waitOrAbort(pause, signal);
        if (signal?.aborted === true) return undefined;
      }
    }
  }

  #noteFailure(error: string, pause: number): void {
    const { store, log, clock } = this.#options;
    log.error({ error, again: pause }, 'cannot write to the database, will try again');
    const since = store.beside.read().failing?.since;
    const failing = { error, since: this.#isFailing ? (since ?? clock.now()) : clock.now() };
    this.#isFailing = true;
    store.beside.change({ failing });
  }

  #noteSuccess(): void {
    const { store, log } = this.#options;
    this.#isFailing = false;
    store.beside.change({ failing: undefined });
    log.info({}, 'the database takes writes again');
  }
}

interface LoopOptions {
  readonly store: Store;
  readonly log: Log;
  /** ends the loop */
  readonly signal: AbortSignal;
}

/**
 * Does `work` until aborted: again after the ms that it returns, or when `wakeUp` is woken. After an error of the
 * database that passes, logs `trouble` and tries again with growing pauses; throws any other error.
 */
export async function repeat(
  { store, log, signal }: LoopOptions,
  wakeUp: WakeUp,
  trouble: string,
  work: () => Promise<number>,
): Promise<void> {
  let pause = SECOND;
  while (!signal.aborted) {
    let wait: number;
    try {
      wait = await work();
      pause = SECOND;
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      log.error({ error: getMessage(error) }, trouble);
      wait = pause;
      pause = Math.min(2 * pause, MINUTE);
    }
    await wakeUp.wait(wait, signal);
  }
}
