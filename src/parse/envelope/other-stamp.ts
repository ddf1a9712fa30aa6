/**
 * Time stamps of other forms than RFC 3164, RFC 3339 and Exim have: with a year (rsyslog templates, Cisco, ctime(3)),
 * with the months of other languages, as seconds (`journalctl -o short-unix`, TAI64N), and with the name of a zone
 * (`journalctl -o short-full`). They are rare, so each form is one expression, anchored where the stamp begins.
 */
import { HOUR, SECOND } from '../../base/time.ts';
import { parseOffset, readMilliseconds, readTimeOfDay } from './civil-time.ts';
import { findMonth } from './month-names.ts';
import { startsStamp } from './prefix.ts';

/** One of: an instant (ms); a civil time (ms, as if in UTC); a day and a time without a year. */
export type OtherStamp = {
  /** index after the stamp */
  readonly end: number;
} & (
  | { readonly instant: number }
  | { readonly civil: number; readonly milliseconds: number }
  | {
      readonly month: number;
      readonly day: number;
      readonly time: number;
      readonly milliseconds: number;
    }
);

const WEEKDAY = String.raw`(?:[A-Za-z\x80-\xff]{2,9}[.,]{0,2} )?`;
const MONTH = String.raw`([A-Za-z\x80-\xff]{3,10}\.?| ?\d{1,2}(?:\xe6\x9c\x88|\xec\x9b\x94))`;
const TIME = String.raw`(\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?`;
const ZONE = String.raw`(?: ?(Z|[+-]\d\d(?::?\d\d)?)| ([A-Z]{1,5}))?(?=[ \t])`;

/** `Tue 2026-11-10 09:05:08 CET`, `2026/11/10 09:05:08`, `2026-11-10_09:05:08.123`, `2026-11-10 09:05:08+01:00`. */
const YEAR_FIRST = new RegExp(
  String.raw`${WEEKDAY}(\d{4})[-/](\d\d)[-/](\d\d)[ _T]${TIME}${ZONE}`,
  'y',
);
/** `2026 Nov 10 09:05:08`, `Nov 10 2026 09:05:08`, `Tue Nov 10 09:05:08 CET 2026`, `okt. 10 09:05:08`. */
const MONTH_FIRST = new RegExp(
  String.raw`${WEEKDAY}(?:(\d{4}) )?${MONTH} {1,2}(\d{1,2})[.,]?(?: (\d{4}))? ${TIME}(?: ([A-Z]{3,5}))?(?: (\d{4}))?${ZONE}`,
  'y',
);
/** `10.11.2026 09:05:08`. */
const DOTTED = new RegExp(String.raw`(\d\d)\.(\d\d)\.(\d{4}),? ${TIME}${ZONE}`, 'y');
/** `10 Nov 09:05:08`, `10. Nov 2026 09:05:08`, `10/Nov/2026:09:05:08 +0100`. */
const DAY_FIRST = new RegExp(
  String.raw`${WEEKDAY}(\d{1,2})(?:\.? |[/-])${MONTH}(?:[ /-](\d{4}))?[ :]${TIME}${ZONE}`,
  'y',
);
const UNIX_TIME = /(\d{10})(?:\.(\d{1,9})|(\d{3}))?(?=[ \t])/y;
/** Seconds since 1970 in TAI, plus 2^62 (multilog(8), s6-log). */
const TAI64N = /@40000000([0-9a-f]{8})([0-9a-f]{8})(?= )/y;
/** A year that has every day. */
const LEAP_YEAR = 2024;
/** TAI is ahead of UTC since 2017, seconds. */
const LEAP_SECONDS = 37;

/** Zones whose abbreviation means one offset, in hours. IST, BST and CST mean several. */
const ZONES: Readonly<Record<string, number>> = {
  UTC: 0,
  GMT: 0,
  Z: 0,
  WET: 0,
  WEST: 1,
  CET: 1,
  CEST: 2,
  EET: 2,
  EEST: 3,
  MSK: 3,
  EST: -5,
  EDT: -4,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
  JST: 9,
  KST: 9,
  AEST: 10,
  AEDT: 11,
  NZST: 12,
  NZDT: 13,
};

/** Reads a stamp at `at`; undefined when there is none of these forms. */
export function readOtherStamp(text: string, at: number): OtherStamp | undefined {
  return (
    readYearFirst(text, at) ??
    readMonthFirst(text, at) ??
    readDayFirst(text, at) ??
    readDotted(text, at) ??
    readSeconds(text, at)
  );
}

/** True where any stamp begins, common or rare. */
export function startsAnyStamp(text: string, at: number): boolean {
  return startsStamp(text, at) || readOtherStamp(text, at) !== undefined;
}

function match(form: RegExp, text: string, at: number): (string | undefined)[] | undefined {
  form.lastIndex = at;
  return form.exec(text) ?? undefined;
}

function readYearFirst(text: string, at: number): OtherStamp | undefined {
  const found = match(YEAR_FIRST, text, at);
  if (found === undefined) return undefined;
  const [, year, month, day, time, fraction, offset, name] = found;
  // Only svlogd(8) writes `2026-11-10_09:05:08`, which is UTC.
  const zone = offset ?? name ?? (found[0]?.includes('_') ? 'UTC' : undefined);
  return create(YEAR_FIRST.lastIndex, {
    year,
    month: Number(month) - 1,
    day,
    time,
    fraction,
    zone,
  });
}

function readMonthFirst(text: string, at: number): OtherStamp | undefined {
  const found = match(MONTH_FIRST, text, at);
  if (found === undefined) return undefined;
  const [, before, name, day, between, time, fraction, inner, behind, offset, outer] = found;
  const month = findMonth(name as string);
  const year = before ?? between ?? behind;
  return create(MONTH_FIRST.lastIndex, {
    year,
    month,
    day,
    time,
    fraction,
    zone: inner ?? offset ?? outer,
  });
}

function readDayFirst(text: string, at: number): OtherStamp | undefined {
  const found = match(DAY_FIRST, text, at);
  if (found === undefined) return undefined;
  const [, day, name, year, time, fraction, offset, zone] = found;
  const month = findMonth(name as string);
  return create(DAY_FIRST.lastIndex, { year, month, day, time, fraction, zone: offset ?? zone });
}

function readDotted(text: string, at: number): OtherStamp | undefined {
  const found = match(DOTTED, text, at);
  if (found === undefined) return undefined;
  const [, day, month, year, time, fraction, offset, zone] = found;
  return create(DOTTED.lastIndex, {
    year,
    month: Number(month) - 1,
    day,
    time,
    fraction,
    zone: offset ?? zone,
  });
}

interface Fields {
  readonly year: string | undefined;
  readonly month: number;
  readonly day: string | undefined;
  readonly time: string | undefined;
  readonly fraction: string | undefined;
  readonly zone: string | undefined;
}

function create(end: number, fields: Fields): OtherStamp | undefined {
  const { month } = fields;
  const day = Number(fields.day);
  const time = readTimeOfDay(fields.time ?? '', 0);
  if (month < 0 || month > 11 || time < 0) return undefined;
  const midnight = Date.UTC(Number(fields.year ?? LEAP_YEAR), month, day);
  if (new Date(midnight).getUTCDate() !== day) return undefined;
  const { fraction = '' } = fields;
  const milliseconds = readMilliseconds(fraction, 0, fraction.length);
  if (fields.year === undefined) return { end, month, day, time, milliseconds };
  const civil = midnight + time;
  const offset = findOffset(fields.zone);
  if (offset === undefined) return { end, civil, milliseconds };
  return { end, instant: civil - offset + milliseconds };
}

/** ms of a zone's offset; undefined when the name does not say. */
function findOffset(zone: string | undefined): number | undefined {
  if (zone === undefined) return undefined;
  if (/^[+-]/.test(zone)) return parseOffset(zone);
  const hours = ZONES[zone];
  return hours === undefined ? undefined : hours * HOUR;
}

function readSeconds(text: string, at: number): OtherStamp | undefined {
  const unix = match(UNIX_TIME, text, at);
  if (unix !== undefined) {
    const [, seconds, fraction = unix[3] ?? ''] = unix;
    const milliseconds = readMilliseconds(fraction, 0, fraction.length);
    return { end: UNIX_TIME.lastIndex, instant: Number(seconds) * SECOND + milliseconds };
  }
  const tai = match(TAI64N, text, at);
  if (tai === undefined) return undefined;
  const [, seconds = '', nanoseconds = ''] = tai;
  const instant = (Number.parseInt(seconds, 16) - LEAP_SECONDS) * SECOND;
  const milliseconds = Math.floor(Number.parseInt(nanoseconds, 16) / 1e6);
  return { end: TAI64N.lastIndex, instant: instant + milliseconds };
}
