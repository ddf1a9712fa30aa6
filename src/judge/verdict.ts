/** Verdicts as they are made: what they say, and whether one is due. */
import { dropUndefined } from '../base/defined.ts';
import type { Verdict } from '../model/block.ts';
import type { CountedEvent } from './counted-event.ts';
import { Excess } from './excess.ts';
import { fullOf } from './measure.ts';
import type { Met } from './met.ts';
import type { Rule } from './rule.ts';

/** What was decided when an event came that is counted again. */
export interface Recall {
  /** what came before (ms) is not counted again, so a window that reaches back to it is incomplete */
  readonly since: number;
  /** the verdicts that fell on the event */
  readonly verdicts: readonly Verdict[];
  /** Whether a rule had observed a limit (that by day, and its period in ms) of a key until a time (ms). */
  wasObserved(
    of: Pick<Verdict, 'rule' | 'key' | 'limit' | 'period'> & { readonly time: number },
  ): boolean;
}

/** Whom a verdict is about. */
export type Target = Pick<Verdict, 'key' | 'at' | 'people'>;

/** Whether the limit was observed and has been met without a break since then. */
export function isObserved({ window, at }: Met): boolean {
  return window.excess?.isObserved(at) === true;
}

/** The limit is observed now. */
export function noteObserved({ window, at, timeline, limit }: Met): void {
  window.excess ??= new Excess();
  window.excess.observe(at, fullOf(limit), timeline.newest);
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
