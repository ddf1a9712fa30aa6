/** Whether the engine can be used: says once that it is away and once that it is back, and waits longer each time. */
import { getMessage } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, SECOND } from '../../base/time.ts';
import { EngineError } from '../../share/engine.ts';

const SHORTEST_PAUSE = SECOND / 4;
const LONGEST_PAUSE = 5 * SECOND;

interface ContactOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** called after each call that failed: something may have been missed */
  readonly onFailure: () => void;
}

export class Contact {
  readonly #options: ContactOptions;
  #failure: { text: string; since: number } | undefined;
  #pause = 0;

  constructor(options: ContactOptions) {
    this.#options = options;
  }

  /** Why and since when (ms) the engine is away; undefined while it answers. */
  get failure(): { readonly text: string; readonly since: number } | undefined {
    return this.#failure;
  }

  /** Does work that returns how long to wait after it, ms. Throws what is no fault of the engine. */
  async attempt(work: () => Promise<number>): Promise<number> {
    try {
      const wait = await work();
      this.#noteSuccess();
      return wait;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (!this.#options.signal.aborted) this.#noteFailure(getMessage(error));
      this.#options.onFailure();
      this.#pause = Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, 2 * this.#pause));
      return this.#pause;
    }
  }

  #noteSuccess(): void {
    this.#pause = 0;
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.log.info({}, 'the engine of the shared counts is back');
  }

  #noteFailure(text: string): void {
    const { log, clock } = this.#options;
    if (this.#failure === undefined) {
      log.warn(
        { error: text },
        'the engine of the shared counts is away; this server goes on alone',
      );
    }
    this.#failure = { text, since: this.#failure?.since ?? clock.now() };
  }
}
