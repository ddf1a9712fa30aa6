/**
 * What outlives a reload of the service: the figures that it counts, and the policy service, which goes on answering with
 * the blocks of before while the past is judged again.
 */
import type { PolicyServer } from '../policy/server.ts';
import { ServiceMetrics } from './metrics.ts';

interface Serving {
  /** where it listens, and who may connect */
  readonly name: string;
  readonly server: PolicyServer;
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

export class Lasting {
  readonly metrics: ServiceMetrics;
  #serving: Serving | undefined;

  /** `started`: when the process did, ms. */
  constructor(started: number) {
    this.metrics = new ServiceMetrics(started);
  }

  /**
   * Makes `next` the policy service; undefined if there is none any more. One that listens at the same place already goes
   * on with the answers of `next`, and is returned in its stead.
   */
  serve(next: PolicyServer | undefined): PolicyServer | undefined {
    const before = this.#serving;
    if (before !== undefined && before.name === next?.name) {
      before.server.answerLike(next);
      return before.server;
    }
    before?.ending.abort();
    if (next === undefined) {
      this.#serving = undefined;
      return undefined;
    }
    const ending = new AbortController();
    // Both may want the same place.
    const ended = Promise.resolve(before?.ended).then(() => next.run(ending.signal));
    this.#serving = { name: next.name, server: next, ending, ended };
    return next;
  }

  /** Ends the policy service. */
  async end(): Promise<void> {
    const serving = this.#serving;
    this.serve(undefined);
    await serving?.ended;
  }
}
