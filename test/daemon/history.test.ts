/** A judge that is rebuilt from the database: what was given before holds, and nothing else. */
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { recordVerdicts } from '../../src/daemon/decisions.ts';
import { applyRelease, tellOutcome } from '../../src/daemon/outcome.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import type { BlockPolicy } from '../../src/enforce/decide.ts';
import { Judge } from '../../src/judge/judge.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Store } from '../../src/store/store.ts';
import { event, invalid, START } from '../judge/event.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const POLICY: BlockPolicy = { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 1000 };

function rule(fields: Record<string, unknown> = {}): Rule {
  const all = {
    name: 'test',
    count: 'invalid',
    per: 'submitter',
    limit: 3,
    period: '1h',
    ...fields,
  };
  return parseRule(JSON.stringify({ action: 'block', ...all }), 'test.yaml');
}

/** The service without its logs. */
class Service {
  readonly store = new Store(':memory:');
  #judge: Judge;
  #policy: BlockPolicy;

  constructor(rules: readonly Rule[], policy: Partial<BlockPolicy> = {}) {
    this.#policy = { ...POLICY, ...policy };
    this.#judge = new Judge(rules);
  }

  restart(rules: readonly Rule[], policy = this.#policy): void {
    this.#policy = policy;
    this.#judge = rebuildAtOnce(this.store, rules, this.store.events.newestTime(), { policy });
  }

  feed(event: MailEvent, now = event.time): readonly Verdict[] {
    const { store } = this;
    const policy = this.#policy;
    const verdicts = this.#judge.feed(event, now);
    const decisions = store.commit(() => {
      store.events.insert([event]);
      return recordVerdicts({ store, policy }, verdicts, now);
    });
    for (const decision of decisions) tellOutcome(this.#judge, decision, true);
    return verdicts;
  }

  expire(now: number): void {
    for (const { id } of this.store.blocks.ended(now)) {
      this.store.blocks.release(id, now, 'expiry', this.store.events.newest());
      applyRelease(this.#judge, this.store.blocks.get(id));
    }
  }
}

let offset = 0;

function refusal(at: number, parts: Partial<MailEvent> = {}): MailEvent {
  offset++;
  return invalid(at, `r${offset}@example.org`, { offset, ...parts });
}

/** One refusal each minute. */
function refusals(from: number, count: number): MailEvent[] {
  return Array.from({ length: count }, (_, index) => refusal(from + index * MINUTE));
}

function feedAll(service: Service, events: readonly MailEvent[]): Verdict[] {
  return events.flatMap((each) => service.feed(each));
}

describe('after a restart', () => {
  test('a rule changed from observe to block blocks on its next excess', () => {
    const service = new Service([rule({ action: 'observe' })]);
    expect(feedAll(service, refusals(0, 5))).toMatchObject([{ action: 'observe' }]);
    service.restart([rule()]);
    expect(service.feed(refusal(6 * MINUTE))).toMatchObject([{ action: 'block', count: 6 }]);
  });

  test('a verdict of one rule is not one of another: a new rule blocks at once', () => {
    const service = new Service([rule({ name: 'watch', action: 'observe' })]);
    feedAll(service, refusals(0, 5));
    service.restart([rule({ name: 'watch', action: 'observe' }), rule({ name: 'new', limit: 2 })]);
    expect(service.feed(refusal(6 * MINUTE))).toMatchObject([{ rule: 'new', action: 'block' }]);
  });

  test('an observation is not repeated while its excess goes on, however long it lasts', () => {
    const watch = [rule({ action: 'observe' })];
    const service = new Service(watch);
    const days = Array.from({ length: (6 * DAY) / (10 * MINUTE) }, (_, n) =>
      refusal(n * 10 * MINUTE),
    );
    expect(feedAll(service, days)).toHaveLength(1);
    service.restart(watch);
    expect(service.feed(refusal(6 * DAY))).toEqual([]);
    service.restart(watch);
    expect(feedAll(service, refusals(6 * DAY + 3 * HOUR, 5))).toHaveLength(1);
  });

  test('an observation that was too old is not one: the first new event gives it', () => {
    const watch = [rule({ action: 'observe', fresh: '20m', limit: 1, period: '3h' })];
    const service = new Service(watch);
    expect(service.feed(refusal(0))).toHaveLength(1);
    const late = [refusal(5 * HOUR), refusal(5 * HOUR + MINUTE)];
    const found = late.flatMap((each) => service.feed(each, START + 6 * HOUR));
    expect(found).toMatchObject([{ stale: true }]);
    service.restart(watch);
    expect(service.feed(refusal(6 * HOUR))).toMatchObject([{ action: 'observe', count: 3 }]);
  });

  test('a verdict that is too old is not repeated, though the user is on the allow list', () => {
    const rules = [rule({ fresh: '20m' })];
    const allow = makeAllowList({ users: ['alice@example.net'] });
    const service = new Service(rules, { allow });
    const late = (from: number) =>
      refusals(from, 4).flatMap((each) => service.feed(each, START + 3 * HOUR));
    expect(late(0)).toHaveLength(1);
    service.restart(rules);
    expect(late(2 * HOUR)).toEqual([]);
  });

  test('a rule that was switched off observes again when it is switched on', () => {
    const watch = [rule({ action: 'observe' })];
    const service = new Service(watch);
    expect(feedAll(service, refusals(0, 3))).toHaveLength(1);
    service.restart([]);
    expect(feedAll(service, refusals(30 * HOUR, 4))).toEqual([]);
    service.restart(watch);
    expect(service.feed(refusal(30 * HOUR + 5 * MINUTE))).toMatchObject([{ count: 5 }]);
  });

  test.each([false, true])('a block beyond the cap is no offence; restart: %s', (restarts) => {
    const rules = [rule({ for: '10m', escalation: ['1d'] })];
    const service = new Service(rules, { blocksPerHour: 1 });
    const block = (at: number, user: string) =>
      Array.from({ length: 3 }, (_, n) => {
        const submitter = { type: 'user', id: user } as const;
        return refusal(at + n * SECOND, { submitter });
      }).flatMap((each) => service.feed(each));
    block(0, 'bob@example.net');
    expect(block(MINUTE, 'carol@example.net')).toMatchObject([{ duration: 10 * MINUTE }]);
    expect(service.store.blocks.allRunning()).toHaveLength(1);
    if (restarts) service.restart(rules);
    expect(block(5 * HOUR, 'carol@example.net')).toMatchObject([{ duration: 10 * MINUTE }]);
  });

  test('a block by hand counts: what was met under it was not observed', () => {
    const watch = [rule({ action: 'observe', limit: 1, period: '10m' })];
    const service = new Service(watch);
    expect(service.feed(refusal(0))).toHaveLength(1);
    const key = { type: 'user', id: 'alice@example.net' } as const;
    const times = { start: START + HOUR, end: START + 2 * HOUR };
    service.store.blocks.start({ key, cause: 'manual', ...times });
    service.restart(watch);
    const under = refusal(2 * HOUR - MINUTE);
    expect(service.feed(under)).toEqual([]);
    service.restart(watch);
    service.expire(times.end);
    expect(service.feed(refusal(2 * HOUR + MINUTE))).toMatchObject([{ count: 2 }]);
  });

  test('a block still holds, and one that was released does not', () => {
    const service = new Service([rule()]);
    expect(feedAll(service, refusals(0, 5))).toHaveLength(1);
    service.restart([rule()]);
    expect(feedAll(service, refusals(5 * MINUTE, 5))).toEqual([]);
  });

  test('a sender that is shut out at a gateway still is, and there only', () => {
    const fields = { 'at-least-share': '8%', limit: 5 };
    const service = new Service([rule(fields)]);
    const submitter = { type: 'client', id: '192.0.2.80' } as const;
    const honest = Array.from({ length: 20 }, (_, n) =>
      event(n * SECOND, {
        ...{ kind: 'delivered', direction: 'outbound', submitter, offset: ++offset },
        sender: `p${n % 5}@example.net`,
      }),
    );
    const thief = (at: number) => refusal(at, { submitter, sender: 'thief@example.net' });
    feedAll(service, honest);
    const bad = Array.from({ length: 5 }, (_, n) => thief(MINUTE + n * SECOND));
    const [verdict] = feedAll(service, bad);
    expect(verdict).toMatchObject({ key: { type: 'sender' }, at: submitter });
    const [block] = service.store.blocks.allRunning();
    expect(block).toMatchObject({
      key: { type: 'sender', id: 'thief@example.net' },
      at: submitter,
    });
    expect(service.store.verdicts.get(block?.verdict ?? 0)?.verdict).toMatchObject({
      at: submitter,
    });
    service.restart([rule(fields)]);
    for (let n = 0; n < 20; n++) expect(service.feed(thief(2 * MINUTE + n * SECOND))).toEqual([]);
  });
});

test('a block that ends by itself leaves the window as it is', () => {
  const service = new Service([rule({ for: '5m' })]);
  expect(feedAll(service, refusals(0, 7))).toMatchObject([{ line: 121, count: 3 }]);
  service.expire(START + 10 * MINUTE);
  expect(service.feed(refusal(11 * MINUTE))).toMatchObject([{ count: 8 }]);
});

test('a replay says the same', () => {
  const judge = new Judge([rule({ for: '5m' })]);
  const found = [...refusals(0, 7), refusal(11 * MINUTE)].flatMap((each) => judge.feed(each));
  expect(found).toMatchObject([{ count: 3 }, { count: 8 }]);
});

describe('somebody who was not blocked', () => {
  const SUBMITTER = refusal(START).submitter as { type: 'user'; id: string };
  const allowed = makeAllowList({ users: [SUBMITTER.id] });
  test.each<[string, Partial<BlockPolicy>, string]>([
    ['because of an exception', { allow: allowed }, 'allowed'],
    ['in observe mode', { mode: 'observe' }, 'mode-observe'],
    ['because no file could hold the login', { findInexpressible: () => 'too odd' }, 'unblockable'],
  ])('%s is judged again at the next event when that is over', (_why, policy, outcome) => {
    const rules = [rule()];
    const service = new Service(rules);
    service.restart(rules, { ...POLICY, ...policy });
    const outcomes = () => service.store.verdicts.between(0, Date.now() * 2).map((v) => v.outcome);
    feedAll(service, refusals(START, 4));
    expect(outcomes()).toEqual([outcome]);
    // As long as the reason is the same, not before an hour is over.
    service.restart(rules);
    feedAll(service, refusals(START + 5 * MINUTE, 2));
    expect(outcomes()).toEqual([outcome]);
    service.restart(rules, POLICY);
    feedAll(service, refusals(START + 10 * MINUTE, 2));
    expect(outcomes()).toEqual([outcome, 'blocked']);
  });

  test('because of the cap is not judged again by a restart', () => {
    const rules = [rule()];
    const service = new Service(rules);
    service.restart(rules, { ...POLICY, blocksPerHour: 0 });
    feedAll(service, refusals(START, 4));
    service.restart(rules, POLICY);
    feedAll(service, refusals(START + 10 * MINUTE, 2));
    expect(service.store.verdicts.between(0, Date.now() * 2).map((v) => v.outcome)).toEqual([
      'capped',
    ]);
  });
});
