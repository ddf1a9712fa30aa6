/**
 * Notices when Postern is blind: no lines of the mail server although there usually are some at this time, or lines that
 * it cannot read any more. Both go by the last days, so that a quiet night is nothing new. Pure.
 */
import { formatDuration, HOUR } from '../base/time.ts';
import type { BlindCause, BlindChange } from '../model/occurrence.ts';
import type { HourOfLines } from '../store/saved-state.ts';

/** Hours that are remembered: a week and the longest silence. */
export const KEPT_HOURS = 9 * 24;
const DAY_HOURS = 24;
/** Of the last days, at least so many must be known before their absence of lines says anything. */
const LEAST_DAYS = 3;
const MOST_DAYS = 7;
/** Fewer lines say nothing about a share: in the last two hours, and in the days before. */
const LEAST_LINES = 100;
const LEAST_USUAL_LINES = 1000;

interface BlindOptions {
  /** ms without a line; undefined: never blind because of that */
  readonly silence: number;
  /** by how many percent points the share of unread lines must be above the usual one */
  readonly unreadJump: number;
}

/** Adds lines to the hour of `now` (ms), and forgets old hours. A clock that was set back forgets the future. */
export function addLines(
  hours: readonly HourOfLines[],
  now: number,
  { read, unread }: { readonly read: number; readonly unread: number },
): HourOfLines[] {
  const hour = Math.floor(now / HOUR);
  const kept = hours.filter((one) => one.hour < hour && one.hour > hour - KEPT_HOURS);
  const known = hours.find((one) => one.hour === hour) ?? { hour, read: 0, unread: 0 };
  return [...kept, { hour, read: known.read + read, unread: known.unread + unread }];
}

/** Why Postern is blind at `now` (ms), if it is. */
export function findBlind(
  hours: readonly HourOfLines[],
  now: number,
  options: BlindOptions,
): Pick<BlindChange, 'cause' | 'why'>[] {
  const byHour = new Map(hours.map((one) => [one.hour, one]));
  return [...findSilence(byHour, now, options), ...findUnread(hours, now, options)];
}

type ByHour = ReadonlyMap<number, HourOfLines>;

/** Lines in the `length` hours up to and with `last`; undefined if the service did not watch all of them. */
function countLines(byHour: ByHour, last: number, length: number): number | undefined {
  let lines = 0;
  for (let hour = last - length + 1; hour <= last; hour++) {
    const one = byHour.get(hour);
    if (one === undefined) return undefined;
    lines += one.read + one.unread;
  }
  return lines;
}

/** No line in the last whole hours, and some on every day before but one, at the same time of day. */
function findSilence(
  byHour: ByHour,
  now: number,
  { silence }: BlindOptions,
): Pick<BlindChange, 'cause' | 'why'>[] {
  const length = Math.ceil(silence / HOUR);
  const current = Math.floor(now / HOUR);
  // The hour that has just begun proves nothing by itself, but a line in it ends the silence.
  const last = current - 1;
  if (countLines(byHour, last, length) !== 0 || countLines(byHour, current, 1) !== 0) return [];
  const days = Array.from({ length: MOST_DAYS }, (_, day) =>
    countLines(byHour, last - (day + 1) * DAY_HOURS, length),
  ).filter((lines) => lines !== undefined);
  const quiet = days.filter((lines) => lines === 0).length;
  if (days.length < LEAST_DAYS || quiet > (days.length >= 5 ? 1 : 0)) return [];
  const why = `no line of the mail server for ${formatDuration(length * HOUR)}, although there usually are some at this time`;
  return [{ cause: 'silence', why }];
}

function findUnread(
  hours: readonly HourOfLines[],
  now: number,
  { unreadJump }: BlindOptions,
): Pick<BlindChange, 'cause' | 'why'>[] {
  const recent = Math.floor(now / HOUR) - 1;
  const share = findShare(
    hours.filter(({ hour }) => hour >= recent),
    LEAST_LINES,
  );
  const usual = findShare(
    hours.filter(({ hour }) => hour < recent),
    LEAST_USUAL_LINES,
  );
  if (share === undefined || usual === undefined || share - usual < unreadJump) return [];
  const why = `${Math.round(share)} % of the lines of the mail server say nothing to Postern, usually ${Math.round(usual)} %: has their form changed?`;
  return [{ cause: 'unread', why }];
}

/** Unread lines in percent; undefined for fewer than `least` lines. */
function findShare(hours: readonly HourOfLines[], least: number): number | undefined {
  const read = hours.reduce((sum, one) => sum + one.read, 0);
  const unread = hours.reduce((sum, one) => sum + one.unread, 0);
  return read + unread < least ? undefined : (100 * unread) / (read + unread);
}

/** What has begun and ended between `before` and what was `found` at `now`; and what is the case now. */
export function compareBlind(
  before: readonly BlindChange[],
  found: readonly Pick<BlindChange, 'cause' | 'why'>[],
  now: number,
): { readonly changes: readonly BlindChange[]; readonly current: readonly BlindChange[] } {
  const is = (list: readonly { cause: BlindCause }[], cause: BlindCause) =>
    list.some((one) => one.cause === cause);
  const begun = found
    .filter(({ cause }) => !is(before, cause))
    .map((one) => ({ ...one, since: now }));
  const lasting = before.filter(({ cause }) => is(found, cause));
  const ended = before
    .filter(({ cause }) => !is(found, cause))
    .map((one) => ({ ...one, ended: now }));
  return { changes: [...begun, ...ended], current: [...lasting, ...begun] };
}
