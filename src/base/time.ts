/** Time as values: an injected clock, durations such as `10m`, RFC 3339 stamps. All times are ms since the epoch, UTC. */
import { dropUndefined } from './defined.ts';

/** The source of the current time; tests pass their own. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** In ms, like all times. */
export const SECOND = 1000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
};

/** Parses `90s`, `10m`, `1h30m`, `7d` to ms; undefined when the text is not a duration, or is zero. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhdw]))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdw])/g)) {
    total += Number(count) * (UNITS[unit as string] as number);
  }
  return total > 0 && Number.isSafeInteger(total) ? total : undefined;
}

/**
 * The zone of this host, for all that takes a zone. To look up the name that it has (`findZoneName`) takes 25 ms, a fifth of
 * what a small command takes; nobody can configure this one, because no zone is called so.
 */
export const HOST_ZONE = 'localtime';

/** The IANA name of a zone, for those who cannot ask this host. */
export function findZoneName(zone: string): string {
  return zone === HOST_ZONE ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
}

/** True for an IANA time zone that this Node knows, and for an offset such as `+01:00`. */
export function isZone(value: string): boolean {
  if (/^[+-](?:0\d|1[0-4]):[0-5]\d$/.test(value)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return /^[A-Za-z]/.test(value);
  } catch {
    return false;
  }
}

/** Renders ms as the shortest exact duration that `parseDuration` reads back: 5400000 is `1h30m`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.round(ms));
  let text = '';
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const size = UNITS[unit] as number;
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === '' ? '0s' : text;
}

/** RFC 3339 in UTC with milliseconds: `2026-11-10T09:05:07.000Z`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** To the minute, for tables that people read: `2026-11-10 09:05Z`. */
export function formatMinute(ms: number): string {
  return `${formatTime(ms).slice(0, 16).replace('T', ' ')}Z`;
}

/** As a clock of that zone shows it, with its offset, and UTC beside it: `2026-11-10 10:05:07+01:00 (09:05:07Z)`. */
export function formatLocalTime(ms: number, zone: string): string {
  const { clock, offset } = readLocal(ms, zone);
  const local = `${clock.slice(0, 10)} ${clock.slice(11, 19)}`;
  const utc = formatTime(ms);
  if (offset === 'Z') return `${local}Z`;
  const day = clock.startsWith(utc.slice(0, 10)) ? '' : `${utc.slice(0, 10)} `;
  return `${local}${offset} (${day}${utc.slice(11, 19)}Z)`;
}

/** To the minute, for tables that people read: `2026-11-10 10:05+01:00`. */
export function formatLocalMinute(ms: number, zone: string): string {
  const { clock, offset } = readLocal(ms, zone);
  return `${clock.slice(0, 16).replace('T', ' ')}${offset}`;
}

/** To the second, for lists of many: `2026-11-10 10:05:07+01:00`. */
export function formatLocalSecond(ms: number, zone: string): string {
  const { clock, offset } = readLocal(ms, zone);
  return `${clock.slice(0, 19).replace('T', ' ')}${offset}`;
}

/** What a clock of that zone shows, as RFC 3339 without a zone, and its offset from UTC. */
function readLocal(ms: number, zone: string): { clock: string; offset: string } {
  const minutes = findOffset(ms, zone);
  const clock = formatTime(ms + minutes * MINUTE).slice(0, -1);
  if (minutes === 0) return { clock, offset: 'Z' };
  const two = (number: number) => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  const sign = minutes < 0 ? '-' : '+';
  return { clock, offset: `${sign}${two(Math.floor(size / 60))}:${two(size % 60)}` };
}

/** Zones change their offset at a quarter of an hour. */
const QUARTER = 15 * MINUTE;
/** the last answer: lists have many times of one quarter, and the look-up takes some 50 us */
let known = { zone: '', quarter: Number.NaN, offset: 0 };

/** Minutes that the zone is ahead of UTC at that time. */
function findOffset(ms: number, zone: string): number {
  const quarter = Math.floor(ms / QUARTER);
  if (known.zone !== zone || known.quarter !== quarter) {
    known = { zone, quarter, offset: buildOffset(zone)(ms) };
  }
  return known.offset;
}

/**
 * A function that gives the minutes which the zone is ahead of UTC at a time in ms, for callers that ask often. Throws a
 * RangeError for an unknown zone.
 */
export function buildOffset(zone: string): (ms: number) => number {
  if (zone === HOST_ZONE) return (ms) => 0 - new Date(ms).getTimezoneOffset();
  const fixed = /^([+-])(\d\d):?([0-5]\d)$/.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return () => (fixed[1] === '-' ? -minutes : minutes);
  }
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  return (ms) => {
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const [, sign, hours = '0', rest = '0'] = /^GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    const minutes = Number(hours) * 60 + Number(rest);
    return sign === '-' ? -minutes : minutes;
  };
}

/** A copy of `object` for JSON: the times under these keys (ms) as RFC 3339, and no key whose value is undefined. */
export function formatTimes<T extends object>(
  object: T,
  ...keys: readonly (keyof T)[]
): Record<string, unknown> {
  const times = new Set<string | number | symbol>(keys);
  const entries = Object.entries(dropUndefined(object)).map(([key, value]) => [
    key,
    times.has(key) ? formatTime(value as number) : value,
  ]);
  return Object.fromEntries(entries);
}
