/**
 * How each rule would have done with other limits, such as half and double: over the lines of a log (`postern replay`), and
 * over stored events (the web page). Every rule is judged alone, so that a block by one does
 * not hide what another would have found.
 */
import { formatTime } from '../base/time.ts';
import type { CountedEvent } from '../judge/counted-event.ts';
import { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import { applyOutageChange, type Outage, withoutTakenBack } from '../model/outage.ts';

/** A key that met a limit: when it first did. */
export interface Met {
  readonly key: Key;
  /** ms */
  readonly time: number;
  /** what the rule had counted then */
  readonly count: number;
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

  feed(event: CountedEvent): void {
    for (const verdict of this.judge.feed(event)) this.verdicts.push(verdict);
    const changes = this.judge.takeOutageChanges();
    for (const change of changes) applyOutageChange(this.outages, change);
    this.verdicts = withoutTakenBack(this.verdicts, changes);
  }
}

/** Half, as it is, double. */
const FACTORS = [0.5, 1, 2];

/** Judges with some limits at the same time. */
export class Tuning {
  readonly #rules: readonly Rule[];
  readonly #trials: readonly Trial[];

  /** `factors`: by how much each limit is multiplied. */
  constructor(
    rules: readonly Rule[],
    allowed: (key: Key) => boolean,
    factors: readonly number[] = FACTORS,
  ) {
    this.#rules = rules.filter(({ enabled }) => enabled);
    this.#trials = factors.map(
      (factor) =>
        new Trial(
          this.#rules.map((rule) => scale(rule, factor)),
          allowed,
        ),
    );
  }

  feed(event: CountedEvent): void {
    for (const trial of this.#trials) trial.feed(event);
  }

  /** Who would have met this rule, for each factor. */
  met(rule: string): readonly (readonly Met[])[] {
    return this.#trials.map((trial) => listMet(trial, rule));
  }

  /** Of all rules, with the factors of half, as it is, double. */
  get result(): RuleTuning[] {
    return this.#rules.map(({ name, action, limits }) => {
      const [half = [], asIs = [], double = []] = this.met(name);
      return { rule: name, action, limits, half, asIs, double };
    });
  }
}

/** It only observes: nobody is blocked for the other rules. */
function scale(rule: Rule, factor: number): Rule {
  const limits = rule.limits.map((one) => ({ ...one, limit: scaleLimit(one.limit, factor) }));
  return { ...rule, action: 'observe', limits };
}

/** The others grow with the first. At least 1. */
export function scaleLimit(limit: number, factor: number): number {
  return Math.max(1, Math.round(limit * factor));
}

function listMet({ verdicts }: Trial, rule: string): Met[] {
  const first = new Map<string, Met>();
  for (const { key, time, ...verdict } of verdicts) {
    const name = `${key.type} ${key.id}`;
    if (verdict.rule === rule && !first.has(name))
      first.set(name, { key, time, count: verdict.count });
  }
  return [...first.values()];
}

/** For programs: times as RFC 3339. */
export function tuningToJson({ half, asIs, double, ...rule }: RuleTuning): Record<string, unknown> {
  const toJson = (met: readonly Met[]) =>
    met.map(({ key, time }) => ({ key, time: formatTime(time) }));
  return { ...rule, half: toJson(half), asIs: toJson(asIs), double: toJson(double) };
}
