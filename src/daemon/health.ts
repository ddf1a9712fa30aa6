/**
 * What the service knows of itself and the database does not tell otherwise: `postern run` writes it, `postern status`
 * shows it. Only what is so now; there is no history in it.
 */
import type { Store } from '../store/store.ts';

/** As long as nothing changes it is the same text, so that nothing is written. */
export interface Health {
  readonly logs: readonly LogHealth[];
  /** how often the system log said that it lost lines */
  readonly losses: number;
  /** why there is no policy service, while that is so */
  readonly policy?: string;
}

export interface LogHealth {
  /** as the operator named it */
  readonly path: string;
  /** why it cannot be read, while that is so */
  readonly failure?: string;
}

const NAME = 'health';

/** As it was written last, perhaps by a service that runs no more; undefined when none has run. */
export function readHealth(store: Store): Health | undefined {
  return store.state.read(NAME) as Health | undefined;
}

/** Throws the error of the database. */
export function writeHealth(store: Store, health: Health): void {
  store.state.write(NAME, health);
}
