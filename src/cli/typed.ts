/** Values as they are typed on a command line: identities, times, durations, numbers, words. */
import { PosternError } from '../base/errors.ts';
import { parseDuration, systemClock } from '../base/time.ts';
import { parseIdentity } from '../model/address.ts';
import type { Submitter } from '../model/event.ts';

/** An identity as typed; throws a PosternError (exit status 2) when it is none. */
export function identityOf(text: string): Submitter {
  const identity = parseIdentity(text);
  if (identity === undefined) {
    throw new PosternError(
      'usage',
      `not an identity: ${JSON.stringify(text)}; expected alice@example.net, 192.0.2.7 or uid:33`,
    );
  }
  return identity;
}

/** `--for` as typed; undefined: until released. Throws a PosternError (exit status 2). */
export function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || text === 'until-released') return undefined;
  const duration = parseDuration(text);
  if (duration === undefined)
    throw new PosternError(
      'usage',
      `--for ${text}: expected a duration such as 1h or 7d, or until-released`,
    );
  return duration;
}

/** A time as typed: `24h` (that long ago) or RFC 3339. Throws a PosternError (exit status 2). */
export function timeOf(option: string, text: string): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return systemClock.now() - ago;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new PosternError(
      'usage',
      `${option} ${text}: expected a duration such as 24h or a time such as 2026-11-01T09:00:00Z`,
    );
  }
  return time;
}

/** Words with commas between them, each one of `allowed`. Throws a PosternError (exit status 2). */
export function wordsOf(option: string, text: string, allowed: readonly string[]): string[] {
  const words = text.split(',');
  const wrong = words.find((word) => !allowed.includes(word));
  if (wrong !== undefined)
    throw new PosternError('usage', `${option} ${wrong}: expected ${allowed.join(', ')}`);
  return words;
}

/** A number above 0. Throws a PosternError (exit status 2). */
export function countOf(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new PosternError('usage', `${option} ${text}: expected a number above 0`);
  return Number(text);
}
