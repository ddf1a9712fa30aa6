/** Values as operators type them on the command line: identities, times, durations, numbers, words. */
import { dropUndefined } from '../base/defined.ts';
import { PosternError } from '../base/errors.ts';
import { unescapeControls } from '../base/escape.ts';
import { formatTime, parseDuration, systemClock } from '../base/time.ts';
import type { Block } from '../model/block.ts';
import type { Submitter } from '../model/event.ts';
import { parseBlockable, parseIdentity } from '../model/identity.ts';
import { canonicalLogin, type LoginOptions } from '../model/login.ts';
import { createZone } from '../parse/envelope/clock.ts';
import { refuseIdentity } from './refused-identity.ts';

/**
 * An identity; a login in whatever spelling, in the one form that `logins` gives it. Throws a PosternError (exit
 * status 2) for anything else.
 */
export function parseTypedIdentity(text: string, logins: LoginOptions): Submitter {
  const submitter = parseShown(parseIdentity, text) ?? refuseIdentity(text, IDENTITIES);
  return submitter.type === 'user' ? toPerson(submitter, logins) : submitter;
}

/** The same for an identity that can be blocked. */
export function parseTypedBlockable(text: string, logins: LoginOptions): Block['key'] {
  const key = parseShown(parseBlockable, text) ?? refuseIdentity(text, BLOCKABLE);
  return key.type === 'user' ? toPerson(key, logins) : key;
}

function toPerson<T extends { readonly id: string }>(user: T, logins: LoginOptions): T {
  return { ...user, id: canonicalLogin(logins, user.id) };
}

/**
 * Reads an identity as it was printed, with `\uXXXX` for hidden characters: whoever sees `user:a\u001b` can paste it.
 * Control characters themselves are refused.
 */
function parseShown<T extends { readonly id: string }>(
  parse: (text: string) => T | undefined,
  text: string,
): T | undefined {
  const known = parse(unescapeControls(text));
  if (known !== undefined) return known;
  const shown = parse(text);
  return shown && { ...shown, id: unescapeControls(shown.id) };
}

const IDENTITIES = 'alice@example.net, 192.0.2.7, 192.0.2.0/24 or uid:33';
const BLOCKABLE = 'alice@example.net, 192.0.2.7, 192.0.2.0/24, uid:33 or sender:alice@example.net';

/** The value of `--for`, ms; undefined: until released. Throws a PosternError (exit status 2). */
export function parseLength(text: string | undefined): number | undefined {
  if (text === undefined || text === 'until-released') return undefined;
  const duration = parseDuration(text);
  if (duration === undefined)
    throw new PosternError(
      'usage',
      `--for ${text}: expected a duration such as 1h or 7d, or until-released`,
    );
  return duration;
}

/**
 * A time, ms: `24h` or `24h ago` (that long ago), RFC 3339, or a date with or without a time in `zone`. Throws a
 * PosternError (exit status 2).
 */
export function parseTime(option: string, text: string, zone: string): number {
  const ago = parseDuration(text.replace(/ ago$/, ''));
  if (ago !== undefined) return systemClock.now() - ago;
  const time = parseInstant(text, zone);
  if (time !== undefined) return time;
  throw new PosternError(
    'usage',
    `${option} ${text}: expected a duration such as 24h or a time such as 2026-11-01T09:00:00Z`,
  );
}

const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?))?(Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?$/i;

/** ms; undefined for what is not a time, and for a day that the month does not have. */
function parseInstant(text: string, zone: string): number | undefined {
  const [, day, clock = '00:00', named] = TIME.exec(text) ?? [];
  // What a clock showed, as if it showed UTC.
  const civil = Date.parse(`${day}T${clock}Z`);
  if (Number.isNaN(civil) || !formatTime(civil).startsWith(`${day}`)) return undefined;
  if (named?.toUpperCase() === 'Z') return civil;
  return createZone(named ?? zone).instants(civil)[0];
}

/** `--since` and `--until`, ms. Throws a PosternError (exit status 2), also when nothing lies between them. */
export function parsePeriod(
  typed: { readonly since?: string | undefined; readonly until?: string | undefined },
  zone: string,
): { readonly since?: number; readonly until?: number } {
  const since = typed.since === undefined ? undefined : parseTime('--since', typed.since, zone);
  const until = typed.until === undefined ? undefined : parseTime('--until', typed.until, zone);
  if (since !== undefined && since >= (until ?? Number.POSITIVE_INFINITY)) {
    throw new PosternError('usage', '--since must be before --until');
  }
  return dropUndefined({ since, until });
}

/** Words separated by commas, each one of `allowed`. Throws a PosternError (exit status 2). */
export function parseWords(option: string, text: string, allowed: readonly string[]): string[] {
  const words = text.split(',');
  const wrong = words.find((word) => !allowed.includes(word));
  if (wrong !== undefined)
    throw new PosternError('usage', `${option} ${wrong}: expected ${allowed.join(', ')}`);
  return words;
}

/** A whole number above 0. Throws a PosternError (exit status 2). */
export function parseCount(option: string, text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new PosternError('usage', `${option} ${text}: expected a whole number above 0`);
  return Number(text);
}

/** An envelope address as SMTP has it, `<alice@example.net>`, without the angle brackets. */
export function stripBrackets(text: string): string {
  return /^<(.*)>$/s.exec(text)?.[1] ?? text;
}
