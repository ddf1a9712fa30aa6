import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/judge/columns.ts';
import { MOST_ENTRIES } from '../../src/judge/compact.ts';
import { SKEW } from '../../src/judge/own-events.ts';
import type { Shape } from '../../src/judge/shape.ts';
import { Timeline } from '../../src/judge/timeline.ts';
import { entry, shape } from './timeline.ts';

const PERIOD = 100_000;

/** An entry, and whether the log told it late. */
type Told = Entry & { readonly late?: boolean };

/** A timeline with one limit. */
class Measured {
  readonly timeline: Timeline;

  constructor(of: Shape) {
    this.timeline = new Timeline(of);
  }

  add(next: Told): number {
    this.timeline.add(next, next.late === true);
    return this.measure();
  }

  measure(): number {
    return this.timeline.measure(0);
  }
}

/** The definition itself: every event ever seen, and those in (newest - PERIOD, newest] taken from them. */
class Naive {
  seen: Told[] = [];
  newest = Number.NEGATIVE_INFINITY;
  /** what is not later than this is gone */
  floor = Number.NEGATIVE_INFINITY;
  readonly #keep: number;

  constructor(keep = PERIOD) {
    this.#keep = keep;
  }

  /** The window; undefined while it reaches back to what is gone. */
  add(next: Told): Told[] {
    if (next.time < this.newest - SKEW && next.late !== true) this.#setBack(next.time);
    this.newest = Math.max(this.newest, next.time);
    if (next.time > this.newest - this.#keep) this.seen.push(next);
    return this.seen.filter(({ time }) => time > this.newest - PERIOD && time <= this.newest);
  }

  get isHalf(): boolean {
    return this.newest - PERIOD < this.floor;
  }

  #setBack(now: number): void {
    this.floor = Math.max(this.floor, this.newest - this.#keep);
    this.seen = this.seen.filter(({ time }) => time > this.floor);
    if (now <= this.floor) this.floor = Number.NEGATIVE_INFINITY;
    // What is later is not counted any more, and stays in the whole.
    this.seen = this.seen.map((other) =>
      other.time <= now ? other : { ...other, time: now, counted: 0 },
    );
    this.newest = now;
  }
}

const measures = {
  sum: (entries: readonly Entry[]) => entries.reduce((sum, { counted }) => sum + counted, 0),
  distinct: (entries: readonly Entry[]) =>
    new Set(entries.filter(({ counted }) => counted > 0).map(({ value }) => value)).size,
  ratio: (entries: readonly Entry[]) => {
    const counted = measures.sum(entries);
    const whole = entries.reduce((sum, { whole }) => sum + whole, 0);
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
const parts = fc.record({ counted: amounts, whole: fc.integer({ min: 0, max: 9 }), value: values });

function inOrder(steps: readonly (readonly [number, Partial<Entry>])[]): Told[] {
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
      return { ...entry(time, rest), late };
    });
  });

/** Any steps, backwards too, with entries that the log tells late in between. */
const wild = fc
  .array(fc.tuple(fc.integer({ min: -3 * PERIOD, max: PERIOD }), parts, fc.boolean()), {
    minLength: 1,
    maxLength: 80,
  })
  .map((steps) => {
    let time = 1_700_000_000_000;
    return steps.map(([step, rest, late]) => {
      time += step;
      return { ...entry(time, rest), late };
    });
  });

describe('timelines agree with the definition', () => {
  const limits = fc.integer({ min: 1, max: 20 });
  for (const [name, entries] of Object.entries({ monotonic, disordered, wild })) {
    test(`sum, ${name} times`, () => {
      fc.assert(
        fc.property(entries, (entries) => {
          const naive = new Naive();
          const measured = new Measured(shape('sum', PERIOD));
          for (const next of entries)
            expect(measured.add(next)).toBe(measures.sum(naive.add(next)));
        }),
      );
    });

    test(`distinct values, also those that only move, ${name} times`, () => {
      fc.assert(
        fc.property(entries, fc.boolean(), (entries, movesValues) => {
          const naive = new Naive();
          const measured = new Measured(shape('distinct', PERIOD, { movesValues }));
          for (const next of entries) {
            const exact = measures.distinct(naive.add(next));
            if (movesValues && name === 'wild') {
              expect(measured.add(next)).toBeLessThanOrEqual(exact);
            } else expect(measured.add(next)).toBe(exact);
          }
        }),
      );
    });

    test(`distinct values of at least so many events, ${name} times`, () => {
      fc.assert(
        fc.property(limits, entries, (atLeast, entries) => {
          const naive = new Naive();
          const measured = new Measured(shape('distinct', PERIOD, { atLeast }));
          for (const next of entries) {
            const inside = naive.add(next);
            const isEnough = measures.sum(inside) >= atLeast;
            expect(measured.add(next)).toBe(isEnough ? measures.distinct(inside) : 0);
          }
        }),
      );
    });

    test(`ratio, ${name} times`, () => {
      fc.assert(
        fc.property(limits, entries, (atLeast, entries) => {
          const naive = new Naive(2 * PERIOD);
          const measured = new Measured(shape('ratio', PERIOD, { atLeast }));
          for (const next of entries) {
            const inside = naive.add(next);
            const isEnough = measures.sum(inside) >= atLeast && !naive.isHalf;
            expect(measured.add(next)).toBe(isEnough ? measures.ratio(inside) : 0);
            expect(measured.timeline.newest).toBe(naive.newest);
          }
        }),
      );
    });
  }

  test('two limits look at one timeline, each through its own window', () => {
    const limits = [PERIOD, PERIOD / 4].map((period) => ({ limit: 10, period }));
    fc.assert(
      fc.property(wild, (entries) => {
        const both = new Timeline(shape('distinct', PERIOD, { limits }));
        const naive = new Naive();
        for (const next of entries) {
          both.add(next, next.late);
          const inside = naive.add(next);
          const recent = inside.filter(({ time }) => time > naive.newest - PERIOD / 4);
          const measured = both.windows.map((_, index) => both.measure(index));
          expect(measured).toEqual([inside, recent].map(measures.distinct));
        }
      }),
    );
  });

  test('what is taken back was never there', () => {
    fc.assert(
      fc.property(disordered, fc.integer({ min: 1, max: 5 }), (entries, nth) => {
        const ones = entries.map((each) => ({ ...each, counted: 1 }));
        for (const measure of ['sum', 'distinct'] as const) {
          const all = new Measured(shape(measure, PERIOD));
          const left = new Measured(shape(measure, PERIOD));
          for (const next of ones) all.add(next);
          const kept = ones.filter((_, index) => index % nth !== 0);
          for (const next of ones) if (!kept.includes(next)) all.timeline.takeBack(next);
          for (const next of kept) left.add(next);
          const end = entry(Math.max(...ones.map(({ time }) => time)));
          expect(all.add(end)).toBe(left.add(end));
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
    const measured = new Measured(shape('sum', 10_000));
    expect(times.map((time) => measured.add(entry(time * 1000)))).toEqual(expected);
  });
});

describe('bounds', () => {
  const HOURS = 100 * 3_600_000;
  const long = Array.from({ length: 3 * MOST_ENTRIES }, (_, index) => index * 2);

  test('a sum merges what is too much, and stays exact except at its edge', () => {
    const measured = new Measured(shape('sum', HOURS));
    for (const time of long) measured.add(entry(time));
    expect(measured.measure()).toBe(long.length);
    expect(measured.timeline.size).toBeLessThanOrEqual(MOST_ENTRIES);
  });

  test('a ratio does so too', () => {
    const measured = new Measured(shape('ratio', HOURS));
    for (const time of long) measured.add(entry(time, { whole: 4 }));
    expect(measured.measure()).toBe(25);
    expect(measured.timeline.size).toBeLessThanOrEqual(MOST_ENTRIES);
  });

  test('of different values, the newest are kept: far more than the largest limit', () => {
    const measured = new Measured(shape('distinct', HOURS));
    for (const time of long) measured.add(entry(time, { value: `v${time}` }));
    expect(measured.timeline.size).toBeLessThanOrEqual(MOST_ENTRIES);
    expect(measured.measure()).toBeGreaterThan(10_000);
  });

  test('merging is an error towards a later verdict only', () => {
    const period = MOST_ENTRIES * 3;
    const merged = new Measured(shape('ratio', period));
    let sums = { counted: 0, whole: 0 };
    const all: { time: number; counted: number }[] = [];
    let oldest = 0;
    const tooHigh: number[] = [];
    for (const time of long) {
      const next = entry(time, { counted: time % 10 === 0 ? 1 : 0, whole: 1 });
      all.push(next);
      sums = { counted: sums.counted + next.counted, whole: sums.whole + 1 };
      for (let gone = all[oldest]; gone && gone.time <= time - period; gone = all[++oldest]) {
        sums = { counted: sums.counted - gone.counted, whole: sums.whole - 1 };
      }
      const exact = Math.floor((1000 * sums.counted) / sums.whole) / 10;
      if (Number(merged.add(next)) > exact) tooHigh.push(time);
    }
    expect(tooHigh).toEqual([]);
  });
});
