/**
 * What every submitter reaches in old logs, measured as the rate rules measure it: for proposals of limits and
 * exemptions. Rate rules are those for the volume of mail and for the spread of networks.
 */
import { DAY } from '../../base/time.ts';
import type { Key } from '../../model/block.ts';
import { isInvalid } from '../../model/event.ts';
import { ownCopy } from '../../model/line.ts';
import type { CountedEvent } from '../counted-event.ts';
import { Facts } from '../facts.ts';
import { getKeyId, getKeyType } from '../key.ts';
import { buildAdmission, counts } from '../plan.ts';
import type { Limit, Rule } from '../rule.ts';
import { SlidingDistinct, SlidingSum } from './sliding.ts';

/** The most that a key reached of one limit. */
export interface Reached {
  readonly limit: Limit;
  readonly highest: number;
  /** ms */
  readonly time: number;
  /** days of UTC, since the epoch, on which the limit was reached */
  readonly days: readonly number[];
}

/** One key as one rule sees it. */
export interface Figures {
  readonly rule: Rule;
  readonly key: Key;
  readonly reached: readonly Reached[];
}

/** All outgoing mail of a key, whatever the rules. */
export interface Outcome {
  readonly recipients: number;
  /** recipients that do not exist */
  readonly invalid: number;
}

export class Learner {
  readonly #rules: readonly RateRule[];
  readonly #outcomes = new Map<string, { recipients: number; invalid: number }>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.filter(isRate).map((rule) => new RateRule(rule));
  }

  feed(event: CountedEvent): void {
    this.#noteOutcome(event);
    for (const rule of this.#rules) rule.feed(event);
  }

  /** Of each rate rule, all keys. */
  figures(): Figures[] {
    return this.#rules.flatMap((rule) => rule.figures());
  }

  outcome({ type, id }: Key): Outcome {
    return this.#outcomes.get(`${type} ${id}`) ?? { recipients: 0, invalid: 0 };
  }

  #noteOutcome(event: CountedEvent): void {
    const { newRecipients = 0, direction, kind } = event;
    const isRefused = isInvalid(event) && event.repeated !== true && kind !== 'removed';
    if ((newRecipients === 0 && !isRefused) || direction === 'local') return;
    const type = getKeyType('submitter', event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (id === undefined) return;
    const name = `${type} ${id}`;
    let outcome = this.#outcomes.get(name);
    if (outcome === undefined) {
      outcome = { recipients: 0, invalid: 0 };
      this.#outcomes.set(ownCopy(name), outcome);
    }
    outcome.recipients += newRecipients;
    if (isRefused) outcome.invalid++;
  }
}

/** Whether a rule is for the volume of mail or the spread of networks of our own submitters. */
function isRate({ enabled, count, ratio, usual, distinct, per, direction }: Rule): boolean {
  if (!enabled || ratio || usual !== undefined || !OWN_KEYS.has(per)) return false;
  if (direction === 'inbound' || direction === 'local') return false;
  return count === 'recipients' || (count === 'logins' && distinct !== undefined);
}

const OWN_KEYS: ReadonlySet<Rule['per']> = new Set<Rule['per']>([
  'submitter',
  'user',
  'client',
  'uid',
]);

interface Measures {
  readonly key: Key;
  readonly limits: {
    readonly limit: Limit;
    readonly sum: SlidingSum;
    readonly distinct: SlidingDistinct | undefined;
    highest: number;
    time: number;
    readonly days: number[];
  }[];
}

class RateRule {
  readonly #rule: Rule;
  readonly #facts = new Facts();
  readonly #admits: (event: CountedEvent) => boolean;
  readonly #keys = new Map<string, Measures>();

  constructor(rule: Rule) {
    this.#rule = rule;
    this.#admits = buildAdmission(rule);
  }

  feed(event: CountedEvent): void {
    const { newRecipients = 0 } = event;
    if (!counts(this.#rule, event.kind, undefined, newRecipients > 0)) return;
    if (!this.#admits(event)) return;
    const { distinct, atLeast, count } = this.#rule;
    this.#facts.read(event);
    const value = this.#facts.valueOf(distinct);
    const measures = this.#find(event);
    if (value === undefined || measures === undefined) return;
    for (const one of measures.limits) {
      const sum = one.sum.add(event.time, count === 'recipients' ? newRecipients : 1);
      const reached = one.distinct?.add(event.time, value) ?? sum;
      if (sum < atLeast) continue;
      const day = Math.floor(event.time / DAY);
      if (reached >= one.limit.limit && one.days.at(-1) !== day) one.days.push(day);
      if (reached <= one.highest) continue;
      one.highest = reached;
      one.time = event.time;
    }
  }

  figures(): Figures[] {
    return [...this.#keys.values()].map(({ key, limits }) => ({
      rule: this.#rule,
      key,
      reached: limits.map(({ limit, highest, time, days }) => ({ limit, highest, time, days })),
    }));
  }

  #find(event: CountedEvent): Measures | undefined {
    const type = getKeyType(this.#rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (type === undefined || id === undefined) return undefined;
    const name = `${type} ${id}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const measures: Measures = {
      key: { type, id: ownCopy(id) },
      limits: this.#rule.limits.map((limit) => ({
        limit,
        sum: new SlidingSum(limit.period),
        distinct: this.#rule.distinct === undefined ? undefined : new SlidingDistinct(limit.period),
        highest: 0,
        time: 0,
        days: [],
      })),
    };
    this.#keys.set(ownCopy(name), measures);
    return measures;
  }
}
