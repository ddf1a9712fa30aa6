/** When to try again what fails for now. All in ms. */
import { MINUTE, SECOND } from './time.ts';

const FIRST_RETRY = 2 * SECOND;
export const LONGEST_RETRY = 5 * MINUTE;

/** As long again as it has been failing, so that the pauses double whatever else woke us meanwhile. */
export function pauseAfter(failingSince: number | undefined, now: number): number {
  return Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, now - (failingSince ?? now)));
}

/** The earliest of some times, as far as they are known. */
export function soonest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
