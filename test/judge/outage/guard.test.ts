import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/base/time.ts';
import { Judge } from '../../../src/judge/judge.ts';
import { GUARD_REACH, Guard } from '../../../src/judge/outage/guard.ts';
import { getHostGroup, nameProvider } from '../../../src/judge/outage/provider.ts';
import { parseRule, type Rule } from '../../../src/judge/rule.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { event, START } from '../event.ts';

const BIG = 'mx1.in.big.example';

/** Mail of a submitter that a host took, or refused. */
function outcome(at: number, who: string, refused: boolean, parts: Partial<MailEvent> = {}) {
  return event(at, {
    kind: refused ? 'bounced' : 'delivered',
    submitter: { type: 'user', id: who },
    direction: 'outbound',
    sender: who,
    recipient: `r${at}@big.example`,
    relay: { host: BIG, address: '198.51.100.7', port: 25 },
    ...(refused ? { reason: 'invalid-recipient' as const } : {}),
    ...parts,
  });
}

const user = (index: number) => `user${index}@example.net`;

/** Everybody delivers once every ten minutes. */
function quiet(from: number, to: number, users = 30): MailEvent[] {
  const events: MailEvent[] = [];
  for (let at = from; at < to; at += 10 * MINUTE) {
    for (let index = 0; index < users; index++) {
      events.push(outcome(at + index * SECOND, user(index), false));
    }
  }
  return events;
}

/** Users from `first` on are refused, one a second. */
function refusals(at: number, users: number, first = 0): MailEvent[] {
  return Array.from({ length: users }, (_, index) =>
    outcome(at + index * SECOND, user(first + index), true),
  );
}

function feed(guard: Guard, events: readonly MailEvent[]) {
  return events.flatMap((each) => guard.see(each) ?? []);
}

describe('providers', () => {
  test.each([
    ['alt1.aspmx.l.google.com', 'google.com'],
    ['gmail-smtp-in.l.google.com.', 'google.com'],
    ['customer-net.mail.protection.outlook.com', 'outlook.com'],
    ['MX.Example.CO.UK', 'example.co.uk'],
    ['mail.example.com.au', 'example.com.au'],
    ['mx00.t1.example.de', 'example.de'],
    ['mx.abc.de', 'abc.de'],
    ['localhost', 'localhost'],
    ['198.51.100.7', '198.51.100.0/24'],
    ['2001:db8::7', '2001:db8::/64'],
    ['', ''],
    ['...', '..'],
  ])('%s is %s', (host, provider) => expect(nameProvider(host)).toBe(provider));

  test('a machine with many names is one host', () => {
    const address = '198.51.100.7';
    expect(getHostGroup({ host: 'mx.one.test', address })).toBe(
      getHostGroup({ host: 'mx.two.test', address: '198.51.100.9' }),
    );
  });
});

describe('a provider', () => {
  test('is suspect with the eighth submitter that it refuses at once', () => {
    const guard = new Guard();
    expect(feed(guard, quiet(0, 2 * HOUR))).toEqual([]);
    expect(feed(guard, refusals(2 * HOUR, 7))).toEqual([]);
    expect(feed(guard, refusals(2 * HOUR + 7 * SECOND, 1, 7))).toMatchObject([
      { provider: 'big.example', began: START + 2 * HOUR + 7 * SECOND, refused: 8 },
    ]);
    expect(guard.suspects()).toMatchObject([{ provider: 'big.example' }]);
    expect(guard.discounts(outcome(3 * HOUR, 'x', true))).toBe(true);
    expect(guard.discounts(outcome(3 * HOUR, 'x', true, { reason: 'mailbox-full' }))).toBe(false);
    const relay = { host: 'mx.other.example' };
    expect(guard.discounts(outcome(3 * HOUR, 'x', true, { relay }))).toBe(false);
  });

  const HAMMER: readonly { what: string; events: readonly MailEvent[] }[] = [
    {
      what: 'one submitter with a thousand refusals',
      events: Array.from({ length: 1000 }, (_, index) =>
        outcome(2 * HOUR + index * SECOND, user(0), true),
      ),
    },
    {
      what: 'three with a thousand',
      events: Array.from({ length: 1000 }, (_, index) =>
        outcome(2 * HOUR + index * SECOND, user(index % 3), true),
      ),
    },
    {
      what: 'one login in many spellings',
      events: Array.from({ length: 256 }, (_, index) => {
        const letters = [...'abcdefgh'].map((letter, bit) =>
          index & (1 << bit) ? letter.toUpperCase() : letter,
        );
        return outcome(2 * HOUR + index * SECOND, letters.join(''), index > 0 && index % 2 === 0);
      }),
    },
    {
      what: 'twenty who never delivered there',
      events: refusals(2 * HOUR, 20, 1000),
    },
    {
      what: 'twelve stolen accounts with a hundred refusals a minute each, one after the other',
      events: Array.from({ length: 12 * 60 }, (_, index) =>
        outcome(2 * HOUR + index * SECOND, user(Math.floor(index / 60)), true),
      ),
    },
    {
      what: 'the same refusal again and again',
      events: refusals(2 * HOUR, 20).map((each) => ({ ...each, repeated: true })),
    },
    {
      what: 'mail of nobody',
      events: refusals(2 * HOUR, 20).map(({ submitter: _, ...each }) => each),
    },
    {
      what: 'refusals for other reasons',
      events: refusals(2 * HOUR, 20).map((each) => ({ ...each, reason: 'reputation' as const })),
    },
  ];

  test.each(HAMMER)('is not made suspect by $what', ({ events }) => {
    const guard = new Guard();
    feed(guard, quiet(0, 2 * HOUR));
    expect(feed(guard, events)).toEqual([]);
    expect(guard.suspects()).toEqual([]);
  });

  test('that always refuses many is not suspect', () => {
    const guard = new Guard();
    const usual = [];
    for (let at = 0; at < 6 * HOUR; at += 10 * MINUTE) {
      usual.push(...quiet(at, at + 1), ...refusals(at + MINUTE, 12));
    }
    expect(feed(guard, usual.slice(0, 42))).toEqual([]);
    expect(feed(guard, usual.slice(42))).toEqual([]);
  });

  test('is not suspect without a past', () => {
    const guard = new Guard();
    feed(guard, quiet(0, 20 * MINUTE));
    expect(feed(guard, refusals(20 * MINUTE, 20))).toEqual([]);
  });

  test('is believed again when it is back to normal for a while', () => {
    const guard = new Guard();
    feed(guard, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    feed(guard, quiet(2 * HOUR + MINUTE, 2 * HOUR + 25 * MINUTE));
    expect(guard.takeEnded()).toEqual([]);
    feed(guard, quiet(2 * HOUR + 25 * MINUTE, 3 * HOUR));
    expect(guard.takeEnded()).toMatchObject([
      { provider: 'big.example', ended: START + 2 * HOUR + 35 * MINUTE },
    ]);
    expect(guard.suspects()).toEqual([]);
    expect(guard.takeEnded()).toEqual([]);
  });

  test('stays suspect while the failure lasts, and a day at most', () => {
    const guard = new Guard();
    feed(guard, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    for (let at = 2 * HOUR + 10 * MINUTE; at < 25 * HOUR; at += 10 * MINUTE) {
      feed(guard, refusals(at, 20));
    }
    expect(guard.takeEnded()).toEqual([]);
    for (let at = 25 * HOUR; at < 27 * HOUR; at += 10 * MINUTE) feed(guard, refusals(at, 20));
    const [ended, ...more] = guard.takeEnded();
    expect(more).toEqual([]);
    expect((ended?.ended ?? 0) - (ended?.began ?? 0)).toBeGreaterThanOrEqual(DAY - 10 * MINUTE);
    expect(guard.suspects()).toEqual([]);
  });

  test('stays suspect when too few write to tell, until nobody was refused for two hours', () => {
    const guard = new Guard();
    feed(guard, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    feed(guard, refusals(4 * HOUR - MINUTE, 1));
    expect(guard.suspects()).toHaveLength(1);
    feed(guard, [outcome(6 * HOUR - 10 * MINUTE, user(3), false)]);
    expect(guard.suspects()).toHaveLength(1);
    feed(guard, [outcome(6 * HOUR + 10 * MINUTE, user(3), false)]);
    expect(guard.suspects()).toEqual([]);
  });

  test('a stray stamp from next year blinds nobody for long', () => {
    const guard = new Guard();
    feed(guard, quiet(0, 2 * HOUR));
    feed(guard, [outcome(365 * DAY, user(1), false)]);
    feed(guard, quiet(2 * HOUR, 5 * HOUR));
    expect(feed(guard, refusals(5 * HOUR, 10))).toHaveLength(1);
    expect(feed(guard, refusals(5 * HOUR - 20 * MINUTE, 10))).toEqual([]);
  });
});

const RULE: Record<string, unknown> = {
  name: 'test',
  description: 'A rule under test.',
  count: 'invalid',
  per: 'submitter',
  distinct: 'recipient',
  limit: 50,
  period: '1h',
  action: 'block',
};

function rule(fields: Record<string, unknown> = {}): Rule {
  return parseRule(JSON.stringify({ ...RULE, ...fields }), 'test.yaml');
}

/** A newsletter that runs into the failure: `count` refusals, one a second. */
function newsletter(at: number, count: number, parts: Partial<MailEvent> = {}): MailEvent[] {
  return Array.from({ length: count }, (_, index) =>
    outcome(at + index * SECOND, 'news@example.net', true, {
      recipient: `n${at + index}@big.example`,
      ...parts,
    }),
  );
}

describe('the judge', () => {
  const RULES: readonly Record<string, unknown>[] = [
    {},
    { distinct: undefined },
    { 'at-least-share': '10%' },
    { 'at-least': 20 },
    { 'most-per-domain': '100%', 'most-per-host': '100%' },
    { limit: '50%', distinct: undefined, 'ratio-of': 'recipients', 'at-least': 50 },
  ];

  test.each(RULES)('takes back what a suspect provider contributed: %j', (fields) => {
    const judge = new Judge([rule(fields)]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    const events = newsletter(2 * HOUR, 40);
    for (const each of events) expect(judge.feed(each)).toEqual([]);
    for (const each of refusals(2 * HOUR + 40 * SECOND, 10)) judge.feed(each);
    expect(judge.outages()).toMatchObject([{ provider: 'big.example' }]);
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', withdrawn: [] }]);
    for (const each of newsletter(2 * HOUR + MINUTE, 100)) expect(judge.feed(each)).toEqual([]);
    const relay = { host: 'mx.other.example' };
    const others = newsletter(2 * HOUR + 10 * MINUTE, 60, { relay });
    const verdicts = others.flatMap((each) => judge.feed(each));
    expect(verdicts).toMatchObject([{ line: others[49]?.line }]);
  });

  test('withdraws a verdict that does not stand, and blocks again for what does', () => {
    const judge = new Judge([rule({ for: '1h', escalation: ['1d'] })]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    const relay = { host: 'mx.other.example' };
    const others = newsletter(2 * HOUR - MINUTE, 30, { relay });
    const given = [...others, ...newsletter(2 * HOUR, 40)].flatMap((each) => judge.feed(each));
    expect(given).toHaveLength(1);
    for (const each of refusals(2 * HOUR + 40 * SECOND, 10)) judge.feed(each);
    const [change] = judge.takeOutageChanges();
    expect(change).toMatchObject({ change: 'began', withdrawn: given });
    expect(judge.takeOutageChanges()).toEqual([]);
    const more = newsletter(2 * HOUR + 5 * MINUTE, 50, { relay });
    // 10 of others were in the window with the 40 that are taken back; and the first block was none.
    expect(more.flatMap((each) => judge.feed(each))).toMatchObject([
      { line: more[39]?.line, count: 50, duration: HOUR },
    ]);
  });

  test('does not withdraw what stands by the refusals of others', () => {
    const judge = new Judge([rule()]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    const relay = { host: 'mx.other.example' };
    const mixed = Array.from({ length: 120 }, (_, index) =>
      outcome(2 * HOUR + index * SECOND, 'thief@example.net', true, {
        recipient: `t${index}@big.example`,
        ...(index % 2 === 0 ? { relay } : {}),
      }),
    );
    const given = mixed.flatMap((each) => judge.feed(each));
    expect(given).toMatchObject([{ line: mixed[49]?.line }]);
    for (const each of refusals(2 * HOUR + 2 * MINUTE, 10)) judge.feed(each);
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', withdrawn: [] }]);
  });

  test('does not withdraw what fell before the failure', () => {
    const judge = new Judge([rule()]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    expect(newsletter(HOUR + 40 * MINUTE, 50).flatMap((each) => judge.feed(each))).toHaveLength(1);
    for (const each of refusals(2 * HOUR, 10)) judge.feed(each);
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', withdrawn: [] }]);
  });
});

const TRAFFIC = fc.array(
  fc.record({
    step: fc.integer({ min: 0, max: 40 * SECOND }),
    who: fc.integer({ min: 0, max: 40 }),
    host: fc.constantFrom(BIG, 'mx2.in.big.example', 'mx.other.example', undefined),
    failing: fc.boolean(),
  }),
  { minLength: 900, maxLength: 1600 },
);

/** Hours of mail; in the parts that are `failing` most is refused. */
function trafficOf(parts: readonly Part[]) {
  let at = 0;
  return parts.map(({ step, who, host, failing }, index) => {
    at += step;
    const refused = failing && index % 400 > 300;
    const relay = host === undefined ? undefined : { host };
    return outcome(at, user(who), refused, { recipient: `r${index}@big.example`, relay });
  });
}

interface Part {
  readonly step: number;
  readonly who: number;
  readonly host: string | undefined;
  readonly failing: boolean;
}

describe('properties', () => {
  const rules = [rule({ limit: 5 }), rule({ name: 'share', limit: 3, 'at-least-share': '30%' })];

  function run(events: readonly MailEvent[]) {
    const judge = new Judge(rules);
    const verdicts = events.map((each) => judge.feed(each));
    return { verdicts, changes: judge.takeOutageChanges(), suspects: judge.outages() };
  }

  test('the same events give the same suspicions and verdicts', () => {
    let suspicions = 0;
    fc.assert(
      fc.property(TRAFFIC, (parts) => {
        const events = trafficOf(parts);
        const result = run(events);
        suspicions += result.changes.length;
        expect(run(events)).toEqual(result);
      }),
      { numRuns: 30 },
    );
    expect(suspicions).toBeGreaterThan(0);
  });

  test('what lies further back than it reaches changes nothing', () => {
    const older = trafficOf(fc.sample(TRAFFIC, { numRuns: 1, seed: 7 })[0] as readonly Part[]).map(
      (each) => ({ ...each, time: each.time - GUARD_REACH - 10 * DAY }),
    );
    let suspicions = 0;
    fc.assert(
      fc.property(TRAFFIC, (parts) => {
        const events = trafficOf(parts);
        const guard = new Guard();
        feed(guard, older);
        guard.takeEnded();
        const alone = feed(new Guard(), events);
        suspicions += alone.length;
        expect(feed(guard, events)).toEqual(alone);
      }),
      { numRuns: 20 },
    );
    expect(suspicions).toBeGreaterThan(0);
  });

  test('is bounded, whatever names and submitters are made up', () => {
    const guard = new Guard({ providers: 64, pairs: 1000 });
    for (let index = 0; index < 20_000; index++) {
      const relay = { host: index % 3 === 0 ? BIG : `mx.d${index % 5000}.test` };
      guard.see(outcome(index * 100, user(index % 7000), index % 2 === 0, { relay }));
      const { providers, pairs } = guard.size;
      expect(providers <= 64 && pairs <= 1000 && pairs >= 0).toBe(true);
    }
  });

  test('any event in any order is taken', () => {
    const anyEvent = fc.record({
      at: fc.integer({ min: -400 * DAY, max: 400 * DAY }),
      who: fc.string(),
      host: fc.option(fc.string(), { nil: undefined }),
      address: fc.option(fc.string(), { nil: undefined }),
      refused: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 100 }), (parts) => {
        const judge = new Judge(rules);
        for (const { at, who, host, address, refused } of parts) {
          judge.feed(outcome(at, who, refused, { relay: { host, address } }));
        }
        judge.takeOutageChanges();
      }),
    );
  });
});
