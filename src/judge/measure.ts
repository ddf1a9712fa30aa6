/** Where what was counted is compared with the limits of the rules. */
import type { KeyType } from '../model/block.ts';
import type { Adjustment, AppliedLimit } from './adjustment.ts';
import { Excess } from './excess.ts';
import { formatId, type Id } from './facts.ts';
import type { Ladder, Rung } from './ladder.ts';
import type { Limit, Rule } from './rule.ts';
import type { Shape } from './shape.ts';
import { measureShare, type ShareMeasure, shareAt } from './share.ts';
import type { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

/** Rules over one type of key that differ in nothing but their limits, and what their timelines keep. */
interface Measured {
  readonly type: KeyType;
  readonly shape: Shape;
  /** one for each window */
  readonly ladders: readonly Ladder[];
  /** of the rules together */
  readonly adjustment: Adjustment | undefined;
}

/** A limit that is met. */
export interface MetLimit {
  readonly rung: Rung;
  /** the number of its rung */
  readonly at: number;
  readonly limit: AppliedLimit;
  readonly window: Window;
  readonly measure: number;
}

/** A key whose windows are being measured. */
interface Climber {
  readonly measured: Measured;
  readonly id: Id;
  /** it has an override, so each rule may have another limit for it */
  readonly isOverridden: boolean;
  /** event time, ms */
  readonly time: number;
  readonly timeline: Timeline;
}

/** What a window has counted, and how much of it is worth something. */
interface Climb {
  readonly ladder: Ladder;
  readonly window: Window;
  readonly measure: number;
  readonly share: ShareMeasure;
}

const NONE: readonly MetLimit[] = Object.freeze([]);
/** What a measure is worth without a least share: all of it. */
const WHOLE: ShareMeasure = { overall: 1, answering: 1, answeringUpTo: 0 };

/** The limits that are met, by window; notes how near the key came to the others. `time` in ms. */
export function measureLimits(
  measured: Measured,
  id: Id,
  timeline: Timeline,
  time: number,
): readonly MetLimit[] {
  const { shape, ladders, adjustment } = measured;
  const isPlain = shape.share === undefined && adjustment === undefined;
  let met: MetLimit[] | undefined;
  for (let index = 0; index < ladders.length; index++) {
    const ladder = ladders[index] as Ladder;
    const window = timeline.windows[index] as Window;
    const measure = timeline.measure(index);
    if (isPlain && measure < ladder.least) {
      window.excess?.leaveFrom(0);
      window.note(measure, time);
      continue;
    }
    met ??= [];
    const isShare = shape.share !== undefined && measure > 0;
    const share = isShare ? measureShare(timeline, window, shape) : WHOLE;
    const isOverridden = adjustment?.isOverridden(measured.type, formatId(id)) === true;
    const climber = { measured, id, isOverridden, time, timeline };
    climb(climber, { ladder, window, measure, share }, met);
  }
  return met === undefined || met.length === 0 ? NONE : met;
}

/** Looks at each rung that the measure may meet, and notes how near it came to the others. */
function climb(
  climber: Climber,
  { ladder: { rungs }, window, measure, share }: Climb,
  met: MetLimit[],
): void {
  const { isOverridden, time, timeline } = climber;
  const last = share.overall >= 1 ? measure : Math.max(measure, share.answeringUpTo);
  let at = 0;
  for (; at < rungs.length; at++) {
    const rung = rungs[at] as Rung;
    const limit = limitOf(climber, rung);
    if (!isOverridden && limit !== undefined && limit.limit > last) break;
    const reached = limit === undefined ? 0 : reduce(share, measure, limit.limit);
    if (limit !== undefined && reached >= limit.limit) {
      window.excess?.meet(at, fullOf(limit), limit.period, timeline.newest);
      met.push({ rung, at, limit, window, measure });
      continue;
    }
    window.excess?.leave(at);
    if (!window.isNearer(reached, time)) continue;
    window.excess ??= new Excess();
    window.excess.noteAt(at, reached, time);
  }
  window.excess?.leaveFrom(at);
  if (at === rungs.length) return;
  const reached = share.overall >= 1 ? measure : Math.floor(measure * share.overall);
  if (at === 0) window.note(reached, time);
  else if (window.isNearer(reached, time)) {
    window.excess ??= new Excess();
    window.excess.noteFrom(at, reached, time);
  }
}

/** A limit without regard to the hour. */
export function fullOf({ limit, full = limit }: AppliedLimit): number {
  return full;
}

/** What a measure is worth: below the least share it is reduced in proportion, and never reaches the limit. */
function reduce(share: ShareMeasure, measure: number, limit: number): number {
  const here = shareAt(share, limit);
  return here >= 1 ? measure : Math.floor(Math.min(measure, limit) * here);
}

/** The limit of a rung for the key; undefined: it is exempt. */
function limitOf(
  { measured: { type, adjustment }, id, isOverridden, timeline }: Climber,
  { member: { rule }, limit }: Rung,
): AppliedLimit | undefined {
  if (adjustment === undefined) return limit;
  if (!isOverridden) return adjustment.usualLimit(limit, timeline.newest);
  return limitFor({ rule, type }, limit, id, timeline.newest);
}

/** Whether the least share of the rule is reached in one of its windows; true for a rule without one. */
export function reachesShare(
  { shape }: Pick<Measured, 'shape'>,
  limits: readonly Limit[],
  timeline: Timeline,
): boolean {
  if (shape.share === undefined) return true;
  return timeline.windows.some((window, index) => {
    const { period } = shape.limits[index] as Limit;
    const here = limits.filter((each) => each.period === period);
    if (here.length === 0) return false;
    const share = measureShare(timeline, window, shape);
    return here.some(({ limit }) => shareAt(share, limit) >= 1);
  });
}

/** The limit that applies to a key in the window that ends at `time`, ms; undefined: the key is exempt. */
export function limitFor(
  { rule: { adjustment }, type }: { readonly rule: Rule; readonly type: KeyType },
  limit: Limit,
  id: Id,
  time: number,
): AppliedLimit | undefined {
  if (adjustment === undefined) return limit;
  return adjustment.limitFor(limit, type, formatId(id), time);
}

/** The lowest that a limit of the rule can be, for any key and at any time. */
export function lowestOf({ adjustment }: Rule, limit: Limit): number {
  return adjustment === undefined ? limit.limit : adjustment.lowest(limit);
}

/** The same of keys without an override. */
export function lowestUsual({ adjustment }: Rule, limit: Limit): number {
  return adjustment === undefined ? limit.limit : adjustment.lowestUsual(limit);
}

/**
 * Fewer counted events, or recipients, than this meet no limit of the rule: a key that has no more, and no override,
 * needs no timeline.
 */
export function leastLimit(rule: Rule): number {
  const { limits, ratio, atLeast } = rule;
  // A share of one event is the whole.
  if (ratio) return atLeast;
  return Math.max(atLeast, Math.min(...limits.map((limit) => lowestUsual(rule, limit))));
}
