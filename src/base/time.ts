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
