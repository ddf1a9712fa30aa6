/**
 * The limits of all rules that look at the same window, the smallest first. Of a window that has not reached the first
 * one, the others need not be looked at, however many there are.
 */
import type { Member } from './member.ts';
import type { Limit } from './rule.ts';

/** One limit of a rule. */
export interface Rung {
  readonly member: Member;
  readonly limit: Limit;
  /** its place among the limits of the rule */
  readonly index: number;
}

export interface Ladder {
  /** the limit that the window is made for; of several with the same period, the first */
  readonly limit: Limit;
  /** smallest limit first, then in the order of the rules */
  readonly rungs: readonly Rung[];
  /** the smallest limit */
  readonly least: number;
}

/** The ladders of rules that differ in nothing but their limits. A bound on domains or hosts depends on the limit. */
export function buildLadders(members: readonly Member[]): Ladder[] {
  const byWindow = new Map<string, Rung[]>();
  for (const member of members) {
    const { limits, bound } = member.rule;
    for (const [index, limit] of limits.entries()) {
      const name = bound === undefined ? `${limit.period}` : `${limit.period} ${limit.limit}`;
      const rungs = byWindow.get(name) ?? [];
      byWindow.set(name, [...rungs, { member, limit, index }]);
    }
  }
  return [...byWindow.values()].map(buildLadder);
}

function buildLadder(all: readonly Rung[]): Ladder {
  const rungs = all.toSorted((a, b) => a.limit.limit - b.limit.limit);
  const { limit } = all[0] as Rung;
  return { limit, rungs, least: (rungs[0] as Rung).limit.limit };
}
