/** All rules with `usual` of a judge, and what the service stores of them. */
import { MINUTE } from '../../base/time.ts';
import { EVENT_KINDS, type EventKind, type MailEvent } from '../../model/event.ts';
import { counts } from '../plan.ts';
import type { Rule, Usual } from '../rule.ts';
import { type SavedProfile, type UsualMet, UsualRule } from './usual-rule.ts';

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
  readonly #rules: readonly UsualRule[];
  /** by kind: the rules that count events of it with new recipients, and without */
  readonly #counting: ReadonlyMap<EventKind, readonly (readonly UsualRule[])[]>;
  /** rules without a stored state */
  readonly #fresh = new Set<UsualRule>();
  #savedAt = 0;
  #eventsSince = 0;

  constructor(rules: readonly Rule[], mostKeys?: number) {
    this.#rules = rules.filter(hasUsual).map((rule) => new UsualRule(rule, mostKeys));
    for (const rule of this.#rules) this.#fresh.add(rule);
    this.#counting = new Map(
      EVENT_KINDS.map((kind) => [
        kind,
        [false, true].map((brings) =>
          this.#rules.filter(({ rule }) => counts(rule, kind, undefined, brings)),
        ),
      ]),
    );
  }

  /** Counts an event; returns what it goes beyond, usually nothing. */
  feed(event: MailEvent): readonly UsualMet[] {
    const { newRecipients = 0 } = event;
    const rules = this.#counting.get(event.kind)?.[newRecipients > 0 ? 1 : 0];
    if (rules === undefined || rules.length === 0) return NONE;
    this.#eventsSince++;
    let all: UsualMet[] | undefined;
    for (const rule of rules) {
      const met = rule.feed(event);
      if (met.length === 0) continue;
      all ??= [];
      all.push(...met);
    }
    return all ?? NONE;
  }

  /** Counts a stored event again. `isCovered`: the stored state holds it, where there is one. */
  recount(event: MailEvent, isCovered: boolean): void {
    const { newRecipients = 0 } = event;
    for (const rule of this.#counting.get(event.kind)?.[newRecipients > 0 ? 1 : 0] ?? []) {
      if (!isCovered || this.#fresh.has(rule)) rule.feed(event);
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
      this.#rules.map(({ rule, measure, coveredDays }) => [rule.name, { measure, coveredDays }]),
    );
  }

  /** Profiles that have changed, each with the name of its rule. */
  *changed(): Generator<SavedProfile & { readonly rule: string }> {
    for (const rule of this.#rules) {
      for (const profile of rule.changed()) yield { ...profile, rule: rule.rule.name };
    }
  }

  /** All changes were stored at `now` (ms). */
  saved(now: number): void {
    this.#savedAt = now;
    this.#eventsSince = 0;
    for (const rule of this.#rules) rule.saved();
  }

  /** Takes over what was stored; `read` gives the profiles of a rule. What another measure has counted is left alone. */
  load(
    saved: Readonly<Record<string, SavedRule>>,
    read: (rule: string) => Iterable<SavedProfile>,
  ): void {
    for (const rule of this.#rules) {
      const { name } = rule.rule;
      const known = saved[name];
      if (known?.measure !== rule.measure) continue;
      rule.load(known.coveredDays, read(name));
      rule.saved();
      this.#fresh.delete(rule);
    }
  }
}

const NONE: readonly UsualMet[] = Object.freeze([]);

function hasUsual(rule: Rule): rule is Rule & { readonly usual: Usual } {
  return rule.enabled && rule.usual !== undefined;
}
