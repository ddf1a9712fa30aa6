/**
 * How each rule would have done with half and with double its limit. Every rule is judged alone, so that a block by one does
 * not hide what another would have found.
 */
import { formatTime } from '../base/time.ts';
import { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { applyOutageChange, type Outage, withoutTakenBack } from '../model/outage.ts';

/** A key that met a limit: when it first did. */
export interface Met {
  readonly key: Key;
  /** ms */
  readonly time: number;
}

/** Who would have met the limits of a rule, in the order of time. */
export interface RuleTuning {
  readonly rule: string;
  readonly action: Rule['action'];
  readonly limits: Rule['limits'];
  readonly half: readonly Met[];
  readonly asIs: readonly Met[];
  readonly double: readonly Met[];
}

/** Judges events, and takes back what a provider outage explains. */
export class Trial {
  readonly judge: Judge;
  readonly outages: Outage[] = [];
  verdicts: Verdict[] = [];

  constructor(rules: readonly Rule[], allowed: (key: Key) => boolean) {
    this.judge = new Judge(rules, { allowed });
  }

  feed(event: MailEvent): void {
    for (const verdict of this.judge.feed(event)) this.verdicts.push(verdict);
  }

  /** Call it after some events. */
  settle(): void {
    const changes = this.judge.takeOutageChanges();
    for (const change of changes) applyOutageChange(this.outages, change);
    this.verdicts = withoutTakenBack(this.verdicts, changes);
  }
}

export class Tuning {
  readonly #rules: readonly Rule[];
  readonly #half: Trial;
  readonly #asIs: Trial;
  readonly #double: Trial;

  constructor(rules: readonly Rule[], allowed: (key: Key) => boolean) {
    this.#rules = rules.filter(({ enabled }) => enabled);
    const at = (factor: number) =>
      new Trial(
        this.#rules.map((rule) => scale(rule, factor)),
        allowed,
      );
    this.#half = at(0.5);
    this.#asIs = at(1);
    this.#double = at(2);
  }

  feed(event: MailEvent): void {
    for (const trial of this.#trials) trial.feed(event);
  }

  /** Call it after some events. */
  settle(): void {
    for (const trial of this.#trials) trial.settle();
  }

  get result(): RuleTuning[] {
    return this.#rules.map(({ name, action, limits }) => ({
      rule: name,
      action,
      limits,
      half: listMet(this.#half, name),
      asIs: listMet(this.#asIs, name),
      double: listMet(this.#double, name),
    }));
  }

  get #trials(): readonly Trial[] {
    return [this.#half, this.#asIs, this.#double];
  }
}

/** It only observes: nobody is blocked for the other rules. */
function scale(rule: Rule, factor: number): Rule {
  const limits = rule.limits.map((one) => ({ ...one, limit: scaleLimit(one.limit, factor) }));
  return { ...rule, action: 'observe', limits };
}

/** At least 1. */
export function scaleLimit(limit: number, factor: number): number {
  return Math.max(1, Math.round(limit * factor));
}

function listMet({ verdicts }: Trial, rule: string): Met[] {
  const first = new Map<string, Met>();
  for (const { key, time, ...verdict } of verdicts) {
    const name = `${key.type} ${key.id}`;
    if (verdict.rule === rule && !first.has(name)) first.set(name, { key, time });
  }
  return [...first.values()];
}

/** For programs: times as RFC 3339. */
export function tuningToJson({ half, asIs, double, ...rule }: RuleTuning): Record<string, unknown> {
  const toJson = (met: readonly Met[]) =>
    met.map(({ key, time }) => ({ key, time: formatTime(time) }));
  return { ...rule, half: toJson(half), asIs: toJson(asIs), double: toJson(double) };
}
