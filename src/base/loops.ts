/** What loops that run for as long as the process have in common: pauses between attempts, and ending together. */
import { MINUTE, SECOND } from './time.ts';

const FIRST_RETRY = 2 * SECOND;
/** The longest pause between two attempts, ms. */
export const LONGEST_RETRY = 5 * MINUTE;

/**
 * How long to wait before the next attempt, ms: as long as it has already been failing, so that the pauses double even
 * if other events cause attempts in between. `failingSince` and `now` in ms.
 */
export function pauseAfter(failingSince: number | undefined, now: number): number {
  return Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, now - (failingSince ?? now)));
}

/** The earliest of the times that are known; undefined if none is. */
export function soonest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** Waits for all loops. If one fails, aborts `ending` and throws the first error once all have ended. */
export async function allOrNone(
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
