/**
 * The judge, with the store beneath it, against a judge by brute force: random rules and events, releases, expiries,
 * restarts in between, and changed rules. And many users with many addresses, all of them exact.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { recordVerdicts } from '../../src/daemon/decisions.ts';
import { applyRelease, tellOutcome } from '../../src/daemon/outcome.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { Judge } from '../../src/judge/judge.ts';
import { buildAdjustment, type Overrides } from '../../src/judge/limits.ts';
import { type Override, OverrideTable } from '../../src/judge/overrides.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Store } from '../../src/store/store.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';
import { BruteForce, type Found, type LimitOf, type SimpleRule } from './brute-force.ts';
import { event, START } from './event.ts';

const RUNS = process.env.POSTERN_TORTURE === 'long' ? 5000 : 250;

/** For one of the users: another limit, or none (exempt), for one rule or for all that count volume. */
interface SimpleOverride {
  readonly user: string;
  readonly rule: string | undefined;
  readonly limit: number | 'exempt';
  readonly period: number | undefined;
}

function realRule(rule: SimpleRule): Rule {
  const { name, count, distinct, ratio, atLeast, share, limits, action, lasts } = rule;
  const fields = {
    ...{ name, count, per: 'user', distinct, action, 'at-least': atLeast },
    'ratio-of': ratio === true ? 'recipients' : undefined,
    'at-least-share': share === undefined ? undefined : `${share}%`,
    limits: limits.map(({ limit, period }) => ({
      limit: ratio === true ? `${limit}%` : limit,
      period: `${period / SECOND}s`,
    })),
    for: action === 'block' && lasts !== undefined ? `${lasts / SECOND}s` : undefined,
  };
  return parseRule(JSON.stringify(fields), 'test.yaml');
}

function realOverride({ user, rule, limit, period }: SimpleOverride, rules: readonly SimpleRule[]) {
  const isPercent = rules.find(({ name }) => name === rule)?.ratio === true;
  const key = { type: 'user', id: user } as const;
  const applied = limit === 'exempt' ? limit : { limit: isPercent ? 10 * limit : limit, isPercent };
  return { key, rule, limit: applied, period, place: 'test:1' } satisfies Override;
}

/** The limits with these overrides: one for the rule and the period comes first, then one for the rule. */
function buildLimitOf(overrides: readonly SimpleOverride[]): LimitOf {
  return (rule, limit, id) => {
    const isVolume = rule.count === 'recipients' || rule.count === 'messages';
    // A number without a rule's name is no share.
    const fits = (each: SimpleOverride) =>
      isVolume || (rule.ratio === true && each.limit === 'exempt');
    const rank = (each: SimpleOverride) =>
      (each.rule === undefined ? 2 : 0) + (each.period === undefined ? 1 : 0);
    const best = overrides
      .filter((each) => each.user === id && [undefined, limit.period].includes(each.period))
      .filter((each) => each.rule === rule.name || (each.rule === undefined && fits(each)))
      .toSorted((a, b) => rank(a) - rank(b))[0];
    if (best === undefined) return limit.limit;
    if (best.limit === 'exempt') return undefined;
    const number = rule.ratio === true ? 10 * best.limit : best.limit;
    const first = rule.limits[0]?.limit ?? 1;
    const scaled = best.period === undefined ? (number * limit.limit) / first : number;
    return Math.min(rule.ratio === true ? 100 : 1e9, Math.max(1, Math.round(scaled)));
  };
}

/** The service without its logs: a judge, a database, and the blocks that follow. */
class Service {
  readonly store = new Store(':memory:');
  readonly #overrides: Overrides | undefined;
  #rules: readonly Rule[];
  #judge: Judge;

  constructor(rules: readonly SimpleRule[], overrides?: Overrides) {
    this.#overrides = overrides;
    this.#rules = this.#build(rules);
    this.#judge = new Judge(this.#rules);
  }

  #build(rules: readonly SimpleRule[]): Rule[] {
    return rules.map(realRule).map((rule) => {
      if (this.#overrides === undefined) return rule;
      return { ...rule, adjustment: buildAdjustment(rule, this.#overrides, undefined) };
    });
  }

  restart(rules: readonly SimpleRule[], now: number): void {
    this.#rules = this.#build(rules);
    this.#judge = rebuildAtOnce(this.store, this.#rules, now);
  }

  feed(event: MailEvent, now: number): Found[] {
    const { store } = this;
    const verdicts = this.#judge.feed(event, now);
    const policy = { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 1e9 } as const;
    const decisions = store.commit(() => {
      store.events.insert([event]);
      return recordVerdicts({ store, policy }, verdicts, now);
    });
    for (const decision of decisions) tellOutcome(this.#judge, decision, true);
    return verdicts.map(({ rule, action, key, line, count, limit }) => {
      return { rule, action, id: key.id, line, count, limit };
    });
  }

  release(user: string, time: number): void {
    const block = this.store.blocks.running({ type: 'user', id: user });
    if (block !== undefined) this.#end(block.id, time, 'operator');
  }

  expire(now: number): void {
    for (const { id } of this.store.blocks.ended(now)) this.#end(id, now, 'expiry');
  }

  #end(id: number, time: number, by: 'operator' | 'expiry'): void {
    const { blocks, events } = this.store;
    this.store.commit(() => blocks.release(id, time, by, events.newest()));
    applyRelease(this.#judge, blocks.get(id));
  }
}

const limits = fc.array(
  fc.record({
    limit: fc.integer({ min: 1, max: 8 }),
    period: fc.constantFrom(5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR),
  }),
  { minLength: 1, maxLength: 2 },
);

const COUNTS: readonly Partial<SimpleRule>[] = [
  { count: 'invalid' },
  { count: 'invalid', distinct: 'recipient' },
  { count: 'invalid', distinct: 'recipient', share: 20 },
  { count: 'invalid', share: 40 },
  { count: 'invalid', ratio: true, atLeast: 3 },
  { count: 'recipients' },
  { count: 'messages' },
  { count: 'logins', distinct: 'client' },
  { count: 'logins', distinct: 'client', atLeast: 4 },
];

const ruleParts = fc.record({
  parts: fc.constantFrom(...COUNTS),
  limits,
  action: fc.constantFrom('block' as const, 'observe' as const),
  lasts: fc.constantFrom(undefined, 2 * MINUTE, HOUR),
});

const rules = fc.array(ruleParts, { minLength: 1, maxLength: 4 }).map(buildRules);

/** Of each shape several rules, which differ in their limits, their periods, and what they do; in any order. */
const manyRules = fc
  .array(
    fc.tuple(fc.constantFrom(...COUNTS), fc.array(ruleParts, { minLength: 2, maxLength: 7 })),
    { minLength: 1, maxLength: 3 },
  )
  .chain((shapes) => {
    const all = shapes.flatMap(([parts, alike]) => alike.map((each) => ({ ...each, parts })));
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  })
  .map(buildRules);

const overrides = fc.array(
  fc.record({
    user: fc.constantFrom('a@example.net', 'b@example.net'),
    rule: fc.constantFrom(undefined, 'r0', 'r1', 'r2', 'r3', 'r4'),
    limit: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant('exempt' as const)),
    period: fc.constantFrom(undefined, undefined, 5 * MINUTE, HOUR),
  }),
  { maxLength: 4 },
);

type RuleParts = typeof ruleParts extends fc.Arbitrary<infer T> ? T : never;

function buildRules(all: readonly RuleParts[]): SimpleRule[] {
  return all.map(({ parts, limits, action, lasts }, index): SimpleRule => {
    const steep =
      parts.ratio === true ? limits.map((each) => ({ ...each, limit: 10 * each.limit })) : limits;
    return {
      ...{ name: `r${index}`, count: 'invalid', action, limits: steep, ...parts },
      ...(lasts === undefined ? {} : { lasts }),
    };
  });
}

const steps = fc.array(
  fc.record({
    gap: fc.oneof(
      fc.integer({ min: -60, max: 60 }),
      fc.constantFrom(0, 1, 300, 1800, 3600, 3 * 3600, 9 * 3600),
    ),
    user: fc.constantFrom('a@example.net', 'b@example.net'),
    what: fc.constantFrom(
      ...['invalid', 'invalid', 'invalid', 'delivered', 'delivered', 'deferred', 'deferred'],
      ...['accepted', 'accepted', 'rejected', 'repeated', 'release', 'restart', 'change'],
    ),
    nth: fc.integer({ min: 0, max: 9 }),
  }),
  { minLength: 5, maxLength: 120 },
);

type Step = { gap: number; user: string; what: string; nth: number };

function buildEvent({ user, what, nth }: Step, time: number, line: number): MailEvent {
  const host = `mx.p${nth % 3}.example`;
  const base = {
    ...{ line, time, offset: line, submitter: { type: 'user', id: user } as const },
    ...({ direction: 'outbound', sender: user, queueId: `Q${nth}` } as const),
    client: { address: `192.0.2.${nth}` },
  };
  const mail = { ...base, recipient: `r${nth}@p${nth % 3}.example`, relay: { host } };
  const bad = { reason: 'invalid-recipient' } as const;
  if (what === 'accepted') return event(0, { ...base, kind: 'accepted', newRecipients: nth });
  if (what === 'rejected') {
    return event(0, { ...mail, ...bad, relay: undefined, kind: 'rejected', newRecipients: 1 });
  }
  if (what === 'deferred') return event(0, { ...mail, kind: 'deferred', reason: 'rate-limited' });
  if (what === 'delivered') return event(0, { ...mail, kind: 'delivered' });
  return event(0, {
    ...mail,
    ...bad,
    kind: 'bounced',
    repeated: what === 'repeated' ? true : undefined,
  });
}

/** Every other rule changes its action. */
function changed(rules: readonly SimpleRule[]): SimpleRule[] {
  return rules.map((rule, index) => {
    if (index % 2 === 1) return rule;
    return { ...rule, action: rule.action === 'block' ? 'observe' : 'block' };
  });
}

/** A change brings the last quarter of the rules. */
function play(
  first: readonly SimpleRule[],
  all: readonly Step[],
  [overrides, isFixed]: readonly [readonly SimpleOverride[], boolean] = [[], true],
): void {
  const old = first.slice(0, Math.ceil(first.length * 0.75));
  const table = new OverrideTable(overrides.map((each) => realOverride(each, first)));
  const service = new Service(
    old,
    overrides.length === 0 ? undefined : isFixed ? table : () => table,
  );
  const brute = new BruteForce(old, buildLimitOf(overrides));
  let now = START;
  for (const [line, step] of all.entries()) {
    const time = now + step.gap * SECOND;
    now = Math.max(now, time);
    service.expire(now);
    brute.expire(now);
    if (step.what === 'release') {
      if (service.store.blocks.running({ type: 'user', id: step.user }) !== undefined) {
        service.release(step.user, now);
        brute.release(step.user, now);
      }
    } else if (step.what === 'restart') {
      service.restart(
        brute.rules.map((rule) => rule),
        now,
      );
    } else if (step.what === 'change') {
      const isFirst = brute.rules.length < first.length;
      brute.change(changed(isFirst ? first : brute.rules));
      service.restart(brute.rules, now);
    } else {
      const event = buildEvent(step, time, line);
      expect(service.feed(event, now), `line ${line}`).toEqual(brute.feed(event, now));
    }
  }
  service.store.close();
}

describe('the judge agrees with brute force', () => {
  test('verdicts, counts and lines; restarts, changed rules, releases and expiries', () => {
    fc.assert(
      fc.property(rules, steps, (rules, steps) => play(rules, steps)),
      { numRuns: RUNS },
    );
  }, 1_200_000);

  test('many rules of the same shape, which count together, and overrides', () => {
    const changes = fc.tuple(overrides, fc.boolean());
    fc.assert(fc.property(manyRules, steps, changes, play), { numRuns: RUNS });
  }, 1_200_000);

  test('a refusal in the dialogue does not resolve a recipient that was put off', () => {
    const limits = [{ limit: 1, period: 5 * MINUTE }];
    const rule: SimpleRule = { name: 'r0', count: 'invalid', action: 'block', limits, share: 40 };
    const step = { gap: 0, user: 'b@example.net' };
    play(
      [rule],
      [
        { ...step, what: 'deferred', nth: 1 },
        { ...step, what: 'deferred', nth: 0 },
        { ...step, what: 'rejected', nth: 0 },
      ],
    );
  });

  test('2,000 users with 110,000 addresses, and every verdict is exact', () => {
    const rules: readonly SimpleRule[] = [
      buildSimple('addresses', { count: 'logins', distinct: 'client', limit: 50 }),
      buildSimple('share', { count: 'invalid', share: 10, limit: 5 }),
    ];
    const judge = new Judge(rules.map(realRule));
    const brutes = Array.from({ length: USERS }, () => new BruteForce(rules));
    const found = { judge: [] as string[], brute: [] as string[] };
    for (let round = 0; round < 55; round++) {
      for (const [user, brute] of brutes.entries()) {
        for (const each of buildRound(user, round)) {
          for (const { rule, key } of judge.feed(each)) found.judge.push(`${rule} ${key.id}`);
          for (const { rule, id } of brute.feed(each, each.time)) found.brute.push(`${rule} ${id}`);
        }
      }
    }
    expect(found.judge).toEqual(found.brute);
    expect(found.judge.filter((name) => name.startsWith('addresses')).length).toBeGreaterThan(20);
    expect(found.judge.filter((name) => name.startsWith('share')).length).toBeGreaterThan(20);
    expect(judge.forgotten).toBeUndefined();
  }, 300_000);
});

const USERS = 2000;

function buildSimple(
  name: string,
  { limit, ...parts }: Partial<SimpleRule> & { limit: number },
): SimpleRule {
  return { name, count: 'invalid', action: 'block', limits: [{ limit, period: HOUR }], ...parts };
}

/** One mail of a user, each time from another address, and what became of it. */
function buildRound(user: number, round: number): MailEvent[] {
  const id = `u${user}@example.net`;
  const at = round * MINUTE + user * 10;
  const submitter = { type: 'user', id } as const;
  const parts = { submitter, queueId: `Q${round}`, direction: 'outbound', line: round } as const;
  const address = `10.${user % 90 === 0 ? round : round % 45}.${user >> 8}.${user & 255}`;
  const isDead = (round * 7 + user) % (user % 50 === 1 ? 8 : 13) === 0;
  const outcome = isDead
    ? ({ kind: 'bounced', reason: 'invalid-recipient' } as const)
    : ({ kind: 'delivered' } as const);
  return [
    event(at, { ...parts, kind: 'accepted', client: { address }, newRecipients: 1 }),
    event(at, { ...parts, ...outcome, recipient: `r${round}@example.org` }),
  ];
}
