/** Joins the service with the servers that it counts together with. The engine's client is loaded only when it runs. */
import type { Log } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { ShareConfig } from '../../config/config.ts';
import type { CountedEvent } from '../../judge/counted-event.ts';
import type { Judge } from '../../judge/judge.ts';
import type { Counted } from '../../judge/options.ts';
import type { Rule } from '../../judge/rule.ts';
import type { KeyState } from '../../share/blocks.ts';
import type { ShareHealth } from '../../store/saved-state.ts';
import type { Store } from '../../store/store.ts';
import type { DecisionOptions } from '../decisions.ts';
import type { LogReader } from '../log-reader.ts';
import {
  type Applied,
  applyStates,
  type IncomingLimits,
  makeIncomingLimits,
  parseKey,
} from './incoming.ts';
import { CountedRows, orderRows, takeChanges } from './outgoing.ts';
import type { ShareService } from './service.ts';

/** Releases that are remembered; other servers may name any number. */
const MOST_RELEASED = 100_000;

interface SharingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** ends it */
  readonly signal: AbortSignal;
  readonly share: ShareConfig;
  readonly rules: readonly Rule[];
  readonly decisions: DecisionOptions;
  readonly store: Store;
}

interface Parts {
  readonly judge: Judge;
  readonly logReader: LogReader;
  /** called when blocks began or ended */
  readonly onChanged: () => void;
}

export class Sharing {
  readonly #options: SharingOptions;
  readonly #counted: CountedRows;
  #service: ShareService | undefined;
  /** by key, the release (ms, engine) that the judge knows of */
  readonly #released = new Map<string, number>();
  readonly #limits: IncomingLimits;

  constructor(options: SharingOptions) {
    this.#options = options;
    this.#limits = makeIncomingLimits(options.decisions.policy.blocksPerHour);
    this.#counted = new CountedRows(options.share.host);
  }

  readonly onCounted = (counted: Counted, event: CountedEvent): void => {
    this.#counted.note(counted, event);
  };

  /** What the other servers are to know of the events that were judged last: to be called in their transaction. */
  take(): (now: number) => void {
    const counted = this.#counted.take();
    return (now) => {
      const { store } = this.#options;
      const ahead = this.#service?.ahead;
      // Until the clocks were compared, changes of blocks wait.
      const changes = ahead === undefined ? [] : takeChanges(store, ahead);
      store.share.add(orderRows(changes, counted), now);
    };
  }

  /** There may be something to send. */
  wake(): void {
    this.#service?.wake();
  }

  /** Undefined until it runs. */
  health(): ShareHealth | undefined {
    return this.#service?.health();
  }

  /** Ends when the service ends. */
  async run(parts: Parts): Promise<void> {
    const { share, ...options } = this.#options;
    const { ShareService } = await import('./service.ts');
    this.#service = new ShareService({
      ...options,
      engine: share,
      apply: (states, ahead) => this.#apply(parts, states, ahead),
    });
    await this.#service.run();
  }

  async #apply(parts: Parts, states: readonly KeyState[], ahead: number): Promise<void> {
    const { decisions, rules, share } = this.#options;
    const known = new Map(rules.map((rule) => [rule.name, rule]));
    const options = {
      ...decisions,
      ...{ rules: known, host: share.host, limits: this.#limits },
    };
    let applied: Applied | undefined;
    await parts.logReader.decide((now) => {
      applied = applyStates(options, states, now, ahead);
      return applied.decisions;
    });
    if (applied?.changed === true) parts.onChanged();
    for (const state of states) this.#tellReleased(parts.judge, state, ahead);
  }

  /** What was counted until a release does not count again, whether or not this server had a block. */
  #tellReleased(judge: Judge, { key: name, released }: KeyState, ahead: number): void {
    const key = parseKey(name);
    if (key === undefined || released <= (this.#released.get(name) ?? 0)) return;
    // Of one that is forgotten, the judge is told again, which changes nothing.
    if (this.#released.size >= MOST_RELEASED) this.#released.clear();
    this.#released.set(name, released);
    if (this.#options.store.blocks.runningOver(key) !== undefined) return;
    judge.release(key, released + ahead);
  }
}
