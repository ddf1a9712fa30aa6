/**
 * Rules that differ only in their limits count together. Rules that only observe do not change anything for each other,
 * so a judge of many of them finds what a judge of each alone finds: whatever the clock does, with shares, with bounds,
 * at night, and with overrides that change.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import { buildAdjustment } from '../../src/judge/limits.ts';
import { type Override, OverrideTable } from '../../src/judge/overrides.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { MailEvent, Submitter } from '../../src/model/event.ts';
import { event } from './event.ts';

const RUNS = process.env.POSTERN_TORTURE === 'long' ? 5000 : 300;

const SHAPES: readonly Record<string, unknown>[] = [
  { count: 'invalid', per: 'submitter' },
  { count: 'invalid', per: 'submitter', distinct: 'recipient', 'at-least-share': '20%' },
  { count: 'invalid', per: 'user', 'at-least-share': '50%' },
  { count: 'invalid', per: 'client', distinct: 'recipient', 'most-per-domain': '50%' },
  { count: 'invalid', per: 'submitter', 'ratio-of': 'recipients', 'at-least': 2 },
  { count: 'recipients', per: 'submitter' },
  { count: 'messages', per: 'client' },
  { count: 'logins', per: 'user', distinct: 'client-net' },
  { count: 'delivered', per: 'host' },
];

const HOURS = { zone: '+00:00', night: { from: 22 * 60, to: 10 * 60, factor: 0.5 } } as const;

const period = fc.constantFrom('5m', '1h', '3h');
const limits = fc.array(fc.record({ limit: fc.integer({ min: 1, max: 8 }), period }), {
  minLength: 1,
  maxLength: 2,
});

const rules = fc
  .array(fc.tuple(fc.constantFrom(...SHAPES), fc.array(limits, { minLength: 2, maxLength: 6 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((shapes) =>
    shapes.flatMap(([shape, all], group) =>
      all.map((limits, index) => buildRule(`r${group}-${index}`, shape, limits)),
    ),
  );

function buildRule(
  name: string,
  shape: Record<string, unknown>,
  limits: readonly { limit: number; period: string }[],
): Rule {
  const written = limits.map(({ limit, period }) =>
    shape['ratio-of'] === undefined ? { limit, period } : { limit: `${5 * limit}%`, period },
  );
  const text = JSON.stringify({ name, action: 'observe', limits: written, ...shape });
  return parseRule(text, 'test.yaml');
}

const overrides = fc.array(
  fc.record({
    user: fc.constantFrom('u0@example.net', 'u1@example.net'),
    rule: fc.constantFrom(undefined, 'r0-0', 'r0-1', 'r1-1'),
    limit: fc.oneof(
      fc.constant('exempt' as const),
      fc.integer({ min: 1, max: 12 }).map((limit) => ({ limit, isPercent: false })),
    ),
  }),
  { maxLength: 3 },
);

const step = fc.record({
  gap: fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: -60, max: 90 }) },
    { weight: 1, arbitrary: fc.constantFrom(1800, 3 * 3600, 10 * 3600, -400, -600, -3600) },
  ),
  who: fc.integer({ min: 0, max: 2 }),
  what: fc.constantFrom(
    ...['invalid', 'invalid', 'invalid', 'delivered', 'delivered', 'deferred', 'accepted'],
    ...['accepted', 'rejected', 'release'],
  ),
  nth: fc.integer({ min: 0, max: 12 }),
});
const steps = fc.array(step, { minLength: 5, maxLength: 150 });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const WHO: readonly Submitter[] = [
  { type: 'user', id: 'u0@example.net' },
  { type: 'user', id: 'u1@example.net' },
  { type: 'client', id: '203.0.113.1' },
];

function buildEvent({ who, what, nth }: Step, time: number, line: number): MailEvent {
  const submitter = WHO[who] as Submitter;
  const base = {
    ...({
      line,
      time,
      offset: line,
      submitter,
      direction: 'outbound',
      queueId: `Q${nth}`,
    } as const),
    client: { address: submitter.type === 'client' ? submitter.id : `192.0.${nth}.1` },
    ...{ sender: `s${nth % 3}@example.net`, recipient: `r${nth}@p${nth % 3}.example` },
    relay: { host: `mx.p${nth % 3}.example` },
  };
  if (what === 'accepted') return event(0, { ...base, kind: 'accepted', newRecipients: nth % 5 });
  if (what === 'delivered') return event(0, { ...base, kind: 'delivered' });
  if (what === 'deferred') return event(0, { ...base, kind: 'deferred', reason: 'rate-limited' });
  const kind = what === 'invalid' ? 'bounced' : 'rejected';
  return event(0, { ...base, kind, reason: 'invalid-recipient', newRecipients: nth % 2 });
}

/** What some judges find, line by line, and which keys came nearest. */
function findAll(judges: readonly Judge[], all: readonly Step[], onLine: (line: number) => void) {
  let time = Date.UTC(2026, 10, 10, 9);
  const found: string[] = [];
  for (const [line, step] of all.entries()) {
    time += step.gap * SECOND;
    onLine(line);
    for (const judge of judges) {
      if (step.what === 'release') judge.release(WHO[step.who] as Submitter, time);
      else {
        const verdicts = judge.feed(buildEvent(step, time, line));
        found.push(...verdicts.map((verdict) => JSON.stringify(verdict)));
      }
    }
  }
  const nearest = judges.flatMap((judge) => judge.nearest().map((near) => JSON.stringify(near)));
  return { found, nearest };
}

test('rules that only observe find together what each finds alone', () => {
  let count = 0;
  fc.assert(
    fc.property(
      rules,
      steps,
      overrides,
      fc.constantFrom('none', 'fixed', 'changes'),
      (plain, all, some, how) => {
        const entries = some.map(
          ({ user, ...rest }): Override => ({
            ...rest,
            key: { type: 'user', id: user },
            place: 'test:1',
          }),
        );
        const given = new OverrideTable(entries);
        let table = given;
        const hours = how === 'none' ? undefined : HOURS;
        const live = how === 'changes' ? () => table : how === 'fixed' ? given : undefined;
        const adjusted = plain.map((rule) =>
          how === 'none' ? rule : { ...rule, adjustment: buildAdjustment(rule, live, hours) },
        );
        const onLine = (line: number) => {
          table = line % 40 < 20 ? given : new OverrideTable([]);
        };
        const together = findAll([new Judge(adjusted)], all, onLine);
        const alone = findAll(
          adjusted.map((rule) => new Judge([rule])),
          all,
          onLine,
        );
        count += together.found.length;
        expect(together).toEqual(alone);
      },
    ),
    { numRuns: RUNS },
  );
  expect(count).toBeGreaterThan(RUNS);
});

test('a limit that is met again within its period, while a smaller one was met all the time', () => {
  const limit = (limit: number) => [{ limit, period: '5m' }];
  const shape = { count: 'invalid', per: 'user' };
  const judge = new Judge([buildRule('two', shape, limit(2)), buildRule('four', shape, limit(4))]);
  const step = { gap: 0, who: 0, what: 'invalid' };
  // The fifth comes when the first two are over.
  const times = [0, 0, 1, 2, 5.5, 5.6].map((minutes) => minutes * MINUTE);
  const found = times.flatMap((time, line) =>
    judge.feed(buildEvent({ ...step, nth: line }, HOUR + time, line)),
  );
  expect(found.map(({ rule, line }) => `${rule} ${line}`)).toEqual(['two 1', 'four 3', 'four 5']);
});
