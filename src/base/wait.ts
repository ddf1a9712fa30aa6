/** Waiting: for a time unless told to stop, before the next attempt, and for loops that end together. */
import { MINUTE, SECOND } from './time.ts';

const FIRST_RETRY = 2 * SECOND;
export const LONGEST_RETRY = 5 * MINUTE;

/** Resolves after `ms`, or as soon as `signal` is aborted. Never rejects. */
export function waitOrAbort(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    }
    signal?.addEventListener('abort', end);
  });
}

/** Lets the event loop look at its sockets once. */
export function nextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** Works to the end, and lets the event loop look at its sockets wherever `work` yields. Returns what it returns. */
export async function finishInTurns<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await nextPoll();
  }
}

/** Lets others go first who wait for `nextPoll`. */
export async function giveWay(): Promise<void> {
  await nextPoll();
  await nextPoll();
}

/** Waits for all loops. The first that fails aborts `ending`; its error is thrown when all have ended. */
export async function waitForAll(
  ending: AbortController,
  loops: readonly (Promise<void> | undefined)[],
): Promise<void> {
  const failures: unknown[] = [];
  const settled = loops.map((loop) =>
    loop?.catch((error: unknown) => {
      failures.push(error);
      ending.abort();
    }),
  );
  await Promise.all(settled);
  if (failures.length > 0) throw failures[0];
}

/**
 * The pause before the next attempt, in ms; `failingSince` and `now` in ms since the epoch.
 * Wait as long as it has already been failing, so that the pauses double even if other work causes attempts between.
 */
export function findRetryPause(failingSince: number | undefined, now: number): number {
  return Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, now - (failingSince ?? now)));
}

/** The smallest of the numbers that are known; undefined if none is. */
export function findSoonest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
