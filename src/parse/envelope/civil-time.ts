/**
 * The pieces of a time stamp: month and day, time of day, fraction, offset from UTC (RFC 3164 4.1.2, RFC 3339 5.6).
 * What cannot be read is -1. An optional piece that is absent ends where it would begin.
 */
import { DAY, HOUR, MINUTE, SECOND } from '../../base/time.ts';
import { endOfDigits, isDigit } from '../reader.ts';

const SPACE = 0x20;
const PLUS = 0x2b;
const COMMA = 0x2c;
const HYPHEN = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const COLON = 0x3a;
const UPPER_Z = 0x5a;

const MONTH_NAMES = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const MONTH_LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Digits of a second's fraction that are read, of those that a stamp may have. */
const FRACTION_READ = 3;
const LONGEST_FRACTION = 10;

/** The month from 0 that `Nov ` names at `at`. */
export function readMonth(text: string, at: number): number {
  const index = MONTH_NAMES.indexOf(text.slice(at, at + 3));
  return index >= 0 && index % 3 === 0 && text.charCodeAt(at + 3) === SPACE ? index / 3 : -1;
}

/** The day of a month at `at`, written as ` 1`, `01`, or `1` before a space. */
export function readDay(text: string, at: number, month: number): number {
  const unpadded = text.charCodeAt(at + 1) === SPACE;
  const padded = text.charCodeAt(at) === SPACE;
  const day = unpadded
    ? readDigit(text, at)
    : padded
      ? readDigit(text, at + 1)
      : readTwoDigits(text, at);
  return isDayInMonth(day, month) ? day : -1;
}

function isDayInMonth(day: number, month: number): boolean {
  return day >= 1 && day <= (MONTH_LENGTHS[month] as number);
}

/** ms of the day of `09:05:07`. A leap second is the second before it. */
export function readTimeOfDay(text: string, at: number): number {
  const hour = readTwoDigits(text, at);
  const minute = readTwoDigits(text, at + 3);
  const second = readTwoDigits(text, at + 6);
  if (hour < 0 || minute < 0 || second < 0) return -1;
  if (text.charCodeAt(at + 2) !== COLON || text.charCodeAt(at + 5) !== COLON) return -1;
  if (hour > 23 || minute > 59 || second > 60) return -1;
  return hour * HOUR + minute * MINUTE + Math.min(second, 59) * SECOND;
}

/** The civil time of `2026-11-01T09:05:07`, whatever separates date and time. */
export function readCivilTime(text: string, at: number): number {
  const century = readTwoDigits(text, at);
  const year = readTwoDigits(text, at + 2);
  const month = readTwoDigits(text, at + 5);
  const day = readTwoDigits(text, at + 8);
  if (century < 19 || year < 0 || month < 1 || month > 12) return -1;
  if (text.charCodeAt(at + 4) !== HYPHEN || text.charCodeAt(at + 7) !== HYPHEN) return -1;
  const time = readTimeOfDay(text, at + 11);
  if (time < 0 || !isDayInMonth(day, month - 1)) return -1;
  return Date.UTC(century * 100 + year, month - 1, day) + time;
}

function readDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return isDigit(code) ? code - ZERO : -1;
}

function readTwoDigits(text: string, at: number): number {
  const high = text.charCodeAt(at);
  const low = text.charCodeAt(at + 1);
  return isDigit(high) && isDigit(low) ? (high - ZERO) * 10 + low - ZERO : -1;
}

/** Index after `.123456` or `,123` at `at`. */
export function endOfFraction(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code !== DOT && code !== COMMA) return at;
  const end = endOfDigits(text, at + 1, LONGEST_FRACTION);
  return end > at + 1 ? end : at;
}

/** ms of the fraction whose digits are between two indices. */
export function readMilliseconds(text: string, from: number, to: number): number {
  let value = 0;
  for (let place = 0; place < FRACTION_READ; place++) {
    value = value * 10 + (from + place < to ? text.charCodeAt(from + place) - ZERO : 0);
  }
  return value;
}

/** Index after the offset from UTC at `at`: `Z`, `+01:00`, `+0100`, `+01`. */
export function endOfOffset(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if (sign === UPPER_Z) return at + 1;
  if ((sign !== PLUS && sign !== HYPHEN) || readTwoDigits(text, at + 1) < 0) return at;
  if (text.charCodeAt(at + 3) === COLON) return readTwoDigits(text, at + 4) < 0 ? at : at + 6;
  return readTwoDigits(text, at + 3) < 0 ? at + 3 : at + 5;
}

/** ms of the offset that `endOfOffset` found. */
export function parseOffset(offset: string): number {
  if (offset === 'Z') return 0;
  const minutes = Number(offset.slice(3).replace(':', '') || '0');
  const size = Math.min(readTwoDigits(offset, 1) * HOUR + minutes * MINUTE, DAY);
  return offset.startsWith('-') ? -size : size;
}
