/**
 * One rule with `usual`: whether an event goes beyond what the profile of its key says. What becomes of that (verdict,
 * block, allow list) is not known here: it follows from the events alone.
 */
import { DAY } from '../../base/time.ts';
import type { KeyType } from '../../model/block.ts';
import type { Past } from '../../model/usual.ts';
import type { AppliedLimit } from '../adjustment.ts';
import type { Limit, Rule, Usual } from '../rule.ts';
import type { BlockCounter } from './counter.ts';
import type { Habits, Profile, RuleWithUsual } from './habits.ts';

/** An account that wakes is watched on this day and the next. */
const DAYS_AWAKE = 2;

/** A key that has just gone beyond its own limit. */
export interface UsualMet {
  readonly rule: Rule;
  readonly type: KeyType;
  readonly id: string;
  /** the limit of this key, and the period that it is for */
  readonly limit: AppliedLimit;
  readonly count: number;
  readonly past: Past;
}

/** What one limit of the rules with the same habits has counted. */
export interface UsualCount {
  readonly type: KeyType;
  readonly id: string;
  readonly profile: Profile;
  /** of the limit */
  readonly index: number;
  readonly count: number;
  /** ms */
  readonly time: number;
}

export class UsualRule {
  readonly rule: RuleWithUsual;
  /** its place among the rules with `usual` */
  readonly order: number;
  /** what the profiles hold. Profiles of another measure are of no use to the rule. */
  readonly measure: string;
  /** shared with the other rules of its group, which sets it */
  habits!: Habits;

  constructor(rule: RuleWithUsual, order: number) {
    this.rule = rule;
    this.order = order;
    this.measure = nameMeasure(rule);
  }

  /** What a key goes beyond, for the first time on this day. */
  judge({ type, id, profile, index, count, time }: UsualCount): UsualMet | undefined {
    const limit = this.#limitFor(index, type, id, time);
    if (limit === undefined || count < limit.limit) return undefined;
    const excess = this.#findExcess(profile, index, { limit, count, time });
    return excess && { rule: this.rule, type, id, count, ...excess };
  }

  /** The floor of a key; undefined: it is exempt. */
  #limitFor(index: number, type: KeyType, id: string, time: number): AppliedLimit | undefined {
    const limit = this.rule.limits[index] as Limit;
    const { adjustment } = this.rule;
    return adjustment === undefined ? limit : adjustment.limitFor(limit, type, id, time);
  }

  /** Whether the count is beyond what is usual, for the first time on this day. `limit`: the floor. */
  #findExcess(
    profile: Profile,
    index: number,
    {
      limit: floor,
      count,
      time,
    }: { readonly limit: AppliedLimit; readonly count: number; readonly time: number },
  ): { limit: AppliedLimit; past: Past } | undefined {
    const day = profile.lastDay;
    const met = profile.met?.get(this.rule);
    if ((met?.[index] ?? -1) >= day || this.habits.isLearning(profile, time)) return undefined;
    const isAwake = profile.wokeDay >= 0 && day - profile.wokeDay < DAYS_AWAKE;
    const busiest = (profile.counters[index] as BlockCounter).findBusiest(day);
    const known = profile.values?.countKnown(day) ?? 0;
    // Without a past there is nothing to compare with.
    const hasPast = profile.values === undefined ? busiest.count > 0 : known > 0;
    if (!isAwake && !hasPast) return undefined;
    const usual = isAwake ? 0 : Math.ceil(this.rule.usual.times * busiest.count);
    const limit = Math.max(floor.limit, usual);
    if (count < limit) return undefined;
    this.#noteMet(profile, index, day);
    return {
      limit: { ...floor, limit },
      past: describe(this.rule.usual, profile, busiest, { known, isAwake }),
    };
  }

  #noteMet(profile: Profile, index: number, day: number): void {
    profile.met ??= new Map();
    const met = profile.met.get(this.rule) ?? this.rule.limits.map(() => -1);
    met[index] = day;
    profile.met.set(this.rule, met);
  }
}

/** What a profile is a measure of. Not the floor, the times or the exceptions: these can change, and the past stays. */
function nameMeasure({ count, per, direction, nullSender, limits, usual }: Rule): string {
  const periods = limits.map(({ period }) => period).join(',');
  return [count, per, direction, nullSender, periods, usual?.new].map(String).join(' ');
}

function describe(
  usual: Usual,
  profile: Profile,
  busiest: { readonly count: number; readonly day: number },
  { known, isAwake }: { readonly known: number; readonly isAwake: boolean },
): Past {
  return {
    since: profile.first,
    busiest: busiest.count,
    ...(busiest.day < 0 ? {} : { busiestDay: busiest.day * DAY }),
    ...(usual.new === undefined ? {} : { new: { kind: usual.new, known } }),
    ...(isAwake ? { asleep: { days: profile.slept, last: profile.sleptAfter * DAY } } : {}),
  };
}
