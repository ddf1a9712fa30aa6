/** Rules with `usual`: against brute force, cases, and the same result after restarts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../../src/base/time.ts';
import { saveUsual } from '../../../src/daemon/usual.ts';
import { Judge } from '../../../src/judge/judge.ts';
import { parseRule, type Rule } from '../../../src/judge/rule.ts';
import { UsualRules } from '../../../src/judge/usual/usual-rules.ts';
import type { Verdict } from '../../../src/model/block.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { describePast, type Past } from '../../../src/model/usual.ts';
import { Store } from '../../../src/store/store.ts';
import { rebuildAtOnce } from '../../support/rebuilt-judge.ts';
import { login } from '../event.ts';
import { type Found, findByBruteForce, type SimpleUsual } from './brute-force.ts';

const RUNS = process.env.POSTERN_TORTURE === 'long' ? 5000 : 300;

function realRule(
  { limits, times, asleep, history, ...rest }: SimpleUsual,
  action = 'observe',
): Rule {
  const days = (ms: number) => `${ms / DAY}d`;
  const usual = {
    ...{ times, new: rest.new, history: days(history) },
    asleep: asleep === undefined ? undefined : days(asleep),
  };
  const written = limits.map(({ limit, period }) => ({ limit, period: `${period / HOUR}h` }));
  return parseRule(
    JSON.stringify({
      name: 'usual',
      count: 'recipients',
      per: 'user',
      limits: written,
      usual,
      action,
    }),
    'usual.yaml',
  );
}

/** Mail of a user to so many recipients, `at` ms after 2026-11-10T09:00Z. */
function mail(at: number, user: string, recipients: number, address = '192.0.2.1'): MailEvent {
  return login(at, address, { submitter: { type: 'user', id: user }, newRecipients: recipients });
}

const shorten = ({ line, key, count, limit }: Verdict): Found => ({
  line,
  id: key.id,
  count,
  limit,
});

function judgeAll(rule: Rule, events: readonly MailEvent[]): Verdict[] {
  const judge = new Judge([rule]);
  return events.flatMap((event) => [...judge.feed(event)]);
}

const anyRule: fc.Arbitrary<SimpleUsual> = fc
  .record({
    limits: fc.subarray(
      [
        { limit: 4, period: HOUR },
        { limit: 9, period: DAY },
      ],
      { minLength: 1 },
    ),
    measure: fc.constantFrom<Pick<SimpleUsual, 'times' | 'new' | 'asleep'>>(
      { times: 1 },
      { times: 2.5 },
      { times: 1.5, new: 'client-wide-net' },
      { times: 2, asleep: 2 * DAY },
      { times: 50, asleep: 10 * DAY },
    ),
    history: fc.constantFrom(DAY, 3 * DAY),
  })
  .map(({ measure, ...rule }) => ({ ...rule, ...measure }));

/** Mostly minutes and hours apart, sometimes days or weeks. */
const gap = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 90 * MINUTE }) },
  { weight: 3, arbitrary: fc.integer({ min: HOUR, max: 30 * HOUR }) },
  { weight: 1, arbitrary: fc.integer({ min: DAY, max: 40 * DAY }) },
);

const anyMails = fc
  .array(
    fc.tuple(
      gap,
      fc.constantFrom('a', 'b', 'c'),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom('192.0.2.1', '198.51.100.1', '203.0.113.1', '192.88.99.1'),
    ),
    { minLength: 5, maxLength: 80 },
  )
  .map((parts) => {
    let at = 0;
    return parts.map(([gap, user, recipients, address], index) => {
      at += gap;
      return { ...mail(at, user, recipients, address), line: index + 1 };
    });
  });

describe('rules with usual', () => {
  test('find what brute force finds', () => {
    let verdicts = 0;
    fc.assert(
      fc.property(anyRule, anyMails, (rule, events) => {
        const found = judgeAll(realRule(rule), events).map(shorten);
        verdicts += found.length;
        expect(found).toEqual(findByBruteForce(rule, events));
      }),
      { numRuns: RUNS },
    );
    expect(verdicts).toBeGreaterThan(RUNS / 10);
  });

  test('find the same after restarts, wherever the state was stored', () => {
    const step = fc.constantFrom('', '', '', 'store', 'restart');
    fc.assert(
      fc.property(anyRule, anyMails, fc.array(step, { maxLength: 80 }), (simple, events, steps) => {
        const rule = realRule(simple);
        const store = new Store(':memory:');
        let judge = new Judge([rule]);
        const found = events.flatMap((event, index) => {
          const verdicts = judge.feed(event);
          store.commit(() => {
            store.events.insert([event]);
            for (const verdict of verdicts) store.verdicts.insert(verdict, 'observed', index);
            if (steps[index] === 'store') saveUsual(store, judge.usual);
          });
          if (steps[index] === 'store') judge.usual.saved(event.time);
          if (steps[index] === 'restart') judge = rebuildAtOnce(store, [rule], event.time);
          return [...verdicts];
        });
        store.close();
        expect(found).toEqual(judgeAll(rule, events));
      }),
      { numRuns: RUNS / 6 },
    );
  });

  test('go on counting when the clock is set back, and never find more than in the right order', () => {
    fc.assert(
      fc.property(anyMails, fc.integer({ min: 5, max: 79 }), (events, at) => {
        const set = events.map((event, index) =>
          index < at ? event : { ...event, time: event.time - HOUR },
        );
        const usual = new UsualRules([
          realRule({ limits: [{ limit: 1, period: HOUR }], times: 1, history: DAY }),
        ]);
        for (const event of set) {
          for (const { count, id } of usual.feed(event)) {
            const block = Math.floor(event.time / HOUR);
            const same = set.filter(
              ({ time, submitter }) => submitter?.id === id && Math.floor(time / HOUR) === block,
            );
            expect(count).toBeLessThanOrEqual(
              same.reduce((sum, one) => sum + (one.newRecipients ?? 0), 0),
            );
          }
        }
      }),
      { numRuns: RUNS / 3 },
    );
  });
});

const VOLUME = realRule({
  limits: [
    { limit: 100, period: HOUR },
    { limit: 300, period: DAY },
  ],
  times: 5,
  history: 7 * DAY,
});

/** Ten mails a day, for so many days, each to one recipient. */
function everyday(days: number, user = 'a'): MailEvent[] {
  return Array.from({ length: days * 10 }, (_, n) =>
    mail(Math.floor(n / 10) * DAY + (n % 10) * 10 * MINUTE, user, 1),
  );
}

const CASES: readonly {
  readonly name: string;
  readonly events: readonly MailEvent[];
  readonly found: readonly (readonly [count: number, limit: number])[];
}[] = [
  {
    name: 'ten mails a day for two weeks, then a hundred in an hour: the floor is 100',
    events: [...everyday(14), mail(14 * DAY, 'a', 60), mail(14 * DAY + MINUTE, 'a', 40)],
    found: [[100, 100]],
  },
  {
    name: 'one recipient less than the floor',
    events: [...everyday(14), mail(14 * DAY, 'a', 99)],
    found: [],
  },
  {
    name: 'a new key, which has no week of history',
    events: [...everyday(6), mail(6 * DAY, 'a', 2000)],
    found: [],
  },
  {
    name: 'Mondays with 400 recipients, the last one with 1900: not five times as many',
    events: [0, 7, 14, 21, 28].flatMap((day) => [mail(day * DAY, 'a', day === 28 ? 1900 : 400)]),
    found: [],
  },
  {
    name: 'Mondays with 400 recipients, the last one with 2500',
    events: [0, 7, 14, 21, 28].flatMap((day) => [mail(day * DAY, 'a', day === 28 ? 2500 : 400)]),
    found: [[2500, 2000]],
  },
  {
    name: 'a mailing on the first Monday of the month, five weeks after the last one',
    events: [mail(0, 'a', 1000), mail(35 * DAY, 'a', 1500)],
    found: [],
  },
  {
    name: 'a mailing once in a quarter: no past to compare with',
    events: [mail(0, 'a', 1000), mail(90 * DAY, 'a', 1500)],
    found: [],
  },
  {
    name: 'the same excess on one day is one verdict for each limit, and usual on the next',
    events: [
      ...everyday(14),
      ...[0, 1, 2, 3, 4].map((hour) => mail(14 * DAY + hour * HOUR, 'a', 120)),
      mail(15 * DAY, 'a', 400),
    ],
    found: [
      [120, 100],
      [360, 300],
    ],
  },
];

describe('the volume of a key beside its own past', () => {
  for (const { name, events, found } of CASES) {
    test(name, () => {
      const verdicts = judgeAll(VOLUME, events).map(({ count, limit }) => [count, limit]);
      expect(verdicts).toEqual(found);
    });
  }

  test('is the same in every time zone, as the past was', () => {
    for (const zone of [-11, -5.5, 5.75, 13]) {
      const events = [...everyday(14), mail(14 * DAY, 'a', 100)].map((event) => ({
        ...event,
        time: event.time + zone * HOUR,
      }));
      expect(judgeAll(VOLUME, events)).toHaveLength(1);
    }
  });

  test('a clock that is set back by an hour goes on in the hour before', () => {
    const back = [40, 40, 40].map((count, n) => mail(14 * DAY - HOUR + n, 'a', count));
    const events = [...everyday(14), mail(14 * DAY, 'a', 50), ...back];
    expect(judgeAll(VOLUME, events).map(({ count }) => count)).toEqual([120]);
  });

  test('a mail from a later day, by a wrong clock, stops the rule for that key until then', () => {
    const events = [...everyday(14), mail(15 * DAY, 'a', 1), mail(14 * DAY, 'a', 500)];
    expect(judgeAll(VOLUME, events)).toEqual([]);
  });

  test('puts the past beside the present', () => {
    const [verdict] = judgeAll(VOLUME, [...everyday(14), mail(14 * DAY, 'a', 150)]);
    expect(describePast(verdict?.past as Past, HOUR)).toBe(
      'busiest hour of the 35 days before: 6, on 2026-11-23; known since 2026-11-10',
    );
  });

  test('beyond the most keys, those that were silent longest have no past', () => {
    const rules = new UsualRules([VOLUME], 16);
    const users = Array.from({ length: 17 }, (_, n) => `user${n}`);
    for (const [n, user] of users.entries()) rules.feed(mail(n * DAY, user, 1));
    const at = 20 * DAY;
    expect(rules.feed(mail(at, 'user0', 500))).toEqual([]);
    expect(rules.feed(mail(at, 'user5', 500))).toHaveLength(2);
  });
});

describe('a key that wakes', () => {
  const rule = realRule({
    limits: [{ limit: 100, period: HOUR }],
    times: 100,
    asleep: 21 * DAY,
    history: DAY,
  });
  const others = (days: number) =>
    Array.from({ length: days }, (_, day) => mail((day + 1) * DAY, 'other', 1));

  test('after three weeks in which others sent mail', () => {
    const [verdict] = judgeAll(rule, [mail(0, 'a', 1), ...others(21), mail(22 * DAY, 'a', 150)]);
    expect(verdict).toMatchObject({ count: 150, limit: 100, past: { asleep: { days: 21 } } });
    expect(describePast(verdict?.past as Past, HOUR)).toBe(
      'silent for 21 days after 2026-11-10; known since 2026-11-10',
    );
  });

  test('not after weeks in which the log shows no mail at all', () => {
    expect(judgeAll(rule, [mail(0, 'a', 1), mail(40 * DAY, 'a', 150)])).toEqual([]);
  });

  test('not a person back from a holiday, with some dozens of answers', () => {
    const answers = Array.from({ length: 60 }, (_, n) => mail(22 * DAY + n * MINUTE, 'a', 1));
    expect(judgeAll(rule, [mail(0, 'a', 1), ...others(21), ...answers])).toEqual([]);
  });

  test('not a key that nobody has seen before', () => {
    expect(judgeAll(rule, [...others(21), mail(22 * DAY, 'a', 150)])).toEqual([]);
  });
});

describe('networks that a key never used', () => {
  const rule = realRule({
    limits: [{ limit: 100, period: DAY }],
    times: 5,
    new: 'client-wide-net',
    history: 7 * DAY,
  });

  test('count, and others do not', () => {
    const at = 14 * DAY;
    const events = [
      ...everyday(14),
      mail(at, 'a', 500),
      mail(at + MINUTE, 'a', 99, '203.0.113.9'),
      mail(at + 2 * MINUTE, 'a', 1, '198.51.100.9'),
    ];
    const [verdict, ...more] = judgeAll(rule, events);
    expect(more).toEqual([]);
    expect(verdict).toMatchObject({ count: 100, past: { new: { known: 1 } } });
    expect(describePast(verdict?.past as Past, DAY)).toBe(
      'none in the 35 days before; only new wide networks count, 1 wide network known before; known since 2026-11-10',
    );
  });

  test('a network stays new for a week, since thieves try a password days before they use it', () => {
    const events = (days: number) => [
      ...everyday(20),
      mail(20 * DAY, 'a', 1, '203.0.113.9'),
      ...everyday(10).map((event) => ({ ...event, time: event.time + 20 * DAY })),
      mail((20 + days) * DAY, 'a', 200, '203.0.113.9'),
    ];
    const verdicts = (days: number) =>
      judgeAll(
        rule,
        events(days).sort((a, b) => a.time - b.time),
      ).length;
    expect([verdicts(6), verdicts(7)]).toEqual([1, 0]);
  });
});

describe('recipient domains that a key never used', () => {
  const rule = parseRule(
    JSON.stringify({
      ...{ name: 'usual', count: 'delivered', per: 'user', limit: 100, period: '1d' },
      ...{ usual: { times: 5, new: 'recipient-domain' }, action: 'observe' },
    }),
    'usual.yaml',
  );
  const delivered = (at: number, domain: string) =>
    ({ ...mail(at, 'a', 1), kind: 'delivered', recipient: `x@${domain}` }) as const;
  const before = Array.from({ length: 14 }, (_, day) => delivered(day * DAY, 'known.example'));
  const many = (count: number, domain: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => delivered(14 * DAY + n, domain(n)));

  test('count, and known ones do not', () => {
    expect(judgeAll(rule, [...before, ...many(500, () => 'KNOWN.example')])).toEqual([]);
    const [verdict] = judgeAll(rule, [...before, ...many(120, (n) => `d${n}.example`)]);
    expect(verdict).toMatchObject({ count: 100, past: { new: { known: 1 } } });
  });

  test('not for a key that has used more than 256 of them: nothing is new to it for 35 days', () => {
    const wide = Array.from({ length: 300 }, (_, n) => delivered(n, `w${n}.example`));
    const later = many(200, (n) => `d${n}.example`);
    expect(judgeAll(rule, [...wide, ...before, ...later])).toEqual([]);
  });
});
