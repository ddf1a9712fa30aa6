import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../../src/base/time.ts';
import { OutageDetector } from '../../../src/judge/outage/detector.ts';
import type { MailEvent } from '../../../src/model/event.ts';
import { START } from '../event.ts';
import { feed, outcome, quiet, refusals, user } from './mail.ts';

describe('a provider', () => {
  test('has an outage with the eighth submitter that it refuses at once', () => {
    const detector = new OutageDetector();
    expect(feed(detector, quiet(0, 2 * HOUR))).toEqual([]);
    expect(feed(detector, refusals(2 * HOUR, 7))).toEqual([]);
    expect(feed(detector, refusals(2 * HOUR + 7 * SECOND, 1, 7))).toMatchObject([
      { provider: 'big.example', began: START + 2 * HOUR + 7 * SECOND, refused: 8 },
    ]);
    expect(detector.running()).toMatchObject([{ provider: 'big.example' }]);
    expect(detector.covers(outcome(3 * HOUR, 'x', true))).toBe(true);
    expect(detector.covers(outcome(3 * HOUR, 'x', true, { reason: 'mailbox-full' }))).toBe(false);
    const relay = { host: 'mx.other.example' };
    expect(detector.covers(outcome(3 * HOUR, 'x', true, { relay }))).toBe(false);
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
      what: 'mail without a submitter',
      events: refusals(2 * HOUR, 20).map(({ submitter: _, ...each }) => each),
    },
    {
      what: 'refusals for other reasons',
      events: refusals(2 * HOUR, 20).map((each) => ({ ...each, reason: 'reputation' as const })),
    },
  ];

  test.each(HAMMER)('does not get an outage by $what', ({ events }) => {
    const detector = new OutageDetector();
    feed(detector, quiet(0, 2 * HOUR));
    expect(feed(detector, events)).toEqual([]);
    expect(detector.running()).toEqual([]);
  });

  test('that always refuses many has no outage', () => {
    const detector = new OutageDetector();
    const usual = [];
    for (let at = 0; at < 6 * HOUR; at += 10 * MINUTE) {
      usual.push(...quiet(at, at + 1), ...refusals(at + MINUTE, 12));
    }
    expect(feed(detector, usual.slice(0, 42))).toEqual([]);
    expect(feed(detector, usual.slice(42))).toEqual([]);
  });

  test('has no outage without a past', () => {
    const detector = new OutageDetector();
    feed(detector, quiet(0, 20 * MINUTE));
    expect(feed(detector, refusals(20 * MINUTE, 20))).toEqual([]);
  });

  test('has no outage any more when it is back to normal for a while', () => {
    const detector = new OutageDetector();
    feed(detector, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    feed(detector, quiet(2 * HOUR + MINUTE, 2 * HOUR + 25 * MINUTE));
    expect(detector.takeEnded()).toEqual([]);
    feed(detector, quiet(2 * HOUR + 25 * MINUTE, 3 * HOUR));
    expect(detector.takeEnded()).toMatchObject([
      { provider: 'big.example', ended: START + 2 * HOUR + 35 * MINUTE },
    ]);
    expect(detector.running()).toEqual([]);
    expect(detector.takeEnded()).toEqual([]);
  });

  test('has an outage while the refusals last, and for a day at most', () => {
    const detector = new OutageDetector();
    feed(detector, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    for (let at = 2 * HOUR + 10 * MINUTE; at < 25 * HOUR; at += 10 * MINUTE) {
      feed(detector, refusals(at, 20));
    }
    expect(detector.takeEnded()).toEqual([]);
    for (let at = 25 * HOUR; at < 27 * HOUR; at += 10 * MINUTE) feed(detector, refusals(at, 20));
    const [ended, ...more] = detector.takeEnded();
    expect(more).toEqual([]);
    expect((ended?.ended ?? 0) - (ended?.began ?? 0)).toBeGreaterThanOrEqual(DAY - 10 * MINUTE);
    expect(detector.running()).toEqual([]);
  });

  test('has an outage when too few write to tell, until nobody was refused for two hours', () => {
    const detector = new OutageDetector();
    feed(detector, [...quiet(0, 2 * HOUR), ...refusals(2 * HOUR, 20)]);
    feed(detector, refusals(4 * HOUR - MINUTE, 1));
    expect(detector.running()).toHaveLength(1);
    feed(detector, [outcome(6 * HOUR - 10 * MINUTE, user(3), false)]);
    expect(detector.running()).toHaveLength(1);
    feed(detector, [outcome(6 * HOUR + 10 * MINUTE, user(3), false)]);
    expect(detector.running()).toEqual([]);
  });

  test('a stray time stamp from next year does no harm for long', () => {
    const detector = new OutageDetector();
    feed(detector, quiet(0, 2 * HOUR));
    feed(detector, [outcome(365 * DAY, user(1), false)]);
    feed(detector, quiet(2 * HOUR, 5 * HOUR));
    expect(feed(detector, refusals(5 * HOUR, 10))).toHaveLength(1);
    expect(feed(detector, refusals(5 * HOUR - 20 * MINUTE, 10))).toEqual([]);
  });
});
