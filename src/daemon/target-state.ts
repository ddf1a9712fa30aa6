/** What is remembered of a target between two runs, in the database. */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import { findRetryPause } from '../base/wait.ts';
import type { TargetResult } from '../enforce/target.ts';
import type { TargetState } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';

interface RememberOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Stores the state and the listed blocks of a target, if they have changed, and logs what is new. */
export function rememberTarget(
  { store, clock, log }: RememberOptions,
  result: TargetResult,
  before: TargetState | undefined,
): TargetState {
  const { name, written } = result;
  const state = buildState(result, before, clock.now());
  logTarget(log, result, before);
  const known = store.state.enforced().get(name);
  const same = known?.size === written.length && written.every((id) => known.has(id));
  if (!same || JSON.stringify(state) !== JSON.stringify(before)) {
    store.state.setEnforced(name, written);
    store.state.setTarget(name, state);
  }
  return state;
}

function buildState(
  { file, pending, failure, inexpressible, passed }: TargetResult,
  before: TargetState | undefined,
  now: number,
): TargetState {
  return dropUndefined({
    file,
    pending,
    inexpressible: inexpressible.map(
      ({ block, reason }) => `${block.key.type} ${block.key.id}: ${reason}`,
    ),
    passed: passed.length === 0 ? undefined : passed,
    failure: failure?.message,
    failingSince: failure === undefined ? undefined : (before?.failingSince ?? now),
  });
}

function logTarget(
  log: Log,
  { name, failure, changed, written }: TargetResult,
  before: TargetState | undefined,
): void {
  if (failure !== undefined) {
    const data = { target: name, error: failure.message };
    log.error(data, 'block file not in force, will try again');
  } else if (before?.failure !== undefined) {
    log.info({ target: name }, 'block file is in force again');
  } else if (changed) {
    log.info({ target: name, blocks: written.length }, 'block file written');
  }
}

/** The ms after which to try a target again; undefined if it is in force. */
export function findTargetRetry(
  { failure, pending, failingSince }: TargetState,
  now: number,
): number | undefined {
  return failure === undefined && !pending ? undefined : findRetryPause(failingSince, now);
}
