/**
 * Rules with `usual` that differ only in their limits and in what they do: they have the same profiles, and count an event
 * once. A rule whose stored past is another one leaves its group.
 */
import type { AppliedLimit } from '../adjustment.ts';
import type { CountedEvent } from '../counted-event.ts';
import { lowestUsual } from '../measure.ts';
import type { BlockCounter } from './counter.ts';
import { Habits, type RuleWithUsual, type SavedProfile, saveProfile } from './habits.ts';
import { type UsualMet, UsualRule } from './usual-rule.ts';

export class UsualGroup {
  /** in the order of all rules */
  readonly rules: readonly UsualRule[];
  readonly habits: Habits;
  /** by limit, the lowest of all rules */
  readonly #floors: readonly number[];

  constructor(rules: readonly UsualRule[], habits: Habits) {
    this.rules = rules;
    this.habits = habits;
    for (const each of rules) each.habits = habits;
    this.#floors = (rules[0] as UsualRule).rule.limits.map((_, index) =>
      Math.min(...rules.map(({ rule }) => lowestUsual(rule, rule.limits[index] as AppliedLimit))),
    );
  }

  /** Counts an event that the rules count by its kind. Adds what it goes beyond, as the first of its day. */
  feed(event: CountedEvent, all: UsualMet[]): void {
    const noted = this.habits.note(event);
    if (noted === undefined) return;
    const { type, id, profile, day, amount } = noted;
    const { time } = event;
    for (let index = 0; index < profile.counters.length; index++) {
      const count = (profile.counters[index] as BlockCounter).add(time, amount);
      if (day < profile.lastDay) continue;
      const isLow = count < (this.#floors[index] as number);
      if (isLow && this.rules[0]?.rule.adjustment?.isOverridden(type, id) !== true) continue;
      for (const rule of this.rules) {
        const met = rule.judge({ type, id, profile, index, count, time });
        if (met !== undefined) all.push(met);
      }
    }
  }

  /** Profiles that have changed since the last call of `saved`. */
  *changed(): Generator<SavedProfile & { readonly rule: string }> {
    for (const { type, id, profile } of this.habits.profiles()) {
      if (!profile.isChanged) continue;
      for (const { rule } of this.rules) {
        yield { ...saveProfile(rule, type, id, profile), rule: rule.name };
      }
    }
  }

  saved(): void {
    for (const { profile } of this.habits.profiles()) profile.isChanged = false;
  }
}

/** Rules that count the same, in groups. `mostKeys`: for each group. */
export function groupUsual(rules: readonly RuleWithUsual[], mostKeys?: number): UsualGroup[] {
  const groups = new Map<string, UsualRule[]>();
  const sources: unknown[] = [];
  for (const [order, rule] of rules.entries()) {
    const name = nameGroup(rule, order, sources);
    const group = groups.get(name) ?? [];
    groups.set(name, [...group, new UsualRule(rule, order)]);
  }
  return [...groups.values()].map((each) => {
    const { rule } = each[0] as UsualRule;
    return new UsualGroup(each, new Habits(rule, mostKeys));
  });
}

function nameGroup({ usual, except, ...rule }: RuleWithUsual, order: number, known: unknown[]) {
  const { count, per, direction, nullSender, limits, adjustment } = rule;
  const sources = adjustment?.sources.map((one) => {
    if (!known.includes(one)) known.push(one);
    return known.indexOf(one);
  });
  const isNamed = adjustment?.namesList === true;
  return JSON.stringify([
    ...[count, per, direction, nullSender, except, limits.map(({ period }) => period)],
    ...[usual.new, usual.asleep, usual.history, sources, isNamed ? order : undefined],
  ]);
}

/** A text that two rules have in common if their stored pasts are the same, but for what they have met. */
export function digestPast(
  coveredDays: readonly number[],
  profiles: Iterable<SavedProfile>,
): string {
  let count = 0;
  let sum = 0;
  for (const { type, id, lastDay, rest } of profiles) {
    count++;
    sum = (sum + hash(JSON.stringify([type, id, lastDay, { ...rest, met: undefined }]))) >>> 0;
  }
  return JSON.stringify([coveredDays, count, sum]);
}

/** FNV-1a */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 0;
}
