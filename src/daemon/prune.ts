/**
 * Deletes events, verdicts and notices older than the retention, and returns free space to the file system: in steps
 * that never hold the database for long.
 */
import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type Clock, DAY, HOUR } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import { MOST_DAYS } from '../judge/usual/covered-days.ts';
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
/** Free pages that one step returns to the file system: a few ms. */
const PAGES = 200;
/** How long a message may stay in the queue without a log line, ms. */
const LONGEST_SILENCE = 30 * DAY;

/** How long the past of a silent account is kept, ms: sleep is not measured further back. */
const PROFILES_KEPT = MOST_DAYS * DAY;

/** What is too old: of the time `now` (ms), the retention left behind `before`. */
interface Age {
  readonly now: number;
  readonly before: number;
}

/** A step for each kind of row; returns whether to take another one. Submitters after the events that name them. */
const KINDS: readonly ((store: Store, age: Age) => boolean)[] = [
  ({ events }, { before }) => events.prune(before, STEP),
  ({ events }) => events.pruneSubmitters(STEP),
  ({ logins }, { before }) => {
    logins.prune(before);
    return false;
  },
  ({ verdicts }, { before }) => verdicts.prune(before, STEP),
  ({ state }, { now }) => state.pruneMessages(now - LONGEST_SILENCE, STEP),
  ({ outbox }, { before }) => {
    outbox.prune(before);
    return false;
  },
  ({ hooks }, { before }) => {
    hooks.prune(before);
    return false;
  },
  ({ listings }, { before }) => {
    listings.prune(before);
    return false;
  },
  ({ usual }, { now }) => {
    usual.prune(now - PROFILES_KEPT);
    return false;
  },
  (store) => store.shrink(PAGES),
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
  // Once: what is read meanwhile is for the next round, or it would be deleted without a note.
  const age = measureAge(options);
  notePruned(store, age);
  for (const step of KINDS) {
    let more = true;
    while (more && !signal.aborted) {
      more = step(store, age);
      await waitOrAbort(STEP_PAUSE, signal);
    }
  }
}

/** Before anything is deleted, so that nobody takes a gap for a quiet time. */
function notePruned({ events, state }: Store, { before }: Age): void {
  const oldest = events.oldestTime();
  if (oldest === undefined || oldest >= before) return;
  const known = state.read('pruned') ?? 0;
  if (before > known) state.write('pruned', before);
}

function measureAge({ store, retention, clock }: PruneOptions): Age {
  // The clock alone may have been set years ahead.
  const now = Math.min(clock.now(), store.events.newestTime());
  return { now, before: now - retention };
}
