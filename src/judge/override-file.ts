/**
 * A file of overrides, in the form of a Postfix table without an index (texthash, postmap(1)): `key value` on each line;
 * empty lines and lines that begin with `#` are comments; a line that begins with a space continues the one before.
 *
 *     news@example.net       5000 newsletter, 4200 recipients on Mondays
 *     shop@example.net       5000/1d orders of a whole day
 *     192.0.2.0/24           rule=recipients 3000 the web servers
 *     @example.org           800 a school: everybody writes to all parents
 *     list:all@example.net   exempt our own mailing list
 *
 * A line that cannot be understood is named and passed over. Never throws.
 */
import { readDuration } from '../base/fields.ts';
import { DAY } from '../base/time.ts';
import type { LineProblem, Parsed } from '../base/watched-file.ts';
import { readClients } from '../model/address.ts';
import { makeOverrideKey, type OverrideKey } from '../model/override-key.ts';
import type { Override } from './overrides.ts';

/** As in the rules. */
const MOST_LIMIT = 1_000_000;
const LONGEST_PERIOD = 31 * DAY;
/** Lines that are read; a longer file is not written by hand. */
const MOST_LINES = 100_000;

/** `text` as bytes (latin1); `file` is its name in the place of each override. */
export function parseOverrideFile(text: string, file: string): Parsed<readonly Override[]> {
  const value: Override[] = [];
  const problems: LineProblem[] = [];
  const seen = new Map<string, number>();
  for (const { line, text: entry } of joinLines(Buffer.from(text, 'latin1').toString('utf8'))) {
    const override = readEntry(entry, `${file}:${line}`);
    if (typeof override === 'string') {
      problems.push({ line, text: override });
      continue;
    }
    const { key, rule = '', period = '' } = override;
    const name = `${key.type} ${key.id} ${rule} ${period}`;
    const first = seen.get(name);
    if (first === undefined) value.push(override);
    else problems.push({ line, text: `expected another key: line ${first} has this one` });
    seen.set(name, first ?? line);
  }
  return { value, problems };
}

interface Entry {
  /** number of its first line */
  readonly line: number;
  readonly text: string;
}

function joinLines(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const [index, line] of text.split('\n', MOST_LINES).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const last = entries.at(-1);
    if (/^\s/.test(line) && last !== undefined)
      entries[entries.length - 1] = { ...last, text: `${last.text} ${line.trim()}` };
    else entries.push({ line: index + 1, text: line.trim() });
  }
  return entries;
}

/** The override, or what was expected instead. */
function readEntry(text: string, place: string): Override | string {
  const [name = '', ...words] = text.split(/\s+/);
  const key = readKey(name);
  if (typeof key === 'string') return key;
  const rule = words[0]?.startsWith('rule=') === true ? words.shift()?.slice(5) : undefined;
  const limit = readLimit(words.shift() ?? '');
  if (limit === undefined)
    return 'expected a limit such as 5000, 5000/1d or 30%, or exempt, behind the key';
  const why = words.length === 0 ? undefined : words.join(' ');
  return { key, ...(rule === undefined ? {} : { rule }), ...limit, ...(why && { why }), place };
}

const PREFIX = /^(user|client|uid|list|domain):(.+)$/;

/** Whom a key names, or what was expected instead. */
function readKey(name: string): OverrideKey | string {
  const [, type, id = ''] = PREFIX.exec(name) ?? [];
  if (type !== undefined) return makeOverrideKey(type as OverrideKey['type'], id);
  if (name.startsWith('@')) return makeOverrideKey('domain', name.slice(1));
  if (readClients(name) !== undefined) return makeOverrideKey('client', name);
  if (!name.includes('@') && name.includes('.'))
    return `expected @${name} for a domain, or user:${name} for a login`;
  return makeOverrideKey('user', name);
}

function readLimit(word: string): Pick<Override, 'limit' | 'period'> | undefined {
  const [, text = '', percent, span] = /^(exempt|\d{1,7})(%?)(?:\/(\w+))?$/.exec(word) ?? [];
  if (text === '' || (text === 'exempt' && percent !== '')) return undefined;
  const period = span === undefined ? undefined : readDuration(span, LONGEST_PERIOD);
  if (span !== undefined && period === undefined) return undefined;
  const limit = readNumber(text, percent === '%');
  return limit && { limit, ...(period === undefined ? {} : { period }) };
}

function readNumber(text: string, isPercent: boolean): Override['limit'] | undefined {
  if (text === 'exempt') return 'exempt';
  const limit = Number(text);
  return limit < 1 || limit > (isPercent ? 100 : MOST_LIMIT) ? undefined : { limit, isPercent };
}
