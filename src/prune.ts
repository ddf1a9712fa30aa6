/** Forgetting: events, verdicts and notices older than the retention go, in steps that never hold the database long. */
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { type Clock, DAY, HOUR } from './base/time.ts';
import { WakeUp } from './follow/watch.ts';
import type { Store } from './store/store.ts';

export interface PruneOptions {
  readonly store: Store;
  /** how long events are kept, ms */
  readonly retention: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const STEP = 2000;
/** Between two steps while there is more to delete, ms. */
const BREATH = 50;

/** Prunes every hour until the signal is aborted; what the database refuses for now is tried again. */
export async function keepPruned({
  store,
  retention,
  clock,
  log,
  signal,
}: PruneOptions): Promise<void> {
  const pause = new WakeUp();
  signal.addEventListener('abort', () => pause.wake());
  while (!signal.aborted) {
    let wait = HOUR;
    try {
      if (pruneStep(store, retention, clock) > 0) wait = BREATH;
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      log.warn({ error: messageOf(error) }, 'old events not deleted, will try again');
    }
    await pause.wait(wait);
  }
}

/** How many rows went. */
function pruneStep(store: Store, retention: number, clock: Clock): number {
  // Not by a clock alone that may have been set years ahead.
  const now = Math.min(clock.now(), store.events.newestTime());
  const before = now - retention;
  const gone =
    store.events.prune(before, STEP) +
    store.verdicts.prune(before, STEP) +
    store.state.pruneMessages(now - 30 * DAY, STEP);
  store.outbox.prune(before);
  return gone;
}
