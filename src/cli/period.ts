/** The period of a report as operators name it: one of four ways, with a message for everything else. */
import { dropUndefined } from '../base/defined.ts';
import { PosternError } from '../base/errors.ts';
import { type Period, readDay, readDays, readWeek } from '../report/calendar.ts';
import { parsePeriod } from './typed.ts';

export interface PeriodOptions {
  readonly since?: string;
  readonly until?: string;
  readonly day?: string;
  readonly week?: string;
  readonly from?: string;
  readonly to?: string;
}

const WAYS = '--since and --until, --day, --week, or --from and --to';

/** In ms, never after `now`; the last day if none is named. Throws a PosternError (exit status 2). */
export function readReportPeriod(options: PeriodOptions, now: number, zone: string): Period {
  const { since, until, day, week, from, to } = options;
  const ways = [since ?? until, day, week, from ?? to].filter((way) => way !== undefined);
  if (ways.length > 1) throw new PosternError('usage', `name the period in one way: ${WAYS}`);
  const { since: begin, until: end } = readNamed(options, now, zone);
  if (begin >= now)
    throw new PosternError(
      'usage',
      options.since === undefined ? 'the period has not begun yet' : '--since must be before now',
    );
  return { since: begin, until: Math.min(end, now) };
}

function readNamed({ day, week, from, to, ...typed }: PeriodOptions, now: number, zone: string) {
  if (day !== undefined) {
    const expected = 'today, yesterday or a day such as 2026-11-09';
    return readDay(day, now, zone) ?? refuse(`--day ${day}`, expected);
  }
  if (week !== undefined) {
    const expected = 'last, this, a week such as 2026-W46 or a day in it';
    return readWeek(week, now, zone) ?? refuse(`--week ${week}`, expected);
  }
  if (from !== undefined || to !== undefined) return readFromTo(from, to, now, zone);
  const { since = '24h', until } = typed;
  const period = parsePeriod(dropUndefined({ since, until }), zone);
  return { since: period.since ?? now, until: period.until ?? now };
}

function readFromTo(
  from: string | undefined,
  to: string | undefined,
  now: number,
  zone: string,
): Period {
  if (from === undefined) throw new PosternError('usage', `--to ${to}: needs --from as well`);
  const expected = 'a day such as 2026-11-09, or yesterday';
  for (const [name, text] of [
    ['--from', from],
    ['--to', to ?? 'today'],
  ] as const) {
    if (readDay(text, now, zone) === undefined) refuse(`${name} ${text}`, expected);
  }
  const period = readDays(from, to ?? 'today', now, zone);
  if (period === undefined || period.since >= period.until) {
    throw new PosternError('usage', `--from ${from} must not be after --to ${to ?? 'today'}`);
  }
  return period;
}

function refuse(what: string, expected: string): never {
  throw new PosternError('usage', `${what}: expected ${expected}`);
}
