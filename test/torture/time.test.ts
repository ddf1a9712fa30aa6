/**
 * Time that jumps: time stamps without a year at the turn of the year, daylight saving, a clock that is set back, a
 * service that was suspended for days. The test controls the clock. Old events must never block, and every window must
 * end.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { formatTime, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Notices } from '../../src/daemon/notices.ts';
import { Bench, type BenchOptions, bounceLines } from './bench.ts';

const ALICE = 'alice@example.net';
const open: Bench[] = [];

afterEach(() => {
  for (const bench of open.splice(0)) bench.remove();
});

function bench(options: BenchOptions = {}): Bench {
  const made = new Bench(options);
  open.push(made);
  return made;
}

function rule(text: string): string {
  return `name: r\ndescription: d\ncount: invalid\nper: user\naction: block\n${text}\n`;
}

const FIVE_AN_HOUR = rule('limit: 5\nperiod: 1h\nfresh: 10m');

/** Bounces of alice, one at each of these stamps; the clock shows `now` when they are read. */
async function bounces(place: Bench, now: number, ...stamps: string[]): Promise<string[]> {
  place.now = now;
  const outcomes: string[] = [];
  for (const stamp of stamps) {
    const decisions = await place.feed(...bounceLines(ALICE, stamp));
    outcomes.push(...decisions.map(({ outcome }) => outcome));
  }
  return outcomes;
}

function times(place: Bench): string[] {
  return [...place.store.events.query({ kinds: ['bounced'] })].map(({ event }) =>
    formatTime(event.time),
  );
}

describe('stamps without a year', () => {
  it('go on across new year, with a restart at midnight', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR], zone: 'UTC' });
    const midnight = Date.UTC(2027, 0, 1);
    expect(
      await bounces(
        place,
        midnight - MINUTE,
        'Dec 31 23:58:00',
        'Dec 31 23:58:30',
        'Dec 31 23:59:00',
      ),
    ).toEqual([]);
    place.restart();
    expect(await bounces(place, midnight + MINUTE, 'Dec 31 23:59:59', 'Jan  1 00:00:01')).toEqual([
      'blocked',
    ]);
    expect(times(place).slice(-2)).toEqual([
      '2026-12-31T23:59:59.000Z',
      '2027-01-01T00:00:01.000Z',
    ]);
  });

  it('of last December, read in January for the first time, block nobody', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR], zone: 'UTC' });
    const stamps = ['01', '02', '03', '04', '05', '06'].map((second) => `Dec 24 18:00:${second}`);
    expect(await bounces(place, Date.UTC(2027, 0, 3), ...stamps)).toEqual(['stale']);
    expect(times(place)[0]).toBe('2026-12-24T18:00:01.000Z');
    expect(place.store.blocks.allRunning()).toEqual([]);
  });

  it('of February 29 and of a clock an hour ahead keep their year', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR], zone: 'UTC' });
    await bounces(
      place,
      Date.UTC(2028, 1, 29, 12),
      'Feb 29 11:59:00',
      'Feb 29 13:00:00',
      'Mar  1 00:00:00',
    );
    expect(times(place)).toEqual([
      '2028-02-29T11:59:00.000Z',
      '2028-02-29T13:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
    ]);
  });
});

describe('daylight saving (Europe/Berlin)', () => {
  const zone = 'Europe/Berlin';

  it('the hour that comes twice is told apart: minutes that follow each other count together', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR], zone });
    const change = Date.UTC(2026, 9, 25, 1); // 03:00 CEST is 02:00 CET
    expect(
      await bounces(
        place,
        change + MINUTE,
        'Oct 25 02:59:10',
        'Oct 25 02:59:20',
        'Oct 25 02:59:59',
        'Oct 25 02:00:05',
        'Oct 25 02:00:50',
      ),
    ).toEqual(['blocked']);
    expect(times(place).slice(2, 4)).toEqual([
      '2026-10-25T00:59:59.000Z',
      '2026-10-25T01:00:05.000Z',
    ]);
  });

  it('and two that show the same time an hour apart do not', async () => {
    const place = bench({ rules: [rule('limit: 5\nperiod: 30m\nfresh: 10m')], zone });
    const first = Date.UTC(2026, 9, 25, 0, 10);
    expect(
      await bounces(
        place,
        first + MINUTE,
        'Oct 25 02:10:00',
        'Oct 25 02:10:10',
        'Oct 25 02:10:20',
        'Oct 25 02:10:30',
      ),
    ).toEqual([]);
    expect(await bounces(place, first + 50 * MINUTE, 'Oct 25 02:59:59')).toEqual([]);
    expect(await bounces(place, first + HOUR + MINUTE, 'Oct 25 02:10:05')).toEqual([]);
    expect(times(place).at(-1)).toBe('2026-10-25T01:10:05.000Z');
  });

  it('the hour that is left out is no gap', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR], zone });
    const change = Date.UTC(2026, 2, 29, 1); // 02:00 CET is 03:00 CEST
    expect(
      await bounces(
        place,
        change + MINUTE,
        'Mar 29 01:59:10',
        'Mar 29 01:59:20',
        'Mar 29 01:59:59',
        'Mar 29 03:00:05',
        'Mar 29 03:00:50',
      ),
    ).toEqual(['blocked']);
  });
});

describe('a clock that is set back by an hour', () => {
  const noon = Date.UTC(2026, 10, 10, 12);
  const at = (ms: number) => formatTime(noon + ms);
  const back = -HOUR;

  it('makes no block of two hours that share their stamps', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    expect(
      await bounces(place, noon + MINUTE, at(0), at(SECOND), at(2 * SECOND), at(3 * SECOND)),
    ).toEqual([]);
    expect(await bounces(place, noon + back + MINUTE, at(back + 30 * SECOND))).toEqual([]);
    place.restart();
    expect(await bounces(place, noon + back + 3 * MINUTE, at(back + 2 * MINUTE))).toEqual([]);
  });

  it('and leaves no window that waits for a time to come again', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    await bounces(place, noon + MINUTE, at(0), at(SECOND), at(2 * SECOND));
    const later = [1, 2, 3, 4].map((minute) => at(back + minute * MINUTE));
    expect(await bounces(place, noon + back + 5 * MINUTE, ...later)).toEqual([]);
    expect(await bounces(place, noon + back + 5 * MINUTE, at(back + 5 * MINUTE))).toEqual([
      'blocked',
    ]);
  });

  const three = (from: number) => [1, 2, 3].map((second) => formatTime(from + second * SECOND));

  it('ends a block by the clock, and the next one follows', async () => {
    const place = bench({ rules: [rule('limit: 3\nperiod: 1h\nfresh: 10m\nfor: 30m')] });
    expect(await bounces(place, noon, at(-3000), at(-2000), at(-1000))).toEqual(['blocked']);
    const [block] = place.store.blocks.allRunning();
    expect(block?.end).toBe(noon + 30 * MINUTE);
    place.now = noon + 31 * MINUTE;
    place.expire();
    const next = noon + 31 * MINUTE + back;
    expect(await bounces(place, next + MINUTE, ...three(next))).toEqual(['blocked']);
  });

  it('and who was released counts again when the clock has reached the time of the release', async () => {
    const place = bench({ rules: [rule('limit: 3\nperiod: 1h\nfresh: 10m')] });
    expect(await bounces(place, noon, at(-3000), at(-2000), at(-1000))).toEqual(['blocked']);
    place.unblock(ALICE);
    const next = noon + back;
    expect(await bounces(place, next + MINUTE, ...three(next))).toEqual([]);
    const after = next + HOUR + MINUTE;
    expect(await bounces(place, after + MINUTE, ...three(after))).toEqual(['blocked']);
  });

  it('does not keep notices back', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    const sent: string[] = [];
    const notices = new Notices({
      store: place.store,
      notifier: { send: async ({ subject }) => void sent.push(subject) },
      to: ['abuse@example.net'],
      from: 'postern@mx1.example.net',
      digest: 30 * SECOND,
      cap: 10,
      rules: new Map(),
      clock: { now: () => place.now },
      log: silentLog,
    });
    place.now = noon;
    place.tell();
    await notices.run();
    place.now = noon + back;
    place.tell();
    const wait = await notices.run();
    expect(wait).toBeLessThanOrEqual(30 * SECOND);
    place.now += 30 * SECOND;
    await notices.run();
    expect(sent).toHaveLength(2);
  });
});

describe('a service that stood still for three days', () => {
  const start = Date.UTC(2026, 10, 10, 12);
  const DAYS = 72 * HOUR;
  const stamps = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => formatTime(from + index * SECOND));

  it('reads what happened, blocks nobody for it, says so once, and counts what is new', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    await bounces(place, start, ...stamps(start - MINUTE, 2));
    place.restart();
    expect(await bounces(place, start + DAYS, ...stamps(start + HOUR, 8))).toEqual(['stale']);
    expect(await bounces(place, start + DAYS, ...stamps(start + 30 * HOUR, 8))).toEqual([]);
    place.restart();
    expect(await bounces(place, start + DAYS, ...stamps(start + 50 * HOUR, 8))).toEqual([]);
    expect(place.store.blocks.allRunning()).toEqual([]);
    expect(place.store.outbox.waiting()).toEqual([]);
    expect(await bounces(place, start + DAYS + MINUTE, ...stamps(start + DAYS, 5))).toEqual([
      'blocked',
    ]);
  });

  it('blocks who goes on, at once', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    expect(await bounces(place, start, ...stamps(start - 12 * MINUTE, 6))).toEqual(['stale']);
    expect(await bounces(place, start, ...stamps(start - MINUTE, 1))).toEqual(['blocked']);
  });

  it('does not add the last old events to the first new ones', async () => {
    const place = bench({ rules: [FIVE_AN_HOUR] });
    expect(await bounces(place, start + DAYS, ...stamps(start, 4))).toEqual([]);
    expect(await bounces(place, start + DAYS, ...stamps(start + DAYS - MINUTE, 4))).toEqual([]);
    expect(await bounces(place, start + DAYS, ...stamps(start + DAYS, 1))).toEqual(['blocked']);
  });
});
