/** What the judge does in an outage: refusals and verdicts that it takes back, and those that it keeps. */
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../../src/base/time.ts';
import { Judge } from '../../../src/judge/judge.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { outcome, quiet, refusals } from './mail.ts';
import { rule } from './rule.ts';

/** A newsletter that runs into the outage: `count` refusals, one each second. */
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

  test.each(RULES)('takes back what a provider with an outage contributed: %j', (fields) => {
    const judge = new Judge([rule(fields)]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    const events = newsletter(2 * HOUR, 40);
    for (const each of events) expect(judge.feed(each)).toEqual([]);
    for (const each of refusals(2 * HOUR + 40 * SECOND, 10)) judge.feed(each);
    expect(judge.outages()).toMatchObject([{ provider: 'big.example' }]);
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', takenBack: [] }]);
    for (const each of newsletter(2 * HOUR + MINUTE, 100)) expect(judge.feed(each)).toEqual([]);
    const relay = { host: 'mx.other.example' };
    const others = newsletter(2 * HOUR + 10 * MINUTE, 60, { relay });
    const verdicts = others.flatMap((each) => judge.feed(each));
    expect(verdicts).toMatchObject([{ line: others[49]?.line }]);
  });

  test('takes back a verdict that no longer holds, and blocks again for what does', () => {
    const judge = new Judge([rule({ for: '1h', escalation: ['1d'] })]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    const relay = { host: 'mx.other.example' };
    const others = newsletter(2 * HOUR - MINUTE, 30, { relay });
    const given = [...others, ...newsletter(2 * HOUR, 40)].flatMap((each) => judge.feed(each));
    expect(given).toHaveLength(1);
    for (const each of refusals(2 * HOUR + 40 * SECOND, 10)) judge.feed(each);
    const [change] = judge.takeOutageChanges();
    expect(change).toMatchObject({ change: 'began', takenBack: given });
    expect(judge.takeOutageChanges()).toEqual([]);
    const more = newsletter(2 * HOUR + 5 * MINUTE, 50, { relay });
    // All 30 refusals by others still count, and the first block is not an offence.
    expect(more.flatMap((each) => judge.feed(each))).toMatchObject([
      { line: more[19]?.line, count: 50, duration: HOUR },
    ]);
  });

  test('does not take back a verdict that holds by the refusals of others', () => {
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
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', takenBack: [] }]);
  });

  test('does not take back a verdict from before the outage', () => {
    const judge = new Judge([rule()]);
    for (const each of quiet(0, 2 * HOUR)) judge.feed(each);
    expect(newsletter(HOUR + 40 * MINUTE, 50).flatMap((each) => judge.feed(each))).toHaveLength(1);
    for (const each of refusals(2 * HOUR, 10)) judge.feed(each);
    expect(judge.takeOutageChanges()).toMatchObject([{ change: 'began', takenBack: [] }]);
  });
});
