/** Times as they are typed: one zone for all that name none, and a period that is one. */
import { describe, expect, it } from 'vitest';
import { parsePeriod, parseTime } from '../../src/cli/typed.ts';

function timeIn(zone: string, text: string): string {
  return new Date(parseTime('--since', text, zone)).toISOString();
}

describe('a time', () => {
  it.each([
    ['2026-11-20', 'UTC', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20', 'Europe/Berlin', '2026-11-19T23:00:00.000Z'],
    ['2026-11-20T00:00', 'Europe/Berlin', '2026-11-19T23:00:00.000Z'],
    ['2026-11-20T00:00:00', 'Europe/Berlin', '2026-11-19T23:00:00.000Z'],
    ['2026-11-20 00:00:00', 'Europe/Berlin', '2026-11-19T23:00:00.000Z'],
    ['2026-07-20', 'Europe/Berlin', '2026-07-19T22:00:00.000Z'],
    ['2026-11-20', '-03:30', '2026-11-20T03:30:00.000Z'],
    ['2026-11-20T09:00:00Z', 'Europe/Berlin', '2026-11-20T09:00:00.000Z'],
    ['2026-11-20T09:00:00.25z', 'Europe/Berlin', '2026-11-20T09:00:00.250Z'],
    ['2026-11-20T09:00:00+05:30', 'Europe/Berlin', '2026-11-20T03:30:00.000Z'],
    ['2026-11-20T09:00+0530', 'Europe/Berlin', '2026-11-20T03:30:00.000Z'],
    // The clock showed it twice; the first counts.
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(timeIn(zone, text)).toBe(expected);
  });

  it.each(['24h', '24h ago'])('%s is a day ago', (text) => {
    const before = Date.now();
    const time = parseTime('--since', text, 'UTC');
    expect(time).toBeGreaterThanOrEqual(before - 86_400_000);
    expect(time).toBeLessThanOrEqual(Date.now() - 86_400_000);
  });

  it.each([
    'yesterday',
    'ago',
    '24h  ago',
    '2026-13-01',
    '2026-02-30',
    '2026-02-29',
    '2026-11-20T25:00',
    '2026-11-20T24:00',
    '2026-11-20T09',
    '2026-11-20T09:00:00+99:00',
    '2026-11-20 and more',
    '20 Nov 2026',
    '',
  ])('%j is none', (text) => {
    expect(() => parseTime('--until', text, 'UTC')).toThrow(`--until ${text}: expected a duration`);
  });
});

describe('a period', () => {
  it.each([
    [{}, {}],
    [{ since: '2026-11-20' }, { since: Date.UTC(2026, 10, 20) }],
    [{ until: '2026-11-20' }, { until: Date.UTC(2026, 10, 20) }],
    [
      { since: '2026-11-20', until: '2026-11-21' },
      { since: Date.UTC(2026, 10, 20), until: Date.UTC(2026, 10, 21) },
    ],
  ])('%j', (typed, expected) => {
    expect(parsePeriod(typed, 'UTC')).toEqual(expected);
  });

  it.each([
    { since: '1h', until: '2h' },
    { since: '2026-11-20', until: '2026-11-20T00:00:00Z' },
  ])('%j holds nothing', (typed) => {
    expect(() => parsePeriod(typed, 'UTC')).toThrow('--since must be before --until');
  });
});
