/** Verdicts as they are made: what they say, and whether one is due. */
import { dropUndefined } from '../base/defined.ts';
import type { Verdict } from '../model/block.ts';
import type { CountedEvent } from './counted-event.ts';
import { Excess } from './excess.ts';
import type { Met } from './met.ts';
import type { Rule } from './rule.ts';

/**
 * What becomes of a verdict that a limit calls for. `stale`: it is recorded and changes nothing. `continued`: an
 * observation that was given earlier, and whose excess goes on. Undefined: it is not given.
 */
export type Recall = (verdict: Verdict) => 'given' | 'stale' | 'continued' | undefined;

/** Whom a verdict is about. */
export type Target = Pick<Verdict, 'key' | 'at' | 'people'>;

/** Whether an observed limit has been met without a break since its last verdict, less than a period ago. */
export function isSameExcess({ window, at, timeline, limit }: Met): boolean {
  const { newest } = timeline;
  const rung = window.excess?.find(at);
  if (rung?.met !== true || newest - rung.lastMet >= limit.period) return false;
  if (rung.metLimit !== getFullLimit(limit)) return false;
  rung.lastMet = newest;
  return true;
}

/** An observation was given, or its excess goes on. */
export function noteMet({ window, at, timeline, limit }: Met): undefined {
  window.excess ??= new Excess();
  const rung = window.excess.rung(at);
  rung.met = true;
  rung.metLimit = getFullLimit(limit);
  rung.lastMet = timeline.newest;
  return undefined;
}

/** Without regard to the hour. */
function getFullLimit({ limit, full = limit }: Met['limit']): number {
  return full;
}

/** The verdict that falls on an event with which a limit is met. */
export function buildVerdict(
  { name }: Rule,
  { limit: { limit, why, full, period }, measure }: Pick<Met, 'limit' | 'measure'>,
  { time, source, line, offset }: CountedEvent,
  {
    key,
    at,
    people,
    action,
    duration,
  }: Target & Pick<Verdict, 'action'> & { duration: number | undefined },
): Verdict {
  return dropUndefined({
    rule: name,
    action,
    key,
    at,
    people,
    time,
    source,
    line,
    offset,
    count: measure,
    limit,
    limitWhy: why,
    fullLimit: full,
    period,
    duration,
  });
}
