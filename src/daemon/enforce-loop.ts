/**
 * Brings the blocks into force while the service runs: in this process, or, with `enforcer: separate`, through a signal
 * to `postern enforce`.
 */
import { sendSignal } from '../base/change-signal.ts';
import { MINUTE, SECOND } from '../base/time.ts';
import { nextPoll } from '../base/wait.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Store } from '../store/store.ts';
import type { ServiceOptions } from './assemble.ts';
import { Enforcer } from './enforcer.ts';
import { buildMtaControl } from './mta-control.ts';
import { repeat } from './retry.ts';

const IDLE_CHECK = MINUTE;
const SHORTEST_PAUSE = 10;
/** How long a notice waits while another process brings the block into force, ms. */
const SEPARATE_TAKES = 2 * SECOND;

interface EnforceEvents {
  /** blocks have ended in the database */
  onEnded(): void;
  /** a run is over: notices can say whether blocks are in force */
  onDone(): void;
}

export class EnforceLoop {
  readonly #store: Store;
  readonly #options: ServiceOptions;
  readonly #events: EnforceEvents;
  readonly #wakeUp = new WakeUp();
  /** undefined: another process enforces */
  readonly #enforcer: Enforcer | undefined;

  constructor(store: Store, options: ServiceOptions, events: EnforceEvents) {
    const { config, clock, log } = options;
    this.#store = store;
    this.#options = options;
    this.#events = events;
    this.#enforcer =
      config.enforcer === 'daemon'
        ? new Enforcer({ store, ...buildMtaControl(config), clock, log })
        : undefined;
  }

  /** Runs until aborted. Throws an error of the database that does not pass. */
  async run(): Promise<void> {
    try {
      if (this.#enforcer === undefined) await this.#signalEnforcer();
      else await this.#enforce(this.#enforcer);
    } finally {
      await this.#wakeUp.close();
    }
  }

  /** Blocks have changed: run soon. */
  wake(): void {
    this.#wakeUp.wake();
  }

  async #enforce(enforcer: Enforcer): Promise<void> {
    const context = { ...this.#options, store: this.#store };
    await repeat(context, this.#wakeUp, 'enforcing failed, will try again', async () => {
      this.#watchFiles(enforcer.files);
      await nextPoll(); // the policy service knows already, and its answers must not wait for files
      const { released, expired, again } = await enforcer.run();
      if (released.length + expired.length > 0) this.#events.onEnded();
      this.#events.onDone();
      return Math.max(SHORTEST_PAUSE, Math.min(again ?? IDLE_CHECK, IDLE_CHECK));
    });
  }

  #watchFiles(files: readonly string[]): void {
    if (files.length === 0) return;
    this.#wakeUp.watch(files, undefined, (reason) =>
      this.#options.log.warn({ reason }, 'block files are not watched'),
    );
  }

  /** The other process looks at the database by itself, but later than with a signal. */
  async #signalEnforcer(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      this.#sendSignal();
      // Its work changes the database, which wakes us: notices can then say where a block is in force.
      await this.#wakeUp.wait(SEPARATE_TAKES, signal);
      this.#sendSignal();
      this.#events.onDone();
      await this.#wakeUp.wait(IDLE_CHECK, signal);
    }
  }

  #sendSignal(): void {
    const { log, config } = this.#options;
    const failure = sendSignal(config.database);
    if (failure !== undefined) log.warn({ error: failure }, 'postern enforce was not woken');
  }
}
