import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DAY, SECOND } from '../../../src/base/time.ts';
import { Judge } from '../../../src/judge/judge.ts';
import { OUTAGE_REACH, OutageDetector } from '../../../src/judge/outage/detector.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { BIG, feed, outcome, user } from './mail.ts';
import { rule } from './rule.ts';

const TRAFFIC = fc.array(
  fc.record({
    step: fc.integer({ min: 0, max: 40 * SECOND }),
    who: fc.integer({ min: 0, max: 40 }),
    host: fc.constantFrom(BIG, 'mx2.in.big.example', 'mx.other.example', undefined),
    failing: fc.boolean(),
  }),
  { minLength: 900, maxLength: 1600 },
);

/** Hours of mail; in the parts that are `failing`, most of it is refused. */
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
    return { verdicts, changes: judge.takeOutageChanges(), outages: judge.outages() };
  }

  test('the same events give the same outages and verdicts', () => {
    let found = 0;
    fc.assert(
      fc.property(TRAFFIC, (parts) => {
        const events = trafficOf(parts);
        const result = run(events);
        found += result.changes.length;
        expect(run(events)).toEqual(result);
      }),
      { numRuns: 30 },
    );
    expect(found).toBeGreaterThan(0);
  });

  test('what is further back than its reach changes nothing', () => {
    const older = trafficOf(fc.sample(TRAFFIC, { numRuns: 1, seed: 7 })[0] as readonly Part[]).map(
      (each) => ({ ...each, time: each.time - OUTAGE_REACH - 10 * DAY }),
    );
    let found = 0;
    fc.assert(
      fc.property(TRAFFIC, (parts) => {
        const events = trafficOf(parts);
        const detector = new OutageDetector();
        feed(detector, older);
        detector.takeEnded();
        const alone = feed(new OutageDetector(), events);
        found += alone.length;
        expect(feed(detector, events)).toEqual(alone);
      }),
      { numRuns: 20 },
    );
    expect(found).toBeGreaterThan(0);
  });

  test('is bounded, whatever names and submitters are made up', () => {
    const detector = new OutageDetector({ providers: 64, pairs: 1000 });
    for (let index = 0; index < 20_000; index++) {
      const relay = { host: index % 3 === 0 ? BIG : `mx.d${index % 5000}.test` };
      detector.see(outcome(index * 100, user(index % 7000), index % 2 === 0, { relay }));
      const { providers, pairs } = detector.size;
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
