/** Writes the block files once, in this process, when no service does it, and holds what is queued. */

import { EXIT, type ExitStatus } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { systemClock } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { Enforcer } from '../daemon/enforcer.ts';
import { listUnheld } from '../daemon/held-queue.ts';
import { buildMtaControl } from '../daemon/mta-control.ts';
import type { Store } from '../store/store.ts';
import type { Io } from './io.ts';

/** Exit status 1 when something is not in force or not held afterwards; it says what and why. */
export async function enforceHere(store: Store, config: Config, io: Io): Promise<ExitStatus> {
  const enforcer = new Enforcer({
    store,
    ...buildMtaControl(config),
    clock: systemClock,
    log: silentLog,
  });
  await enforcer.run();
  const failures = store.state.targets().flatMap(({ state }) => state.failure ?? []);
  const left = listUnheld(store);
  for (const failure of failures) io.stderr(`not in force yet: ${failure}\n`);
  for (const { failure } of left) io.stderr(`queued mail not held yet: ${failure}\n`);
  return failures.length + left.length === 0 ? EXIT.done : EXIT.failed;
}
