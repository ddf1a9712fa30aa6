/** Periods as people name them, in their zone. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, formatTime } from '../../src/base/time.ts';
import { type Period, readDay, readDays, readWeek } from '../../src/report/calendar.ts';

/** A Tuesday, 23:30 in Berlin */
const NOW = Date.parse('2026-11-10T22:30:00Z');
const BERLIN = 'Europe/Berlin';

function show(period: Period | undefined): string | undefined {
  return (
    period && `${formatTime(period.since)} ${formatTime(period.until)}`.replaceAll(':00.000', '')
  );
}

describe('a day', () => {
  it.each([
    ['today', '2026-11-09T23:00Z 2026-11-10T23:00Z'],
    ['yesterday', '2026-11-08T23:00Z 2026-11-09T23:00Z'],
    ['2026-11-01', '2026-10-31T23:00Z 2026-11-01T23:00Z'],
    // 25 and 23 hours
    ['2026-10-25', '2026-10-24T22:00Z 2026-10-25T23:00Z'],
    ['2026-03-29', '2026-03-28T23:00Z 2026-03-29T22:00Z'],
    ['2026-02-30', undefined],
    ['2026-13-01', undefined],
    ['Tuesday', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    expect(show(readDay(text, NOW, BERLIN))).toBe(expected);
  });
});

describe('a week', () => {
  it.each([
    ['this', '2026-11-08T23:00Z 2026-11-15T23:00Z'],
    ['last', '2026-11-01T23:00Z 2026-11-08T23:00Z'],
    ['2026-W46', '2026-11-08T23:00Z 2026-11-15T23:00Z'],
    ['2026-11-15', '2026-11-08T23:00Z 2026-11-15T23:00Z'],
    ['2026-W01', '2025-12-28T23:00Z 2026-01-04T23:00Z'],
    ['2026-W53', '2026-12-27T23:00Z 2027-01-03T23:00Z'],
    ['2025-W53', undefined],
    ['2026-W00', undefined],
    ['2026-W54', undefined],
    ['next', undefined],
  ])('%j', (text, expected) => {
    expect(show(readWeek(text, NOW, BERLIN))).toBe(expected);
  });

  it('begins on a Monday and has the day that was named', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40_000 }), (number) => {
        const day = formatTime(number * DAY).slice(0, 10);
        const week = readWeek(day, NOW, 'UTC') as Period;
        expect(new Date(week.since).getUTCDay()).toBe(1);
        expect(week.until - week.since).toBe(7 * DAY);
        expect(week.since).toBeLessThanOrEqual(number * DAY);
        expect(week.until).toBeGreaterThan(number * DAY);
      }),
    );
  });
});

it('days from one to another include both', () => {
  const days = readDays('2026-11-01', '2026-11-03', NOW, BERLIN);
  expect(show(days)).toBe('2026-10-31T23:00Z 2026-11-03T23:00Z');
});
