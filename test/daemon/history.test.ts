/** A judge that is rebuilt from the database: what was given before holds, and nothing else. */
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { recordVerdicts } from '../../src/daemon/decisions.ts';
import { applyRelease, holdUnblocked } from '../../src/daemon/history.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import type { BlockPolicy } from '../../src/enforce/decide.ts';
import { Judge } from '../../src/judge/judge.ts';
import type { JudgeOptions } from '../../src/judge/options.ts';
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

  #policy = POLICY;

  constructor(rules: readonly Rule[], options?: JudgeOptions) {
    this.#judge = new Judge(rules, options);
  }

  restart(rules: readonly Rule[], policy = this.#policy): void {
    this.#policy = policy;
    this.#judge = rebuildAtOnce(this.store, rules, this.store.events.newestTime(), { policy });
  }

  feed(event: MailEvent): readonly Verdict[] {
    const { store } = this;
    const verdicts = this.#judge.feed(event, event.time);
    const decisions = store.commit(() => {
      store.events.insert([event]);
      return recordVerdicts({ store, policy: this.#policy }, verdicts, event.time);
    });
    for (const { verdict, outcome, block } of decisions) {
      holdUnblocked(this.#judge, verdict, outcome);
      if (block !== undefined) this.#judge.hold(block.key, block.end, block.at);
    }
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
