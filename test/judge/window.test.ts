import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DistinctWindow,
  type Entry,
  SHARE_TIMES,
  ShareWindow,
  SKEW,
  SumWindow,
  type Window,
} from '../../src/judge/window.ts';

const PERIOD = 100_000;

function entry(time: number, parts: Partial<Entry> = {}): Entry {
  return { time, amount: 1, whole: 0, value: '', late: false, ...parts };
}

/** The definition itself: every event ever seen, and those in (newest - PERIOD, newest] taken from them. */
class Naive {
  seen: Entry[] = [];
  newest = Number.NEGATIVE_INFINITY;

  add(next: Entry): Entry[] {
    if (next.time < this.newest - SKEW && !next.late) {
      this.seen = this.seen.filter((other) => other.time <= next.time);
      this.newest = next.time;
    }
    this.newest = Math.max(this.newest, next.time);
    this.seen.push(next);
    return this.seen.filter(({ time }) => time > this.newest - PERIOD && time <= this.newest);
  }
}

const measures = {
  sum: (entries: readonly Entry[]) => entries.reduce((sum, { amount }) => sum + amount, 0),
  distinct: (entries: readonly Entry[]) => new Set(entries.map(({ value }) => value)).size,
  share: (entries: readonly Entry[]) => {
    const counted = measures.sum(entries);
    const whole = entries.reduce((sum, entry) => sum + entry.whole, 0);
    return Math.floor((1000 * counted) / Math.max(whole, counted)) / 10;
  },
};

/** Steps forward, some of them zero, often about a PERIOD so that they hit the edges. */
const forward = fc.oneof(
  fc.integer({ min: 0, max: PERIOD / 4 }),
  fc.constantFrom(0, 1, PERIOD / 2, PERIOD - 1, PERIOD, PERIOD + 1),
);
const amounts = fc.integer({ min: 1, max: 5 });
const values = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g');
const parts = fc.record({ amount: amounts, whole: fc.integer({ min: 0, max: 9 }), value: values });

function inOrder(steps: readonly (readonly [number, Partial<Entry>])[]): Entry[] {
  let time = 1_700_000_000_000;
  return steps.map(([step, rest]) => {
    time += step;
    return entry(time, rest);
  });
}

const monotonic = fc.array(fc.tuple(forward, parts), { minLength: 1, maxLength: 80 }).map(inOrder);

/** Out of order by up to SKEW, or by up to two periods and known to be late. */
const disordered = fc
  .array(fc.tuple(forward, parts, fc.integer({ min: 0, max: SKEW }), fc.boolean(), forward), {
    minLength: 1,
    maxLength: 80,
  })
  .map((steps) => {
    let newest = 1_700_000_000_000;
    return steps.map(([step, rest, skew, late, far]) => {
      const time = newest + step - (late ? 2 * far : step === 0 ? skew : 0);
      newest = Math.max(newest, time);
      return entry(time, { ...rest, late });
    });
  });

/** The measure is exact up to the event that meets the limit; from then on it is the limit or more. */
function agrees(window: Window, limit: number, entries: readonly Entry[], measure: Measure): void {
  const naive = new Naive();
  let before = 0;
  for (const next of entries) {
    const expected = measure(naive.add(next));
    const actual = window.add(next);
    if (expected < limit || before < limit) expect(actual).toBe(expected);
    else expect(actual).toBeGreaterThanOrEqual(limit);
    before = expected;
  }
}
type Measure = (entries: readonly Entry[]) => number;

describe('windows agree with the definition', () => {
  const limits = fc.integer({ min: 1, max: 20 });
  for (const [name, entries] of Object.entries({ monotonic, disordered })) {
    test(`sum, ${name} times`, () => {
      fc.assert(
        fc.property(limits, entries, (limit, entries) => {
          agrees(new SumWindow(limit, PERIOD), limit, entries, measures.sum);
        }),
      );
    });

    test(`distinct values, ${name} times`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), entries, (limit, entries) => {
          agrees(new DistinctWindow(limit, PERIOD, 1), limit, entries, measures.distinct);
        }),
      );
    });

    test(`distinct values of at least so many events, ${name} times`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), limits, entries, (limit, atLeast, entries) => {
          const naive = new Naive();
          const window = new DistinctWindow(limit, PERIOD, atLeast);
          for (const next of entries.map((each) => ({ ...each, amount: 1 }))) {
            const inside = naive.add(next);
            const met = inside.length >= atLeast && measures.distinct(inside) >= limit;
            expect(window.add(next) >= limit).toBe(met);
          }
        }),
      );
    });

    test(`share, ${name} times`, () => {
      fc.assert(
        fc.property(limits, entries, (atLeast, entries) => {
          const naive = new Naive();
          const window = new ShareWindow(PERIOD, atLeast);
          for (const next of entries) {
            const inside = naive.add(next);
            const enough = measures.sum(inside) >= atLeast;
            expect(window.add(next)).toBe(enough ? measures.share(inside) : 0);
          }
        }),
      );
    });
  }

  test('a clock set back never makes more of the events than there were', () => {
    const jumps = fc.array(fc.tuple(fc.integer({ min: -3 * PERIOD, max: PERIOD }), parts), {
      minLength: 1,
      maxLength: 80,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), jumps.map(inOrder), (limit, entries) => {
        const naive = new Naive();
        const sum = new SumWindow(limit, PERIOD);
        const distinct = new DistinctWindow(limit, PERIOD, 1);
        for (const next of entries) {
          const inside = naive.add(next);
          expect(sum.add(next)).toBeLessThanOrEqual(measures.sum(inside));
          expect(distinct.add(next)).toBeLessThanOrEqual(measures.distinct(inside));
          expect(sum.newest).toBe(naive.newest);
        }
      }),
    );
  });
});

/** times in seconds, and what the window of 3 events in 10 s measures after each */
const ORDER_CASES: readonly (readonly [what: string, times: number[], measures: number[]])[] = [
  ['all within', [0, 4, 9], [1, 2, 3]],
  ['the edge is open: exactly a period ago is outside', [0, 5, 10], [1, 2, 2]],
  ['equal times are different events', [0, 0, 0], [1, 2, 3]],
  ['swapped lines', [0, 9, 8], [1, 2, 3]],
  ['a late line that is already outside', [0, 30, 15], [1, 1, 1]],
  ['an hour back: what is later is forgotten', [7200, 7201, 3600, 3601, 3602], [1, 2, 1, 2, 3]],
  ['a stray line from next year does not stay', [0, 31_536_000, 1, 2], [1, 1, 1, 2]],
];

describe('order of lines', () => {
  test.each(ORDER_CASES)('%s', (_, times, expected) => {
    const window = new SumWindow(3, 10_000);
    expect(times.map((time) => window.add(entry(time * 1000)))).toEqual(expected);
  });
});

describe('bounds', () => {
  const long = Array.from({ length: 20_000 }, (_, index) => index);

  test('a sum keeps no more entries than its limit needs', () => {
    const window = new SumWindow(50, 3_600_000);
    for (const time of long) window.add(entry(time));
    expect(window.size).toBe(50);
  });

  test('distinct values are kept up to the limit', () => {
    const window = new DistinctWindow(50, 3_600_000, 60);
    for (const time of long) window.add(entry(time, { value: `v${time}` }));
    expect(window.size).toBeLessThanOrEqual(120);
  });

  test('a share merges what is too much, and stays exact except at its edge', () => {
    const window = new ShareWindow(3_600_000, 1);
    let measure = 0;
    for (const time of long) measure = window.add(entry(time, { amount: 1, whole: 4 }));
    expect(measure).toBe(25);
    expect(window.size).toBeLessThanOrEqual(2 * SHARE_TIMES);
  });
});
