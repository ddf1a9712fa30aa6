/**
 * A judge with room for a few keys beside one that forgets nobody: what is forgotten makes a verdict come late or not
 * at all, and never adds one.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import { parseRule } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { event } from './event.ts';

/** They only observe: a block would hide what another rule finds. */
const RULES = [
  'count: invalid, limit: 6, period: 1h',
  'count: invalid, distinct: recipient, limit: 5, period: 3h',
  'count: invalid, distinct: recipient, at-least-share: 30%, limit: 4, period: 30m',
  'count: invalid, at-least-share: 20%, limits: [{limit: 3, period: 1h}, {limit: 5, period: 3h}]',
  'count: invalid, ratio-of: recipients, at-least: 3, limit: 40%, period: 1h',
  'count: recipients, limit: 30, period: 1h',
  'count: accepted, distinct: client-net, limit: 4, period: 2h',
].map((fields, index) =>
  parseRule(`{name: r${index}, per: submitter, action: observe, ${fields}}`, 'test.yaml'),
);

const steps = fc.array(
  fc.record({
    gap: fc.oneof(fc.integer({ min: -30, max: 90 }), fc.constantFrom(0, 0, 300, 1800)),
    who: fc.nat({ max: 5 }),
    what: fc.constantFrom('invalid', 'invalid', 'delivered', 'delivered', 'deferred', 'accepted'),
    nth: fc.nat({ max: 7 }),
  }),
  { minLength: 50, maxLength: 300 },
);

type Step = { gap: number; who: number; what: string; nth: number };

/** Half of the submitters are users, the others relay clients. */
function buildEvent({ who, what, nth }: Step, time: number, line: number): MailEvent {
  const submitter =
    who < 3
      ? ({ type: 'user', id: `u${who}@example.net` } as const)
      : ({ type: 'client', id: `10.0.0.${who}` } as const);
  const base = {
    ...({ line, offset: line, submitter, direction: 'outbound', queueId: `Q${nth}` } as const),
    client: { address: `10.0.${nth}.1` },
  };
  if (what === 'accepted') return event(time, { ...base, kind: 'accepted', newRecipients: nth });
  const mail = {
    ...{ ...base, recipient: `r${nth}@p${nth % 3}.example` },
    relay: { host: `mx.p${nth % 3}.example` },
  };
  if (what === 'delivered') return event(time, { ...mail, kind: 'delivered' });
  if (what === 'deferred') return event(time, { ...mail, kind: 'deferred', reason: 'network' });
  return event(time, { ...mail, kind: 'bounced', reason: 'invalid-recipient' });
}

/** By rule and key, the line of the first verdict. */
function findFirst(judge: Judge, events: readonly MailEvent[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const each of events) {
    for (const { rule, key, line } of judge.feed(each)) {
      const name = `${rule} ${key.type} ${key.id}`;
      if (!first.has(name)) first.set(name, line);
    }
  }
  return first;
}

test('what is forgotten never adds a verdict', () => {
  const bounds = fc.record({
    keys: fc.integer({ min: 2, max: 5 }),
    few: fc.integer({ min: 1, max: 3 }),
    entries: fc.constantFrom(20, 60, 1000),
  });
  let lost = 0;
  let found = 0;
  fc.assert(
    fc.property(bounds, steps, (bounds, all) => {
      let time = 10 * MINUTE;
      const events = all.map((step, line) => {
        time += step.gap * SECOND;
        return buildEvent(step, time, line);
      });
      const small = new Judge(RULES, { bounds });
      const exact = findFirst(new Judge(RULES), events);
      for (const [name, line] of findFirst(small, events)) {
        expect(exact.get(name), `${name} at ${line}`).toBeLessThanOrEqual(line);
        found++;
      }
      lost += small.forgotten?.keys ?? 0;
    }),
    { numRuns: 200 },
  );
  expect(lost).toBeGreaterThan(100);
  expect(found).toBeGreaterThan(100);
});

test.each([
  ['its deliveries', 'delivered', 40],
  ['what it waits for', 'deferred', 40],
])('a key that was forgotten with %s has no share for a while', (_, what, count) => {
  const mail = (who: number, what: string, nth: number, line: number) =>
    buildEvent({ gap: 0, who, what, nth }, line * 10 * SECOND, line);
  const before = Array.from({ length: count }, (_, nth) => mail(0, what, nth, nth));
  const taken = before.map((each) => ({ ...each, kind: 'accepted', newRecipients: 1 }) as const);
  const others = [1, 2, 3, 4].flatMap((who) =>
    [0, 1].map((nth) => mail(who, 'delivered', nth, 60)),
  );
  const refused = Array.from({ length: 8 }, (_, nth) => mail(0, 'invalid', nth + 50, 61 + nth));
  const events = [...taken, ...before, ...others, ...refused];
  const small = new Judge(RULES, { bounds: { keys: 2, few: 2, entries: 1000 } });
  const names = (judge: Judge) => [...findFirst(judge, events).keys()];
  const exact = names(new Judge(RULES));
  expect(names(small).filter((name) => !exact.includes(name))).toEqual([]);
  expect(exact).toContain('r0 user u0@example.net');
  expect(exact).not.toContain('r2 user u0@example.net');
  expect(small.forgotten?.keys).toBeGreaterThan(0);
});
