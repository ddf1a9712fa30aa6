/** Brings blocks into force once, in this process, for a command that runs while the service does not. */

import { silentLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { Store } from '../store/store.ts';
import { Enforcer } from './enforcer.ts';
import { listUnheld } from './held-queue.ts';
import { buildMtaControl } from './mta-control.ts';

/** Writes the block files and holds what is queued. Gives what could not be done, one line each. */
export async function enforceOnce(store: Store, config: Config): Promise<string[]> {
  const enforcer = new Enforcer({
    store,
    ...buildMtaControl(config),
    clock: systemClock,
    log: silentLog,
  });
  await enforcer.run();
  const failures = store.state.targets().flatMap(({ state }) => state.failure ?? []);
  return [
    ...failures.map((failure) => `not in force yet: ${failure}`),
    ...listUnheld(store).map(({ failure }) => `queued mail not held yet: ${failure}`),
  ];
}
