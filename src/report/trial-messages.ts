/** What the main thread and the one that judges (trial-thread.ts, trial-worker.ts) say to each other. */
import type { EventBatch } from '../judge/event-batch.ts';
import type { Findings } from './trials.ts';

/** undefined: there are no more events */
export type ToThread = EventBatch | undefined;

/** The thread has judged a batch. */
export const TAKEN = 'taken';

export type FromThread = typeof TAKEN | Findings;
