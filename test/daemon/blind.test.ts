/** When Postern counts as blind, over hours of lines. */
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY, HOUR } from '../../src/base/time.ts';
import { parseConfig } from '../../src/config/load.ts';
import { addLines, compareBlind, findBlind, KEPT_HOURS } from '../../src/daemon/blind.ts';
import { BlindWatch } from '../../src/daemon/blind-watch.ts';
import type { HourOfLines } from '../../src/store/saved-state.ts';
import { openStore } from '../support/database.ts';

const NOW = Date.parse('2026-11-10T12:30:00Z');
const OPTIONS = { silence: 6 * HOUR, unreadJump: 30 };

/** Hours of the last `days`, up to the one before now: `lines` of an hour of the day (UTC), and of its day (1: yesterday). */
function history(days: number, lines: (hour: number, day: number) => number): HourOfLines[] {
  const last = Math.floor(NOW / HOUR);
  return Array.from({ length: days * 24 }, (_, back) => last - days * 24 + back + 1).map(
    (hour) => ({
      hour,
      read: lines(hour % 24, Math.floor((last - hour) / 24)),
      unread: 0,
    }),
  );
}

const causes = (hours: readonly HourOfLines[], now = NOW) =>
  findBlind(hours, now, OPTIONS).map(({ cause }) => cause);
const isToday = (hour: number, day: number) => day === 0 && hour >= 6 && hour <= 12;

describe('silence', () => {
  it.each<[string, HourOfLines[], string[]]>([
    ['lines until now', history(7, () => 50), []],
    [
      'no line since six, as on no other day',
      history(7, (h, d) => (isToday(h, d) ? 0 : 50)),
      ['silence'],
    ],
    [
      'five hours without a line',
      history(7, (h, d) => (d === 0 && h >= 8 && h <= 12 ? 0 : 50)),
      [],
    ],
    ['a server that is quiet at this time', history(7, (h) => (h >= 6 && h <= 12 ? 0 : 50)), []],
    [
      'quiet on every other day',
      history(7, (h, d) => (d % 2 === 0 && h >= 6 && h <= 12 ? 0 : 50)),
      [],
    ],
    [
      'one quiet Sunday before',
      history(7, (h, d) => (isToday(h, d) || (d === 3 && h >= 6 && h <= 12) ? 0 : 50)),
      ['silence'],
    ],
    ['a server that never logs', history(7, () => 0), []],
    ['two days of history', history(2, (h, d) => (isToday(h, d) ? 0 : 50)), []],
  ])('%s', (_, hours, expected) => {
    expect(causes(hours)).toEqual(expected);
  });

  it('is not said of hours in which the service did not run', () => {
    const hours = history(7, (h, d) => (isToday(h, d) ? 0 : 50));
    expect(causes(hours.filter(({ hour }) => hour !== Math.floor(NOW / HOUR) - 3))).toEqual([]);
  });
});

describe('lines that say nothing', () => {
  const last = Math.floor(NOW / HOUR);
  const usual = history(5, () => 100).map((one) => ({ ...one, unread: 25 }));
  const now = (read: number, unread: number) => [
    ...usual.filter(({ hour }) => hour < last - 1),
    { hour: last - 1, read, unread },
    { hour: last, read: 0, unread: 0 },
  ];
  it.each<[string, HourOfLines[], string[]]>([
    ['as usual', now(100, 25), []],
    ['a little more', now(60, 40), []],
    ['a jump', now(40, 60), ['unread']],
    ['all of them', now(0, 200), ['unread']],
    ['too few lines', now(0, 99), []],
    ['no history', now(0, 200).slice(-2), []],
  ])('%s', (_, hours, expected) => {
    expect(causes(hours)).toEqual(expected);
  });
});

it('keeps a week, and forgets the hours of a clock that was set back', () => {
  let hours: HourOfLines[] = [];
  for (let hour = 0; hour < 400; hour++)
    hours = addLines(hours, NOW + hour * HOUR, { read: 1, unread: 2 });
  expect(hours).toHaveLength(KEPT_HOURS);
  expect(addLines(hours, NOW, { read: 1, unread: 0 })).toEqual([
    { hour: Math.floor(NOW / HOUR), read: 1, unread: 0 },
  ]);
  expect(addLines(hours.slice(-1), NOW + 399 * HOUR, { read: 1, unread: 1 })[0]).toMatchObject({
    read: 2,
    unread: 3,
  });
});

it('is told once when it begins and once when it ends', () => {
  const found = [{ cause: 'silence' as const, why: 'no line' }];
  const first = compareBlind([], found, 1);
  expect(first.changes).toEqual([{ cause: 'silence', why: 'no line', since: 1 }]);
  expect(compareBlind(first.current, found, 2).changes).toEqual([]);
  expect(compareBlind(first.current, [], 3)).toEqual({
    changes: [{ cause: 'silence', why: 'no line', since: 1, ended: 3 }],
    current: [],
  });
});

it('writes a notice and an event for hooks, in the transaction of the change', async () => {
  const { store } = openStore(':memory:');
  let changes = 0;
  let lines = { read: 0, unread: 0 };
  let now = NOW - 7 * DAY;
  const watch = new BlindWatch({
    store,
    config: parseConfig('notify: { to: abuse@example.net }', '/etc/postern/postern.yaml'),
    clock: { now: () => now },
    log: silentLog,
    signal: new AbortController().signal,
    lines: () => lines,
    onChange: () => changes++,
  });
  for (; now < NOW; now += HOUR) {
    lines = { read: lines.read + 20, unread: lines.unread + 5 };
    await watch.look();
  }
  for (let hour = 0; hour < 8; hour++, now += HOUR) await watch.look();
  expect(changes).toBe(1);
  expect(store.outbox.waiting()).toMatchObject([
    { kind: 'blind', about: { cause: 'silence', why: expect.stringContaining('for 6h') } },
  ]);
  lines = { read: lines.read + 1, unread: lines.unread };
  await watch.look();
  expect(store.occurrences.waiting()).toMatchObject([
    { kind: 'blind', about: { cause: 'silence' } },
    { kind: 'blind', about: { cause: 'silence', ended: now } },
  ]);
  store.close();
});
