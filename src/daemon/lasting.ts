/**
 * What outlives a reload of the service: the figures that it counts, the policy service, which goes on answering with the
 * blocks of before while the past is judged again, and the entry in the database that says that this process serves it.
 */
import { PosternError } from '../base/errors.ts';
import type { PolicyServer } from '../policy/server.ts';
import { Store } from '../store/store.ts';
import { signOff } from './instance.ts';
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
  /** the database that this process is still said to serve, between two rounds */
  #database: string | undefined;

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

  /** A reload has begun: the database goes on naming this process. */
  stay(database: string): void {
    this.#database = database;
  }

  /** The service is back, with this database. */
  arrive(database: string): void {
    if (this.#database !== database) this.#leave();
    this.#database = undefined;
  }

  /** Ends the policy service, and takes the process out of a database to which it does not come back. */
  async end(): Promise<void> {
    const serving = this.#serving;
    this.serve(undefined);
    this.#leave();
    await serving?.ended;
  }

  #leave(): void {
    if (this.#database === undefined) return;
    try {
      const store = new Store(this.#database);
      signOff(store);
      store.close();
    } catch (error) {
      if (!(error instanceof PosternError)) throw error; // it is not there any more, or damaged
    }
    this.#database = undefined;
  }
}
