import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import type { JudgeOptions } from '../../src/judge/options.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { event, invalid, login, START } from './event.ts';

const ALICE = { type: 'user', id: 'alice@example.net' } as const;

/** A short rule: 3 invalid recipients in 60 s block a submitter, unless the fields say otherwise. */
function rule(fields: Record<string, unknown> = {}): Rule {
  const all = {
    name: 'test',
    description: 'A rule under test.',
    count: 'invalid',
    per: 'submitter',
    ...('limits' in fields ? {} : { limit: 3, period: '60s' }),
    action: 'block',
    ...fields,
  };
  return parseRule(JSON.stringify(all), 'test.yaml');
}

/** The lines (seconds after START, plus one) on which verdicts fall. */
function verdictLines(
  rules: readonly Rule[],
  events: readonly MailEvent[],
  options?: JudgeOptions,
) {
  const judge = new Judge(rules, options);
  return events.flatMap((each) => judge.feed(each).map((verdict) => verdict.line));
}

function repeat(times: number, make: (index: number) => MailEvent): MailEvent[] {
  return Array.from({ length: times }, (_, index) => make(index));
}

test('a verdict carries the line with which the limit is met', () => {
  const judge = new Judge([rule({ for: '2h' })]);
  judge.feed(invalid(0, 'a@example.org'));
  judge.feed(invalid(SECOND, 'b@example.org'));
  const verdicts = judge.feed(invalid(2 * SECOND, 'c@example.org', { line: 77, offset: 1234 }));
  expect(verdicts).toEqual([
    {
      rule: 'test',
      action: 'block',
      key: ALICE,
      time: START + 2 * SECOND,
      source: 'mail.log',
      line: 77,
      offset: 1234,
      count: 3,
      limit: 3,
      period: MINUTE,
      duration: 2 * HOUR,
    },
  ]);
});

test('without a verdict, the same empty list is always returned', () => {
  const judge = new Judge([rule()]);
  expect(judge.feed(event(0, { kind: 'delivered' }))).toBe(judge.feed(invalid(0, 'a@example.org')));
});

interface Case {
  readonly what: string;
  readonly rule: Record<string, unknown>;
  readonly events: readonly MailEvent[];
  /** lines of the verdicts */
  readonly lines: readonly number[];
}

const rcpt = (index: number) => `r${index}@example.org`;

const COUNT_CASES: readonly Case[] = [
  {
    what: 'three within the period',
    rule: {},
    events: repeat(5, (i) => invalid(i * 10 * SECOND, rcpt(i))),
    lines: [21],
  },
  {
    what: 'never three within the period',
    rule: {},
    events: repeat(9, (i) => invalid(i * 30 * SECOND, rcpt(i))),
    lines: [],
  },
  {
    what: 'invalid domains are invalid too, and so are deferrals and rejections',
    rule: {},
    events: [
      invalid(0, 'a@example.org', { reason: 'invalid-domain', kind: 'rejected' }),
      invalid(1000, 'b@example.org', { kind: 'deferred' }),
      invalid(2000, 'c@example.org', { kind: 'expired' }),
    ],
    lines: [3],
  },
  {
    what: 'other reasons are not',
    rule: {},
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i), { reason: 'mailbox-full' })),
    lines: [],
  },
  {
    what: 'a recipient counts once',
    rule: {},
    events: repeat(9, (i) => invalid(i * 1000, 'a@example.org', { repeated: i > 0 })),
    lines: [],
  },
  {
    what: 'a kind counts every event, repeated or not',
    rule: { count: 'bounced' },
    events: repeat(3, (i) => invalid(i * 1000, 'a@example.org', { repeated: i > 0 })),
    lines: [3],
  },
  {
    what: 'one reason',
    rule: { count: 'mailbox-full' },
    events: repeat(3, (i) => invalid(i * 1000, rcpt(i), { reason: 'mailbox-full' })),
    lines: [3],
  },
  {
    what: 'distinct recipients: domains in any case are one, local parts are not',
    rule: { distinct: 'recipient' },
    events: [
      invalid(0, 'a@example.org'),
      invalid(1000, 'a@EXAMPLE.org'),
      invalid(2000, 'A@example.org'),
      invalid(3000, 'b@example.org'),
    ],
    lines: [4],
  },
  {
    what: 'distinct recipients: the address before alias expansion is what the sender used',
    rule: { distinct: 'recipient' },
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i), { originalRecipient: 'team@example.org' })),
    lines: [],
  },
  {
    what: 'distinct recipients: an event without one does not count',
    rule: { distinct: 'recipient' },
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i), { recipient: undefined })),
    lines: [],
  },
  {
    what: 'recipients are added up',
    rule: { count: 'recipients', limit: 10 },
    events: repeat(4, (i) => login(i * 1000, '192.0.2.1', { newRecipients: 4 })),
    lines: [3],
  },
  {
    what: 'logins: accepted mail of users only',
    rule: { count: 'logins', per: 'client' },
    events: [
      ...repeat(4, (i) => event(i * 1000, { kind: 'accepted', client: { address: '192.0.2.1' } })),
      ...repeat(3, (i) => login((i + 4) * 1000, '192.0.2.1')),
    ],
    lines: [7],
  },
  {
    what: 'logins from different networks, with a least number of them',
    rule: { count: 'logins', per: 'user', distinct: 'client-net', limit: 2, 'at-least': 4 },
    events: [
      login(0, '192.0.2.1'),
      login(1000, '192.0.2.99'),
      login(2000, '198.51.100.1'),
      login(3000, '192.0.2.1'),
    ],
    lines: [4],
  },
  {
    what: 'IPv6 addresses of one /64 are one network',
    rule: { count: 'logins', per: 'user', distinct: 'client-net', limit: 2 },
    events: [
      login(0, '2001:db8::1'),
      login(1000, '2001:db8:0:0:ffff::2'),
      login(2000, '2001:db8:0:1::1'),
    ],
    lines: [3],
  },
  {
    what: 'an address in two spellings is one client',
    rule: { count: 'auth-failed', per: 'client' },
    events: ['2001:DB8::1', '2001:db8:0::1', '2001:db8::1'].map((address, i) =>
      event(i * 1000, { kind: 'auth-failed', client: { address } }),
    ),
    lines: [3],
  },
  {
    what: 'clients that the MTA does not know are nobody',
    rule: { count: 'auth-failed', per: 'client' },
    events: repeat(9, (i) =>
      event(i * 1000, { kind: 'auth-failed', client: { address: 'unknown' } }),
    ),
    lines: [],
  },
  {
    what: 'users in any case are one',
    rule: {},
    events: ['Alice@example.net', 'alice@EXAMPLE.net', 'alice@example.net'].map((id, i) =>
      invalid(i * 1000, rcpt(i), { submitter: { type: 'user', id } }),
    ),
    lines: [3],
  },
  {
    what: 'a user and a client of the same name are two submitters',
    rule: {},
    events: repeat(4, (i) =>
      invalid(i * 1000, rcpt(i), {
        submitter: { type: i % 2 === 0 ? 'user' : 'client', id: '192.0.2.1' },
      }),
    ),
    lines: [],
  },
  {
    what: 'the null sender is nobody',
    rule: { per: 'sender' },
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i), { sender: '' })),
    lines: [],
  },
  {
    what: 'DSNs are counted for the server',
    rule: { count: 'dsn-sent', per: 'host', action: 'observe' },
    events: repeat(3, (i) => event(i * 1000, { kind: 'dsn-sent', host: 'mx1' })),
    lines: [3],
  },
  {
    what: 'direction',
    rule: { direction: 'outbound' },
    events: [
      ...repeat(4, (i) => invalid(i * 1000, rcpt(i), { direction: 'inbound' })),
      ...repeat(4, (i) => invalid((4 + i) * 1000, rcpt(i), { direction: undefined })),
      ...repeat(4, (i) => invalid((8 + i) * 1000, rcpt(i))),
    ],
    lines: [11],
  },
  {
    what: 'a share of all recipients, with a least number',
    rule: { 'ratio-of': 'recipients', limit: '25%', 'at-least': 3 },
    events: [
      login(0, '192.0.2.1', { newRecipients: 13 }),
      ...repeat(5, (i) => invalid((i + 1) * 1000, rcpt(i))), // the fourth makes 4 of 13
    ],
    lines: [5],
  },
  {
    what: 'a share: refused recipients bring themselves into the whole',
    rule: { 'ratio-of': 'recipients', limit: '50%', 'at-least': 2 },
    events: [
      login(0, '192.0.2.1', { newRecipients: 2 }),
      ...repeat(3, (i) => invalid((i + 1) * 1000, rcpt(i), { newRecipients: 1, kind: 'rejected' })),
    ],
    lines: [3],
  },
  {
    what: 'a share: no verdict falls on an acceptance, though the share rises by what has left the window',
    rule: { 'ratio-of': 'recipients', limit: '50%', 'at-least': 2 },
    events: [
      login(0, '192.0.2.1', { newRecipients: 10 }),
      invalid(50 * SECOND, rcpt(0)),
      invalid(51 * SECOND, rcpt(1)),
      login(61 * SECOND, '192.0.2.1'),
      invalid(62 * SECOND, rcpt(2)),
    ],
    lines: [63],
  },
  {
    what: 'two limits: the burst',
    rule: {
      limits: [
        { limit: 3, period: '60s' },
        { limit: 5, period: '1d' },
      ],
    },
    events: repeat(3, (i) => invalid(i * 1000, rcpt(i))),
    lines: [3],
  },
  {
    what: 'two limits: the day, and one verdict for one block',
    rule: {
      limits: [
        { limit: 3, period: '60s' },
        { limit: 5, period: '1d' },
      ],
    },
    events: repeat(9, (i) => invalid(i * 100 * SECOND, rcpt(i))),
    lines: [401],
  },
  {
    what: 'what turns out late counts where it belongs',
    rule: {},
    events: [
      invalid(600 * SECOND, rcpt(0)),
      invalid(0, rcpt(1), { amends: true }),
      invalid(570 * SECOND, rcpt(2), { amends: true }),
      invalid(571 * SECOND, rcpt(3), { amends: true }),
    ],
    lines: [572],
  },
  {
    what: 'who needs no submitter has seen an amended event before',
    rule: { per: 'sender' },
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i), { amends: true })),
    lines: [],
  },
  {
    what: 'a disabled rule',
    rule: { enabled: false },
    events: repeat(5, (i) => invalid(i * 1000, rcpt(i))),
    lines: [],
  },
  {
    what: 'no key longer than any address',
    rule: { per: 'sender' },
    events: repeat(5, (i) =>
      invalid(i * 1000, rcpt(i), { sender: `${'x'.repeat(400)}@example.net` }),
    ),
    lines: [],
  },
  {
    what: 'over-long recipients are told apart all the same',
    rule: { distinct: 'recipient' },
    events: repeat(3, (i) => invalid(i * 1000, `${'x'.repeat(400)}${i}@example.org`)),
    lines: [3],
  },
];

describe('what counts', () => {
  test.each(COUNT_CASES)('$what', ({ rule: fields, events, lines }) => {
    expect(verdictLines([rule(fields)], events)).toEqual(lines);
  });
});

const EXCEPT_CASES: readonly (readonly [Record<string, string[]>, Partial<MailEvent>, boolean])[] =
  [
    [{ users: ['Alice@Example.net'] }, {}, true],
    [{ users: ['bob@example.net'] }, {}, false],
    [{ domains: ['example.net'] }, {}, true],
    [
      { domains: ['example.net'] },
      { submitter: { type: 'uid', id: '33' }, sender: 'a@sub.example.net' },
      true,
    ],
    [{ domains: ['ample.net'] }, {}, false],
    [{ addresses: ['news@example.com'] }, { sender: 'News@example.com' }, true],
    [{ addresses: ['news@example.com'] }, {}, false],
    [{ networks: ['192.0.2.0/24'] }, { client: { address: '192.0.2.7' } }, true],
    [{ networks: ['192.0.2.0/24'] }, { client: { address: '198.51.100.7' } }, false],
    [{ networks: ['2001:db8::/32'] }, { submitter: { type: 'client', id: '2001:db8::5' } }, true],
  ];

describe('exceptions', () => {
  test.each(EXCEPT_CASES)('%j %j', (except, parts, excepted) => {
    const events = repeat(3, (i) => invalid(i * 1000, rcpt(i), parts));
    expect(verdictLines([rule({ except })], events)).toEqual(excepted ? [] : [3]);
  });

  test('allowed keys never get a verdict and never come near a limit', () => {
    const judge = new Judge([rule()], { allowed: ({ id }) => id === ALICE.id });
    for (let i = 0; i < 9; i++) expect(judge.feed(invalid(i * 1000, rcpt(i)))).toEqual([]);
    expect(judge.nearest()).toEqual([]);
  });
});

describe('blocks', () => {
  const many = repeat(40, (i) => invalid(i * 10 * SECOND, rcpt(i)));

  test('after a block has ended by event time, the next verdict follows', () => {
    expect(verdictLines([rule({ for: '100s' })], many)).toEqual([21, 121, 221, 321]);
  });

  test('each block of a repeat offender is longer', () => {
    const escalating = rule({ for: '20s', escalation: ['100s', 'until-released'] });
    const judge = new Judge([escalating]);
    const verdicts = many.flatMap((each) => judge.feed(each));
    expect(verdicts.map(({ line, duration }) => [line, duration])).toEqual([
      [21, 20 * SECOND],
      [41, 100 * SECOND],
      [141, undefined],
    ]);
  });

  test('earlier offences are given, and forgotten after a month', () => {
    const escalating = rule({ for: '1h', escalation: ['1d'] });
    for (const [age, duration] of [
      [10 * DAY, DAY],
      [40 * DAY, HOUR],
    ] as const) {
      const offence = { rule: 'test', key: ALICE, count: 1, last: START - age };
      const judge = new Judge([escalating], { offences: [offence] });
      expect(many.flatMap((each) => judge.feed(each))[0]?.duration).toBe(duration);
    }
  });

  test('one block is enough: no other rule gives a verdict, not even one that observes', () => {
    const rules = [
      rule(),
      rule({ name: 'other', limit: 4 }),
      rule({ name: 'watch', limit: 5, action: 'observe' }),
    ];
    expect(verdictLines(rules, many)).toEqual([21]);
  });

  test('a key that is already blocked gives no verdict until the block ends', () => {
    const until = START + 100 * SECOND;
    expect(verdictLines([rule()], many, { active: [{ key: ALICE }] })).toEqual([]);
    expect(verdictLines([rule()], many, { active: [{ key: ALICE, until }] })).toEqual([101]);
    const judge = new Judge([rule()]);
    judge.hold({ type: 'user', id: 'ALICE@example.net' });
    expect(many.flatMap((each) => judge.feed(each))).toEqual([]);
  });

  test('after a release only what comes later counts', () => {
    const judge = new Judge([rule()]);
    const lines = (events: readonly MailEvent[]) =>
      events.flatMap((each) => judge.feed(each).map(({ line }) => line));
    expect(lines(many.slice(0, 5))).toEqual([21]);
    judge.release(ALICE, START + 55 * SECOND);
    // Read after the release, but written before it.
    expect(lines([invalid(54 * SECOND, 'late@example.org')])).toEqual([]);
    expect(lines(many.slice(6))).toEqual([81]);
  });
});

test('the release of a network counts for all its clients: nothing from before counts again', () => {
  const judge = new Judge([rule({ per: 'client' })]);
  const lines = (address: string, from: number, count: number) =>
    Array.from({ length: count }, (_, i) => from + i * SECOND).flatMap((time) =>
      judge
        .feed(invalid(time, `r${time}@example.org`, { submitter: { type: 'client', id: address } }))
        .map(({ key }) => key.id),
    );
  expect(lines('2001:db8::7', 0, 3)).toEqual(['2001:db8::7']);
  expect(lines('2001:db8::8', 10 * SECOND, 2)).toEqual([]);
  expect(lines('2001:db8:0:1::8', 10 * SECOND, 2)).toEqual([]);
  judge.release({ type: 'client', id: '2001:db8::/64' }, START + 20 * SECOND);
  expect(lines('2001:db8::8', 21 * SECOND, 1)).toEqual([]);
  expect(lines('2001:db8:0:1::8', 21 * SECOND, 1)).toEqual(['2001:db8:0:1::8']);
  expect(lines('2001:db8::7', 22 * SECOND, 3)).toEqual(['2001:db8::7']);
});

describe('observe', () => {
  const watch = rule({ action: 'observe' });
  const CASES: readonly (readonly [what: string, seconds: number[], lines: number[]])[] = [
    ['one verdict while the limit stays met', [0, 10, 20, 30, 40, 50, 60, 70, 80, 90], [21]],
    ['another after the window fell below the limit', [0, 10, 20, 90, 100, 110], [21, 111]],
    ['another after it fell below for a moment', [0, 10, 20, 75, 76], [21, 77]],
    ['another after a silence', [0, 10, 20, 200, 201, 202], [21, 203]],
  ];
  test.each(CASES)('%s', (_, seconds, lines) => {
    expect(
      verdictLines(
        [watch],
        seconds.map((s, i) => invalid(s * 1000, rcpt(i))),
      ),
    ).toEqual(lines);
  });

  test('a limit of one: again when a period has passed since it was met', () => {
    const events = [0, 30, 80, 139, 199].map((s, i) => invalid(s * 1000, rcpt(i)));
    expect(verdictLines([rule({ action: 'observe', limit: 1 })], events)).toEqual([1, 200]);
  });
});

describe('freshness', () => {
  const feed = (judge: Judge, from: number, lag: number): readonly Verdict[] =>
    repeat(6, (i) => invalid(from + i * 1000, rcpt(i))).flatMap((each) => [
      ...judge.feed(each, each.time + lag),
    ]);

  test('an old verdict is stale, is given once, and blocks nobody; a fresh one follows', () => {
    const judge = new Judge([rule({ fresh: '10m' })]);
    expect(feed(judge, 0, HOUR).map(({ line, stale }) => [line, stale])).toEqual([[3, true]]);
    expect(feed(judge, 20_000, HOUR)).toEqual([]);
    expect(feed(judge, 40_000, SECOND).map(({ line, stale }) => [line, stale])).toEqual([
      [41, undefined],
    ]);
    expect(feed(judge, 60_000, SECOND)).toEqual([]);
  });

  test('the bound itself is fresh', () => {
    const judge = new Judge([rule({ fresh: '10m' })]);
    expect(feed(judge, 0, 10 * MINUTE).map(({ stale }) => stale)).toEqual([undefined]);
  });

  test('the same for rules that observe', () => {
    const judge = new Judge([rule({ action: 'observe' })]);
    expect(feed(judge, 0, DAY).map(({ stale }) => stale)).toEqual([true]);
    expect(feed(judge, 10_000, SECOND).map(({ line, stale }) => [line, stale])).toEqual([
      [11, undefined],
    ]);
  });

  test('windows are rebuilt by feeding stored events as stale', () => {
    const judge = new Judge([rule()]);
    judge.feed(invalid(0, rcpt(0)), Number.POSITIVE_INFINITY);
    judge.feed(invalid(1000, rcpt(1)), Number.POSITIVE_INFINITY);
    expect(judge.feed(invalid(2000, rcpt(2)), START + 2000)).toHaveLength(1);
  });
});

test('deliveries that wait for the next refusal count once, and so does a refusal that resolves the last open one', () => {
  const judge = new Judge([rule({ limit: 4, 'at-least-share': '50%', period: '1h' })]);
  const feed = (at: number, kind: 'bounced' | 'deferred' | 'delivered', nth: number) => {
    const reasons = { bounced: 'invalid-recipient', deferred: 'rate-limited' } as const;
    const reason = kind === 'delivered' ? undefined : reasons[kind];
    const mail = { kind, reason, queueId: `Q${nth}`, relay: { host: 'mx.example.org' } };
    return judge.feed(invalid(at * SECOND, rcpt(nth), mail)).map(({ count }) => count);
  };
  feed(0, 'bounced', 0);
  feed(1, 'deferred', 1);
  feed(2, 'delivered', 2);
  feed(3, 'bounced', 1);
  feed(4, 'delivered', 3);
  feed(6, 'delivered', 4);
  // One comes late.
  feed(5, 'delivered', 5);
  expect(feed(7, 'bounced', 6)).toEqual([]);
  feed(8, 'delivered', 7);
  // 4 of 9 are less than half, 5 of 10 are not.
  expect(feed(9, 'bounced', 8)).toEqual([]);
  expect(feed(10, 'bounced', 9)).toEqual([5]);
});

test('nearest: by rule, the nearest first, without those that had a verdict', () => {
  const judge = new Judge([
    rule({ limit: 5 }),
    rule({ name: 'b', count: 'recipients', action: 'observe', limit: 9 }),
  ]);
  const user = (id: string) => ({ submitter: { type: 'user', id } as const });
  for (let i = 0; i < 5; i++) judge.feed(invalid(i * 1000, rcpt(i), user('had-it')));
  for (let i = 0; i < 4; i++) judge.feed(invalid(i * 1000, rcpt(i), user('four')));
  judge.feed(invalid(0, rcpt(0), user('one')));
  judge.feed(login(0, '192.0.2.1', { newRecipients: 7 }));
  expect(judge.nearest()).toEqual([
    { rule: 'test', key: { type: 'user', id: 'four' }, highest: 4, limit: 5, time: START + 3000 },
    { rule: 'test', key: { type: 'user', id: 'one' }, highest: 1, limit: 5, time: START },
    { rule: 'b', key: ALICE, highest: 7, limit: 9, time: START },
  ]);
});

test('nearest: ten for each rule, even those that were dropped long ago', () => {
  const judge = new Judge([rule({ limit: 100 })], { bounds: { keys: 50, few: 50, entries: 1000 } });
  for (let i = 0; i < 40; i++) judge.feed(invalid(i * 10, rcpt(i)));
  for (let i = 0; i < 5000; i++) {
    judge.feed(invalid(HOUR + i * 1000, rcpt(0), { submitter: { type: 'user', id: `u${i}` } }));
  }
  const nearest = judge.nearest();
  expect(nearest).toHaveLength(10);
  expect(nearest[0]).toMatchObject({ key: ALICE, highest: 40 });
});

test('nearest: of strangers with few events, those count that the rule uses', () => {
  const judge = new Judge([
    rule({ name: 'a', count: 'auth-failed', per: 'client', action: 'observe', limit: 20 }),
    rule({ name: 'b', count: 'messages', per: 'client', action: 'observe', limit: 20 }),
    rule({ name: 'c', count: 'complaint', per: 'client', action: 'observe', limit: 20 }),
  ]);
  const feed = (at: number, nth: number, kind: MailEvent['kind']) =>
    judge.feed(event(at * SECOND, { kind, client: { address: `192.0.2.${nth}` } }));
  for (let nth = 0; nth < 12; nth++) feed(nth, nth, 'auth-failed');
  // The last one of each key is not one of rule a.
  for (let nth = 11; nth >= 0; nth--) feed(30 - nth, nth, 'accepted');
  const found = judge.nearest().map(({ rule, key, time }) => [rule, key.id, time - START]);
  const first = repeat(10, (nth) => event(nth * SECOND)).map(({ time }) => time - START);
  expect(found).toEqual([
    ...first.map((at) => ['a', `192.0.2.${at / SECOND}`, at]),
    ...first.map((at) => ['b', `192.0.2.${11 - at / SECOND}`, at + 19 * SECOND]),
  ]);
});

/** The definition of a blocking rule over all events so far, and nothing else. */
function naiveVerdicts(
  limit: number,
  period: number,
  duration: number,
  steps: readonly Step[],
): number[] {
  const lines: number[] = [];
  const times = new Map<string, number[]>();
  const until = new Map<string, number>();
  for (const [line, { time, user, release }] of steps.entries()) {
    if (release) {
      times.delete(user);
      until.delete(user);
      continue;
    }
    const all = [...(times.get(user) ?? []), time];
    times.set(user, all);
    const inside = all.filter((other) => other > time - period && other <= time).length;
    if (inside < limit || time < (until.get(user) ?? 0)) continue;
    lines.push(line);
    until.set(user, time + duration);
  }
  return lines;
}
interface Step {
  readonly time: number;
  readonly user: string;
  readonly release: boolean;
}

test('verdicts agree with the definition for any events and releases', () => {
  const gaps = fc.integer({ min: 1, max: 40 });
  const steps = fc.array(
    fc.tuple(gaps, fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 15 })),
    { maxLength: 150 },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      gaps,
      gaps,
      steps,
      (limit, period, duration, raw) => {
        let time = START;
        const all = raw.map(([gap, user, dice]): Step => {
          time += gap * 1000;
          return { time, user, release: dice === 0 };
        });
        const judge = new Judge([rule({ limit, period: `${period}s`, for: `${duration}s` })]);
        const lines = all.flatMap(({ time, user, release }, line) => {
          const key = { type: 'user', id: user } as const;
          if (release) judge.release(key, time);
          if (release) return [];
          return judge
            .feed(invalid(time - START, 'x@example.org', { submitter: key, line }))
            .map((v) => v.line);
        });
        expect(lines).toEqual(naiveVerdicts(limit, period * 1000, duration * 1000, all));
      },
    ),
  );
});

test('no event makes it throw, whatever it holds', () => {
  const judge = new Judge([
    rule({ distinct: 'recipient' }),
    rule({
      name: 'b',
      per: 'client',
      except: { domains: ['example.org'], networks: ['192.0.2.0/24'] },
    }),
    rule({ name: 'c', per: 'client-net', action: 'observe' }),
    rule({
      name: 'd',
      per: 'sender-domain',
      action: 'observe',
      'ratio-of': 'recipients',
      limit: '10%',
    }),
  ]);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', '', '@', 'a@', '::', '1.2'),
  );
  fc.assert(
    fc.property(text, text, text, fc.integer(), (id, address, recipient, time) => {
      judge.feed(
        invalid(time, recipient, {
          submitter: { type: 'client', id },
          client: { address },
          sender: id,
        }),
      );
    }),
  );
});

test('a clock that is set back is noticed by the second event of a key', () => {
  const judge = new Judge([rule({ limit: 3 })]);
  const lines = [7_200_000, 0, 0, 0].map((at, nth) =>
    judge.feed(invalid(at, `r${nth}@example.org`)),
  );
  expect(lines.map((verdicts) => verdicts.length)).toEqual([0, 0, 0, 1]);
});
