/** Deletes events, verdicts and notices older than the retention, in steps that never hold the database for long. */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, DAY, HOUR } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { Store } from '../store/store.ts';

interface PruneOptions {
  readonly store: Store;
  /** how long events are kept, ms */
  readonly retention: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Rows that one step looks at: a few ms. */
const STEP = 500;
/** Between two steps, ms. */
const STEP_PAUSE = 50;
/** How long a message may stay in the queue without a log line, ms. */
const LONGEST_SILENCE = 30 * DAY;

/** What is too old: of the time `now` (ms), the retention left behind `before`. */
interface Age {
  readonly now: number;
  readonly before: number;
}

/** A step for each kind of row; returns whether to take another one. Submitters after the events that name them. */
const KINDS: readonly ((store: Store, age: Age) => boolean)[] = [
  ({ events }, { before }) => events.prune(before, STEP),
  ({ events }) => events.pruneSubmitters(STEP),
  ({ verdicts }, { before }) => verdicts.prune(before, STEP),
  ({ state }, { now }) => state.pruneMessages(now - LONGEST_SILENCE, STEP),
  ({ outbox }, { before }) => {
    outbox.prune(before);
    return false;
  },
];

/** Prunes every hour until aborted; what the database refuses for now is tried again. */
export async function keepPruned(options: PruneOptions): Promise<void> {
  const { store, log, signal } = options;
  while (!signal.aborted) {
    try {
      await pruneOnce(options);
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      log.warn({ error: getMessage(error) }, 'old events not deleted, will try again');
    }
    await waitOrAbort(HOUR, signal);
  }
}

/** One kind after the other, each until there is no more of it. */
async function pruneOnce(options: PruneOptions): Promise<void> {
  const { store, signal } = options;
  for (const step of KINDS) {
    let more = true;
    while (more && !signal.aborted) {
      more = step(store, measureAge(options));
      await waitOrAbort(STEP_PAUSE, signal);
    }
  }
}

function measureAge({ store, retention, clock }: PruneOptions): Age {
  // The clock alone may have been set years ahead.
  const now = Math.min(clock.now(), store.events.newestTime());
  return { now, before: now - retention };
}
