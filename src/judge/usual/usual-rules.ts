/** All rules with `usual` of a judge, and what the service stores of them. */
import { MINUTE } from '../../base/time.ts';
import { EVENT_KINDS, type EventKind } from '../../model/event.ts';
import type { CountedEvent } from '../counted-event.ts';
import { counts } from '../plan.ts';
import type { Rule, Usual } from '../rule.ts';
import { Habits, type SavedProfile } from './habits.ts';
import { digestPast, groupUsual, UsualGroup } from './usual-group.ts';
import type { UsualMet, UsualRule } from './usual-rule.ts';

/** What is stored of one rule. */
export interface SavedRule {
  /** what its profiles hold; of another measure they are of no use */
  readonly measure: string;
  readonly coveredDays: readonly number[];
}

/** Between two times of storing, ms, and events. A restart reads the events since the last one. */
const SAVE_AFTER = 10 * MINUTE;
const SAVE_AFTER_EVENTS = 50_000;

export class UsualRules {
  /** in their order */
  readonly #rules: readonly UsualRule[];
  #groups: readonly UsualGroup[];
  /** by kind: the groups that count events of it with new recipients, and without */
  #counting: ReadonlyMap<EventKind, readonly (readonly UsualGroup[])[]>;
  /** rules without a stored state */
  readonly #fresh = new Set<UsualRule>();
  readonly #mostKeys: number | undefined;
  #savedAt = 0;
  #eventsSince = 0;

  constructor(rules: readonly Rule[], mostKeys?: number) {
    this.#mostKeys = mostKeys;
    this.#groups = groupUsual(rules.filter(hasUsual), mostKeys);
    const all = this.#groups.flatMap((group) => group.rules);
    this.#rules = all.sort((a, b) => a.order - b.order);
    for (const rule of this.#rules) this.#fresh.add(rule);
    this.#counting = this.#findCounting();
  }

  /** Counts an event; returns what it goes beyond, usually nothing. */
  feed(event: CountedEvent): readonly UsualMet[] {
    const groups = this.#groupsFor(event);
    if (groups.length === 0) return NONE;
    this.#eventsSince++;
    const all: UsualMet[] = [];
    for (const group of groups) group.feed(event, all);
    if (all.length > 1) all.sort((a, b) => this.#orderOf(a) - this.#orderOf(b));
    return all;
  }

  /** Counts a stored event again. `isCovered`: the stored state holds it, where there is one. */
  recount(event: CountedEvent, isCovered: boolean): void {
    for (const group of this.#groupsFor(event)) {
      if (!isCovered || this.#fresh.has(group.rules[0] as UsualRule)) group.feed(event, []);
    }
  }

  /** Whether there is a rule that recounts events which the stored state holds. */
  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** The names of the rules that have a stored state of the same measure. */
  get known(): string[] {
    return this.#rules.filter((rule) => !this.#fresh.has(rule)).map(({ rule }) => rule.name);
  }

  /** Whether enough has changed to be stored; `now` in ms. */
  isDue(now: number): boolean {
    if (this.#eventsSince === 0) return false;
    return this.#eventsSince >= SAVE_AFTER_EVENTS || now - this.#savedAt >= SAVE_AFTER;
  }

  /** What is to be stored of each rule, by its name. */
  describe(): Readonly<Record<string, SavedRule>> {
    return Object.fromEntries(
      this.#rules.map(({ rule, measure, habits: { coveredDays } }) => [
        rule.name,
        { measure, coveredDays },
      ]),
    );
  }

  /** Profiles that have changed, each with the name of its rule. */
  *changed(): Generator<SavedProfile & { readonly rule: string }> {
    for (const group of this.#groups) yield* group.changed();
  }

  /** All changes were stored at `now` (ms). */
  saved(now: number): void {
    this.#savedAt = now;
    this.#eventsSince = 0;
    for (const group of this.#groups) group.saved();
  }

  /** Takes over what was stored; `read` gives the profiles of a rule. What another measure has counted is left alone. */
  load(
    saved: Readonly<Record<string, SavedRule>>,
    read: (rule: string) => Iterable<SavedProfile>,
  ): void {
    this.#groups = this.#groups.flatMap((group) => this.#loadGroup(group, saved, read));
    this.#counting = this.#findCounting();
  }

  /** The group, or several of them when its rules do not have the same past. */
  #loadGroup(
    { rules }: UsualGroup,
    saved: Readonly<Record<string, SavedRule>>,
    read: (rule: string) => Iterable<SavedProfile>,
  ): UsualGroup[] {
    const pasts = new Map<string, UsualRule[]>();
    for (const rule of rules) {
      const known = saved[rule.rule.name];
      const isKnown = known?.measure === rule.measure;
      if (isKnown) this.#fresh.delete(rule);
      // With nobody to share it, there is nothing to compare.
      const isAlone = rules.length === 1;
      const past = isKnown && !isAlone ? digestPast(known.coveredDays, read(rule.rule.name)) : '';
      pasts.set(past, [...(pasts.get(past) ?? []), rule]);
    }
    return [...pasts.values()].map((same) => {
      const habits = new Habits((same[0] as UsualRule).rule, this.#mostKeys);
      for (const rule of same) {
        const { name } = rule.rule;
        if (!this.#fresh.has(rule))
          habits.load(rule.rule, saved[name]?.coveredDays ?? [], read(name));
      }
      return new UsualGroup(same, habits);
    });
  }

  #groupsFor({ kind, newRecipients = 0 }: CountedEvent): readonly UsualGroup[] {
    return this.#counting.get(kind)?.[newRecipients > 0 ? 1 : 0] ?? [];
  }

  #findCounting(): ReadonlyMap<EventKind, readonly (readonly UsualGroup[])[]> {
    const isCounting = (group: UsualGroup, kind: EventKind, brings: boolean) =>
      counts((group.rules[0] as UsualRule).rule, kind, undefined, brings);
    return new Map(
      EVENT_KINDS.map((kind) => [
        kind,
        [false, true].map((brings) =>
          this.#groups.filter((group) => isCounting(group, kind, brings)),
        ),
      ]),
    );
  }

  #orderOf({ rule }: UsualMet): number {
    return this.#rules.findIndex((each) => each.rule === rule);
  }
}

const NONE: readonly UsualMet[] = Object.freeze([]);

function hasUsual(rule: Rule): rule is Rule & { readonly usual: Usual } {
  return rule.enabled && rule.usual !== undefined;
}
