/** Where what was counted is compared with the limits of a rule. */
import type { KeyType } from '../model/block.ts';
import type { AppliedLimit } from './adjustment.ts';
import { formatId, type Id } from './facts.ts';
import type { Limit, Rule } from './rule.ts';
import type { Shape } from './shape.ts';
import { measureShare } from './share.ts';
import type { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

/** A rule over one type of key, and what its timelines keep. */
interface Measured {
  readonly rule: Rule;
  readonly type: KeyType;
  readonly shape: Shape;
}

/** A limit that is met. */
export interface MetLimit {
  readonly limit: AppliedLimit;
  readonly window: Window;
  readonly measure: number;
}

const NONE: readonly MetLimit[] = Object.freeze([]);

/** The limits that are met, in the order of the rule; notes how near the key came to the others. `time` in ms. */
export function measureLimits(
  measured: Measured,
  { id, timeline }: { readonly id: Id; readonly timeline: Timeline },
  time: number,
): readonly MetLimit[] {
  const { rule, shape } = measured;
  let met: MetLimit[] | undefined;
  for (let index = 0; index < timeline.windows.length; index++) {
    const window = timeline.windows[index] as Window;
    const limit = limitFor(measured, rule.limits[index] as Limit, id, timeline.newest);
    if (limit === undefined) {
      window.met = false;
      continue;
    }
    const measure = timeline.measure(index);
    const reached = reduce(shape, timeline, window, limit, measure);
    if (reached >= limit.limit) {
      met ??= [];
      met.push({ limit, window, measure });
      continue;
    }
    window.met = false;
    if (reached <= window.highest) continue;
    window.highest = reached;
    window.highestTime = time;
  }
  return met ?? NONE;
}

/** Whether the least share of the rule is reached in one of its windows; true for a rule without one. */
export function reachesShare({ rule, shape }: Measured, timeline: Timeline): boolean {
  if (shape.share === undefined) return true;
  return timeline.windows.some(
    (window, index) => measureShare(timeline, window, rule.limits[index]?.limit ?? 0, shape) >= 1,
  );
}

/** The limit that applies to a key in the window that ends at `time`, ms; undefined: the key is exempt. */
export function limitFor(
  { rule: { adjustment }, type }: Pick<Measured, 'rule' | 'type'>,
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

/** Fewer counted events, or recipients, than this meet no limit of the rule: a key that has no more needs no timeline. */
export function leastLimit(rule: Rule): number {
  const { limits, ratio, atLeast } = rule;
  // A share of one event is the whole.
  if (ratio) return atLeast;
  return Math.max(atLeast, Math.min(...limits.map((limit) => lowestOf(rule, limit))));
}

/** What a measure is worth: below the least share it is reduced in proportion, and never reaches the limit. */
function reduce(
  shape: Shape,
  timeline: Timeline,
  window: Window,
  { limit }: AppliedLimit,
  measure: number,
): number {
  if (shape.share === undefined || measure === 0) return measure;
  const share = measureShare(timeline, window, limit, shape);
  return share >= 1 ? measure : Math.floor(Math.min(measure, limit) * share);
}
