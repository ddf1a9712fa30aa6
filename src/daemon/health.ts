/** What only the service itself knows of its health: written to the database when it has changed, for `postern status`. */
import { dropUndefined } from '../base/defined.ts';
import type { Clock } from '../base/time.ts';
import type { Judge } from '../judge/judge.ts';
import type { MetricsServer } from '../metrics/server.ts';
import type { RecipientRates } from '../policy/recipient-rates.ts';
import type { PolicyServer } from '../policy/server.ts';
import type { Health } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import type { LogReader } from './log-reader.ts';
import type { Pipeline } from './pipeline.ts';
import type { Sharing } from './share/sharing.ts';

/** Users that are put off and that the state names. */
const MOST_DEFERRED = 20;

interface HealthParts {
  readonly store: Store;
  readonly judge: Judge;
  readonly pipeline: Pipeline;
  readonly logReader: LogReader;
  readonly clock: Clock;
  readonly rates: RecipientRates | undefined;
  readonly sharing: Sharing | undefined;
  readonly policyServer: PolicyServer | undefined;
  readonly metricsServer: MetricsServer | undefined;
  readonly networksUnknown: string | undefined;
}

export class HealthRecord {
  readonly #parts: HealthParts;
  #written = '';

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  /** Writes the health if it has changed. */
  update(): void {
    const { store, pipeline } = this.#parts;
    const health = this.#read();
    const text = JSON.stringify(health);
    if (text === this.#written || pipeline.isFailing) return;
    try {
      store.state.write('health', health);
      this.#written = text;
    } catch (error) {
      if (!store.isPassing(error)) throw error; // the next commit of a batch logs it
    }
  }

  #read(): Health {
    const { pipeline, logReader, judge, sharing, ...others } = this.#parts;
    const { ambiguousLogins, ambiguousNames } = pipeline;
    return dropUndefined({
      logs: logReader.health(),
      losses: pipeline.losses,
      ambiguousLogins: ambiguousLogins || undefined,
      ambiguousNames: ambiguousLogins > 0 ? ambiguousNames : undefined,
      future: pipeline.future,
      policy: others.policyServer?.failure,
      metrics: others.metricsServer?.failure,
      networks: others.networksUnknown,
      share: sharing?.health(),
      forgottenSince: judge.forgotten?.since,
      deferred: this.#describeDeferred(),
    });
  }

  /** Who is put off now. */
  #describeDeferred(): Health['deferred'] {
    const { rates, clock } = this.#parts;
    const running = rates?.running(clock.now()) ?? [];
    if (running.length === 0) return undefined;
    return running
      .slice(0, MOST_DEFERRED)
      .map(({ user, rule, since, putOff }) => ({ user, rule, since, putOff }));
  }
}
