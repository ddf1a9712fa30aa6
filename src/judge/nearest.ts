/** Which keys came nearest to the limits of a rule without a verdict. */

import type { Key } from '../model/block.ts';
import type { ActiveRule } from './activate.ts';
import type { Rosters } from './roster.ts';
import type { IsWorth } from './tally.ts';

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
export function rankNearest(
  active: ActiveRule,
  rosters: Rosters,
  isSettled: (key: Key) => boolean,
): Nearest[] {
  const nearest: Nearest[] = [];
  const isWorth = (highest: number, limit: number, time: number) => {
    const last = nearest.at(-1);
    if (nearest.length < MOST || last === undefined) return true;
    const share = highest / limit;
    return share > measureShare(last) || (share === measureShare(last) && time <= last.time);
  };
  for (const near of findBest(active, rosters, isWorth)) {
    const last = nearest.at(-1);
    const isFull = nearest.length === MOST;
    if (isFull && last !== undefined && compare(near, last) >= 0) continue;
    if (isSettled(near.key)) continue;
    // A key can be known twice, as one that was dropped and came again.
    const same = nearest.findIndex(
      ({ key }) => key.type === near.key.type && key.id === near.key.id,
    );
    if (same >= 0 && compare(near, nearest[same] as Nearest) >= 0) continue;
    if (same >= 0) nearest.splice(same, 1);
    else if (isFull) nearest.pop();
    nearest.push(near);
    nearest.sort(compare);
  }
  return nearest;
}

/** Nearest first, then the earliest, then by name: whoever asks gets the same keys in the same order. */
function compare(a: Nearest, b: Nearest): number {
  return measureShare(b) - measureShare(a) || a.time - b.time || compareKeys(a, b);
}

function compareKeys(a: Nearest, b: Nearest): number {
  const [one, other] = [nameKey(a), nameKey(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** For each key, the limit of the rule that it came nearest to; the first one of two that are as near. */
function* findBest(
  { rule, tally }: ActiveRule,
  rosters: Rosters,
  isWorth: IsWorth,
): Generator<Nearest> {
  /** keys that were dropped: each may have come again */
  const dropped = new Map<string, Nearest>();
  /** of the key whose limits come one after the other */
  let best: Nearest | undefined;
  for (const { type, id, highest, limit, time, isDropped } of tally.near(isWorth, rosters)) {
    const near = { rule: rule.name, key: { type, id }, highest, limit, time };
    if (rule.limits.length === 1) yield near;
    else if (isDropped) keepNearer(dropped, near);
    else if (best?.key.id === id && best.key.type === type) best = nearer(best, near);
    else {
      if (best !== undefined) yield* settle(dropped, best);
      best = near;
    }
  }
  if (best !== undefined) yield* settle(dropped, best);
  yield* dropped.values();
}

/** The key is named at once, unless it was also dropped: then with those. */
function* settle(dropped: Map<string, Nearest>, near: Nearest): Generator<Nearest> {
  if (dropped.has(nameKey(near))) keepNearer(dropped, near);
  else yield near;
}

function keepNearer(known: Map<string, Nearest>, near: Nearest): void {
  const name = nameKey(near);
  const before = known.get(name);
  known.set(name, before === undefined ? near : nearer(before, near));
}

function nearer(first: Nearest, second: Nearest): Nearest {
  return measureShare(first) < measureShare(second) ? second : first;
}

function nameKey({ key: { type, id } }: Nearest): string {
  return `${type} ${id}`;
}

/** How near: 1 at the limit. */
export function measureShare({ highest, limit }: Nearest): number {
  return highest / limit;
}
