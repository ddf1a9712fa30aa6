/** Which keys came nearest to the limits of a rule without a verdict. */
import type { Key } from '../model/block.ts';
import type { ActiveRule } from './plan.ts';

/** A key that came near a limit without a verdict. */
export interface Nearest {
  readonly rule: string;
  readonly key: Key;
  /** the largest measure: events, distinct values, recipients, percent */
  readonly highest: number;
  readonly limit: number;
  /** event time of `highest`, ms */
  readonly time: number;
}

const MOST = 10;

/** Up to ten keys of one rule, nearest first, without those that `isSettled` is true for. */
export function rankNearest(active: ActiveRule, isSettled: (key: Key) => boolean): Nearest[] {
  const ranked = [...findBest(active).values()].sort(
    (a, b) => measureShare(b) - measureShare(a) || a.time - b.time,
  );
  const nearest: Nearest[] = [];
  for (const near of ranked) {
    if (nearest.length === MOST) break;
    if (!isSettled(near.key)) nearest.push(near);
  }
  return nearest;
}

/** For each key, the limit of the rule that it came nearest to. */
function findBest({ rule, tallies }: ActiveRule): Map<string, Nearest> {
  const best = new Map<string, Nearest>();
  for (const tally of tallies) {
    for (const { type, id, highest, time } of tally.near()) {
      const name = `${type}:${id}`;
      const other = best.get(name);
      if (other !== undefined && measureShare(other) >= highest / tally.limit) continue;
      const key = { type, id };
      best.set(name, { rule: rule.name, key, highest, limit: tally.limit, time });
    }
  }
  return best;
}

/** How near: 1 at the limit. */
export function measureShare({ highest, limit }: Nearest): number {
  return highest / limit;
}
