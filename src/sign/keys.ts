/**
 * The file with the keys of signed return paths, one a line as `DIGIT SECRET`. The last key that is not retired signs,
 * all verify; a retired one (a comment before its line says since when) until the mail that it signed can no longer
 * bounce. Several servers may share the file. No message holds a secret.
 */
import { randomHex } from '../base/digest.ts';
import { PosternError } from '../base/errors.ts';
import { DAY, formatTime } from '../base/time.ts';
import { type Key, LIFETIME_DAYS } from './scheme.ts';

/** How long other servers keep trying before they send a bounce, days (RFC 5321, 4.5.4.1; the default of Postfix). */
const LONGEST_QUEUE_DAYS = 5;
const LONGEST_SIGNING_DAYS = 900;
const MOST_KEYS = 10;
const SECRET_BYTES = 24;

/** A comment about the key on the next line. */
const NOTE = /^#\s*(added|retired) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)$/;
const KEY = /^(\d)[ \t]+(\S(?:[^\x00-\x1f\x7f]*\S)?)[ \t]*$/;

/** How long after it was sent a message can still bounce, ms: until its address expires, and then its bounce is queued. */
export const LAST_BOUNCE = (LIFETIME_DAYS + LONGEST_QUEUE_DAYS) * DAY;

/** When a retired key verifies no more, ms. */
export function endOfKey(retired: number): number {
  return retired + LAST_BOUNCE;
}

/** The keys that verify at a time (ms). */
export function listVerifying(keys: readonly Key[], now: number): Key[] {
  return keys.filter(({ retired }) => retired === undefined || now < endOfKey(retired));
}

/**
 * When a key should be replaced, ms: its addresses name their day in three digits, so that after a thousand days the
 * oldest would be valid again. Undefined when the file does not say how old it is.
 */
export function endOfSigning({ added }: Key): number | undefined {
  return added === undefined ? undefined : added + LONGEST_SIGNING_DAYS * DAY;
}

/** The key that signs; undefined when all are retired. */
export function findSigning(keys: readonly Key[]): Key | undefined {
  return keys.findLast(({ retired }) => retired === undefined);
}

/**
 * Reads the text of a key file. Throws a PosternError (configuration) that names file, line and what was expected, also
 * when two keys have one number or there is none.
 */
export function parseKeys(text: string, file: string): Key[] {
  const keys: Key[] = [];
  let notes: Notes = {};
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.replace(/\r$/, '');
    if (/^\s*(?:#|$)/.test(trimmed)) {
      notes = { ...notes, ...readNote(trimmed) };
      continue;
    }
    keys.push({ ...readKey(trimmed, keys, { file, line: index + 1 }), ...notes });
    notes = {};
  }
  if (keys.length === 0) throw refuse({ file }, 'no key in it; expected lines of DIGIT SECRET');
  return keys;
}

type Notes = Pick<Key, 'added' | 'retired'>;

function readNote(line: string): Notes {
  const [, what, stamp] = NOTE.exec(line) ?? [];
  const time = stamp === undefined ? Number.NaN : Date.parse(stamp);
  return what === undefined || Number.isNaN(time) ? {} : { [what]: time };
}

interface Line {
  readonly file: string;
  readonly line?: number;
}

function readKey(text: string, before: readonly Key[], place: Line): Key {
  const [, number, secret] = KEY.exec(text) ?? [];
  if (number === undefined || secret === undefined) {
    throw refuse(place, 'not a key; expected DIGIT SECRET on one line');
  }
  if (before.some((key) => key.number === number)) {
    throw refuse(place, `a second key has the number ${number}; each needs its own`);
  }
  return { number, secret };
}

function refuse(place: Line, text: string): PosternError {
  const position = [place.file, place.line].filter((part) => part !== undefined).join(':');
  return new PosternError('configuration', `${position}: ${text}`, { place });
}

/** The text of the file with these keys. */
export function formatKeys(keys: readonly Key[]): string {
  const lines = keys.map((key) => `${formatNotes(key)}${key.number} ${key.secret}\n`);
  return HEADER + lines.join('');
}

function formatNotes(key: Key): string {
  const notes = (['added', 'retired'] as const).flatMap((what) => {
    const time = key[what];
    return time === undefined ? [] : [`# ${what} ${formatTime(time)}\n`];
  });
  return notes.join('');
}

const HEADER = `# Keys of signed return paths, written by postern key. One a line: DIGIT SECRET.
# The last one that is not retired signs; all verify. Whoever reads this file can forge bounces to you.
`;

/**
 * The keys with a new one behind them, which signs from now on; keys that verify no more leave. Undefined when all ten
 * numbers are in use.
 */
export function addKey(keys: readonly Key[], now: number): Key[] | undefined {
  const kept = listVerifying(keys, now);
  const used = new Set(kept.map(({ number }) => number));
  const last = Number(keys.at(-1)?.number ?? MOST_KEYS - 1);
  const numbers = Array.from({ length: MOST_KEYS }, (_, step) => (last + 1 + step) % MOST_KEYS);
  const free = numbers.map(String).find((number) => !used.has(number));
  if (free === undefined) return undefined;
  // 48 letters: Exim's prvs takes no secret above 64 bytes.
  const secret = randomHex(SECRET_BYTES);
  return [...kept, { number: free, secret, added: now }];
}

/** The keys, with one of them retired now (ms). A key that is already retired keeps its time. */
export function retireKey(keys: readonly Key[], number: string, now: number): Key[] {
  return keys.map((key) => (key.number === number ? { retired: now, ...key } : key));
}
