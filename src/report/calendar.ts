/** Periods as people name them: a day, a week, days from one to another; in the zone that they live in. */
import { DAY, formatLocalMinute, formatTime } from '../base/time.ts';
import { createZone } from '../parse/envelope/clock.ts';

/** In ms, `until` exclusive. */
export interface Period {
  readonly since: number;
  readonly until: number;
}

const WEEK = 7 * DAY;
/** 1970-01-05, a Monday */
const MONDAY = 4 * DAY;

/** `today`, `yesterday` or `2026-11-09`; undefined for anything else. `now` in ms. */
export function readDay(text: string, now: number, zone: string): Period | undefined {
  const day = findDay(text, now, zone);
  return day === undefined ? undefined : toPeriod(day, day + DAY, zone);
}

/** Both days included. Undefined if one cannot be read. */
export function readDays(from: string, to: string, now: number, zone: string): Period | undefined {
  const first = findDay(from, now, zone);
  const last = findDay(to, now, zone);
  return first === undefined || last === undefined ? undefined : toPeriod(first, last + DAY, zone);
}

/** Monday to Sunday: `this`, `last`, `2026-W46` (ISO 8601) or a day in it; undefined for anything else. */
export function readWeek(text: string, now: number, zone: string): Period | undefined {
  const monday = findMonday(text, now, zone);
  return monday === undefined ? undefined : toPeriod(monday, monday + WEEK, zone);
}

function findMonday(text: string, now: number, zone: string): number | undefined {
  const today = findDay('today', now, zone) as number;
  if (text === 'this') return mondayOf(today);
  if (text === 'last') return mondayOf(today) - WEEK;
  const [, year, week] = /^(\d{4})-W(\d\d)$/i.exec(text) ?? [];
  if (year === undefined) {
    const day = findDay(text, now, zone);
    return day === undefined ? undefined : mondayOf(day);
  }
  // ISO 8601: the 4th of January is in week 1.
  const monday = mondayOf(Date.parse(`${year}-01-04T00:00Z`)) + (Number(week) - 1) * WEEK;
  const thursday = monday + 3 * DAY;
  return formatTime(thursday).startsWith(`${year}-`) && Number(week) > 0 ? monday : undefined;
}

/** Midnight of the day as if a clock showed UTC. */
function findDay(text: string, now: number, zone: string): number | undefined {
  const today = Date.parse(`${formatLocalMinute(now, zone).slice(0, 10)}T00:00Z`);
  if (text === 'today') return today;
  if (text === 'yesterday') return today - DAY;
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined;
  const day = Date.parse(`${text}T00:00Z`);
  // 2026-02-30 would be a day in March.
  return Number.isNaN(day) || !formatTime(day).startsWith(text) ? undefined : day;
}

function mondayOf(day: number): number {
  return day - ((((day - MONDAY) % WEEK) + WEEK) % WEEK);
}

function toPeriod(since: number, until: number, zone: string): Period {
  const clock = createZone(zone);
  return { since: clock.instants(since)[0] as number, until: clock.instants(until)[0] as number };
}
