/** Which limit applies: nights and weekends against a clock that is read minute by minute, and the order of overrides. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/base/time.ts';
import { HourShares, type Hours } from '../../src/judge/hours.ts';
import { buildAdjustment, fitsRule } from '../../src/judge/limits.ts';
import { parseOverrideFile } from '../../src/judge/override-file.ts';
import { OverrideTable } from '../../src/judge/overrides.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';

const at = (text: string) => Date.parse(text);

const BERLIN: Hours = {
  zone: 'Europe/Berlin',
  night: { from: 22 * 60, to: 6 * 60, factor: 0.5 },
  weekend: { days: [6, 0], factor: 0.25 },
};

describe('the largest share in a window', () => {
  const shares = new HourShares(BERLIN);
  const largest = (time: string, period = HOUR) => shares.findLargest(at(time), period).factor;

  it.each([
    // a Wednesday in winter, UTC+1
    ['2026-11-04T20:59:59.999Z', 1, 'one millisecond before night'],
    ['2026-11-04T21:00:00.000Z', 1, 'night begins, the hour before was day'],
    ['2026-11-04T21:59:59.998Z', 1, 'the window still holds the last moment of the day'],
    ['2026-11-04T21:59:59.999Z', 0.5, 'the window lies in the night'],
    ['2026-11-05T04:59:59.999Z', 0.5, 'the last moment of the night'],
    ['2026-11-05T05:00:00.000Z', 1, 'morning'],
    // Saturday 00:00 is Friday 23:00 UTC
    ['2026-11-06T22:59:59.999Z', 0.5, 'Friday night'],
    ['2026-11-06T23:59:59.998Z', 0.5, 'the window still holds Friday'],
    ['2026-11-06T23:59:59.999Z', 0.25, 'Saturday'],
    ['2026-11-08T22:59:59.999Z', 0.25, 'the last moment of Sunday'],
    ['2026-11-08T23:00:00.000Z', 0.5, 'Monday, at night'],
    // the clock goes from 03:00 CEST back to 02:00 CET on Sunday, 2026-10-25; to 03:00 CEST on 2027-03-28
    ['2026-10-26T04:59:59.999Z', 0.5, 'winter: six is at 05:00 UTC'],
    ['2026-10-23T03:59:59.999Z', 0.5, 'summer: six is at 04:00 UTC'],
    ['2026-10-23T04:00:00.000Z', 1, 'summer: morning at 04:00 UTC'],
  ])('%s: %d (%s)', (time, expected) => {
    expect(largest(time)).toBe(expected);
  });

  it('is that of the day in a window of a day, but for the second half of a weekend', () => {
    expect(largest('2026-11-05T03:00:00Z', DAY)).toBe(1);
    expect(largest('2026-11-07T22:00:00Z', DAY)).toBe(0.5);
    expect(largest('2026-11-08T12:00:00Z', DAY)).toBe(0.25);
  });

  const minutes = fc.integer({ min: 0, max: 24 * 60 - 1 });
  const factor = fc.integer({ min: 1, max: 10 }).map((tenths) => tenths / 10);
  const night = fc
    .record({ from: minutes, to: minutes, factor })
    .filter(({ from, to }) => from !== to);
  const hours = fc.record({
    zone: fc.constantFrom(
      ...['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', '+05:30'],
    ),
    night: fc.option(night, { nil: undefined }),
    weekend: fc.option(fc.record({ days: fc.subarray([0, 1, 2, 3, 4, 5, 6] as const), factor }), {
      nil: undefined,
    }),
  });
  // Around days on which clocks are changed, and any other time.
  const times = fc
    .tuple(
      fc.constantFrom(
        ...['2026-10-25T01:00Z', '2026-11-01T06:00Z', '2027-03-28T01:00Z', '2026-04-04T15:00Z'],
        ...['2026-12-31T23:00Z', '2026-06-15T00:00Z'],
      ),
      fc.integer({ min: -3 * DAY, max: 3 * DAY }),
    )
    .map(([time, offset]) => at(time) + offset);
  const periods = fc.constantFrom(5 * MINUTE, HOUR, 90 * MINUTE, DAY);

  it('is the largest of all minutes that a clock on the wall shows in it', () => {
    fc.assert(
      fc.property(hours, times, periods, (hours, end, period) => {
        const read = buildWallClock(hours);
        let expected = read(end - period + 1);
        // Nothing changes within a minute.
        for (
          let time = Math.ceil((end - period + 1) / MINUTE) * MINUTE;
          time <= end;
          time += MINUTE
        )
          expected = Math.max(expected, read(time));
        expect(new HourShares(hours).findLargest(end, period).factor).toBe(expected);
      }),
      { numRuns: 150 },
    );
  });
});

/** Another way to read a clock: its parts, as the platform writes them. */
function buildWallClock({ zone, night, weekend }: Hours): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  });
  return (ms) => {
    const [, day = '', hour, minute] = /^(\w+),? (\d\d):(\d\d)/.exec(format.format(ms)) ?? [];
    const now = 60 * Number(hour) + Number(minute);
    const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(day);
    const inNight =
      night !== undefined &&
      (night.from < night.to
        ? night.from <= now && now < night.to
        : now >= night.from || now < night.to);
    return Math.min(
      inNight ? night.factor : 1,
      weekend?.days.some((each) => each === weekday) === true ? weekend.factor : 1,
    );
  };
}

function makeRule(fields: Record<string, unknown>): Rule {
  const all = { name: 'r', count: 'recipients', per: 'submitter', action: 'observe', ...fields };
  return parseRule(JSON.stringify(all), 'r.yaml');
}

const VOLUME = makeRule({
  name: 'recipients',
  limits: [
    { limit: 500, period: '1h' },
    { limit: 2000, period: '1d' },
  ],
});
const SHARE = makeRule({
  ...{ name: 'share', count: 'invalid', 'ratio-of': 'recipients', limit: '25%', period: '1h' },
});
const SPREAD = makeRule({
  ...{ name: 'spread', count: 'logins', per: 'user', distinct: 'client-net' },
  ...{ limit: 3, period: '5m' },
});
const OTHER = makeRule({ name: 'other', count: 'invalid', limit: 100, period: '1h' });

const TABLE = `# limits that are known
news@example.net        5000 newsletter, 4200 recipients on Mondays
shop@example.net        5000/1d
 orders of a whole day
shop@example.net        700/1h
shop@example.net        rule=other 10
@example.net            1000 our staff
@sub.example.net        exempt
192.0.2.0/24            3000 web servers
192.0.2.7               50 a web form
list:all@example.net    exempt our own mailing list
uid:33                  80
strict@example.net      5% old list
`;

describe('overrides', () => {
  const { value, problems } = parseOverrideFile(TABLE, 'table');
  const table = new OverrideTable(value);
  const limits = (rule: Rule, type: 'user' | 'client' | 'uid', id: string) => {
    const adjustment = buildAdjustment(rule, () => table, undefined);
    return rule.limits.map((limit) => adjustment.limitFor(limit, type, id, 0)?.limit);
  };

  it('are read without a problem', () => expect(problems).toEqual([]));

  it.each<[id: string, expected: (number | undefined)[], why: string]>([
    ['news@example.net', [5000, 20000], 'the other limit grows with the first'],
    ['shop@example.net', [700, 5000], 'each period its own'],
    ['alice@example.net', [1000, 4000], 'by domain'],
    ['alice@sub.example.net', [undefined, undefined], 'by the longer domain'],
    ['alice@deep.sub.example.net', [undefined, undefined], 'by a subdomain'],
    ['alice@notexample.net', [500, 2000], 'another domain'],
    ['strict@example.net', [1000, 4000], 'a percentage is not for volume: the domain holds'],
  ])('%s: %j (%s)', (id, expected) => {
    expect(limits(VOLUME, 'user', id)).toEqual(expected);
  });

  it('are for clients and accounts, too: the smallest network holds', () => {
    expect(limits(VOLUME, 'client', '192.0.2.7')).toEqual([50, 200]);
    expect(limits(VOLUME, 'client', '192.0.2.8')).toEqual([3000, 12000]);
    expect(limits(VOLUME, 'client', '198.51.100.1')).toEqual([500, 2000]);
    expect(limits(VOLUME, 'uid', '33')).toEqual([80, 320]);
  });

  it('of a number are for volume, of a percentage for shares; other rules must be named', () => {
    expect(limits(SHARE, 'user', 'strict@example.net')).toEqual([5]);
    expect(limits(SHARE, 'user', 'news@example.net')).toEqual([25]);
    expect(limits(OTHER, 'user', 'news@example.net')).toEqual([100]);
    expect(limits(OTHER, 'user', 'shop@example.net')).toEqual([10]);
  });

  it('that exempt do not exempt from the rules about networks', () => {
    expect(limits(SHARE, 'user', 'alice@sub.example.net')).toEqual([undefined]);
    expect(limits(SPREAD, 'user', 'alice@sub.example.net')).toEqual([3]);
    expect(value.some((override) => fitsRule(override, SPREAD))).toBe(false);
  });

  it('of lists take their mail out of the count', () => {
    const spares = (rule: Rule, sender: string) =>
      buildAdjustment(rule, () => table, undefined).sparesMail({ sender } as never);
    expect(spares(VOLUME, 'All@Example.net')).toBe(true);
    expect(spares(VOLUME, 'news@example.net')).toBe(false);
    expect(spares(OTHER, 'all@example.net')).toBe(false);
  });

  it('say why, and where that is written', () => {
    const adjustment = buildAdjustment(VOLUME, () => table, undefined);
    const [hour, day] = VOLUME.limits as never as [Rule['limits'][0], Rule['limits'][0]];
    expect(adjustment.limitFor(hour, 'user', 'news@example.net', 0)?.why).toBe(
      'newsletter, 4200 recipients on Mondays (override for news@example.net, table:2)',
    );
    expect(adjustment.limitFor(day, 'user', 'shop@example.net', 0)?.why).toBe(
      'orders of a whole day (override for shop@example.net, table:3)',
    );
    expect(adjustment.limitFor(hour, 'user', 'a@example.org', 0)?.why).toBeUndefined();
  });

  it('hold at all hours', () => {
    const adjustment = buildAdjustment(VOLUME, () => table, BERLIN);
    const [hour] = VOLUME.limits as never as [Rule['limits'][0]];
    const night = at('2026-11-05T01:00:00Z');
    expect(adjustment.limitFor(hour, 'user', 'news@example.net', night)?.limit).toBe(5000);
    expect(adjustment.limitFor(hour, 'user', 'a@example.org', night)).toEqual({
      limit: 250,
      period: HOUR,
      full: 500,
      why: 'night, 22:00 to 06:00 in Europe/Berlin: 0.5 of 500',
    });
    const [other] = OTHER.limits as never as [Rule['limits'][0]];
    const unchanged = buildAdjustment(OTHER, () => table, BERLIN);
    expect(unchanged.limitFor(other, 'user', 'a@example.org', night)).toBe(other);
  });
});

describe('a line of a table that cannot be understood', () => {
  it.each([
    [
      'news@example.net',
      'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key',
    ],
    [
      'news@example.net many',
      'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key',
    ],
    [
      'news@example.net 0',
      'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key',
    ],
    [
      'news@example.net 101%',
      'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key',
    ],
    [
      'news@example.net 5/day',
      'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key',
    ],
    ['client:example.net 5', 'expected an address or a network'],
    ['example.net 5', 'expected @example.net for a domain, or user:example.net for a login'],
    ['ok@example.net 6', 'expected another key: line 1 has this one'],
  ])('%s', (line, expected) => {
    const { value, problems } = parseOverrideFile(`ok@example.net 5\n${line}\n`, 'table');
    expect(value).toHaveLength(1);
    expect(problems).toEqual([{ line: 2, text: expected }]);
  });

  it('never ends the reading', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const bytes = Buffer.from(text).toString('latin1');
        const { value } = parseOverrideFile(`${bytes}\nlast@example.net 5\n`, 'table');
        expect(value.length).toBeGreaterThan(0);
        new OverrideTable(value);
      }),
    );
  });
});
