/**
 * Line formats of Postfix tables: `key ACTION` of the fixed-string maps (Postfix: postmap.c, dict_thash.c), cidr
 * tables, pcre and regexp tables, and the plain list that `authorized_submit_users` reads (match_list.c).
 * What a format cannot say without meaning somebody else is refused with a reason.
 */
import { canonicalIp } from '../model/address.ts';
import type { Block } from '../model/block.ts';
import { asciiLower, type Entry, type Inexpressible, readBytes, refusal } from './target.ts';

export interface Format {
  entry(key: Block['key']): Entry | Inexpressible;
  keysOf(line: string): readonly string[];
}

/** `HOLD`, `HOLD text` or `REJECT text`; anything else is no action of ours. One line of printable ASCII. */
export function isAction(action: string): boolean {
  return /^(?:HOLD|REJECT)(?: [\x21-\x7e][\x20-\x7e]{0,400})?$/.test(action);
}

/** hash, btree, lmdb, cdb, dbm, sdbm, texthash: fixed strings, folded to lower case by Postfix. */
export function fixedFormat(action: string): Format {
  return {
    keysOf: fixedKeys,
    entry(key) {
      const reason = refusal(key) ?? notAddress(key);
      if (reason !== undefined) return { reason };
      const bytes = asciiLower(readBytes(key.id));
      // The parser decides, not a guess at it: white space outside quotes, an odd quote or # in front do not survive.
      if (fixedKeys(`${bytes} ${action}`)[0] !== bytes) {
        return { reason: 'a Postfix table cannot hold it as a key' };
      }
      return { key: bytes, line: `${bytes}\t${action}` };
    },
  };
}

function notAddress(key: Block['key']): string | undefined {
  return key.type === 'client' && canonicalIp(key.id) === undefined
    ? 'it is no IP address'
    : undefined;
}

/** The key ends at the first white space outside double quotes and keeps its quotes (postmap.c). */
export function fixedKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  let quoted = false;
  let end = 0;
  for (; end < line.length; end++) {
    const char = line[end];
    if (char === '\\') end++;
    else if (char === '"') quoted = !quoted;
    else if (isSpace(char) && !quoted) break;
  }
  return quoted || end >= line.length ? [] : [asciiLower(line.slice(0, end))];
}

/** cidr tables, for clients only. A network that the operator lists is no entry for the addresses in it. */
export function cidrFormat(action: string): Format {
  return {
    keysOf: cidrKeys,
    entry(key) {
      const ip = canonicalIp(key.id);
      if (ip === undefined || key.type !== 'client') return { reason: 'it is no IP address' };
      return { key: ip, line: `${ip}\t${action}` };
    },
  };
}

function cidrKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  const [pattern = ''] = line.split(/[ \t]/, 1);
  const bare = pattern.replace(/[[\]]/g, '').replace(/\/(?:32|128)$/, '');
  return [canonicalIp(bare) ?? asciiLower(pattern)];
}

/** pcre and regexp tables: the identity as a literal between ^ and $. `$` in an action would be a match group. */
export function patternFormat(action: string): Format {
  return {
    keysOf: patternKeys,
    entry(key) {
      const reason = refusal(key) ?? notAddress(key);
      if (reason !== undefined) return { reason };
      const literal = asciiLower(readBytes(key.id)).replace(/[.[\]\\(){}*+?|^$/]/g, '\\$&');
      const pattern = `/^${literal}$/`;
      return { key: pattern, line: `${pattern}\t${action.replaceAll('$', '$$$$')}` };
    },
  };
}

function patternKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  const [delimiter] = line;
  let end = 1;
  while (end < line.length && line[end] !== delimiter) end += line[end] === '\\' ? 2 : 1;
  return end >= line.length ? [] : [asciiLower(line.slice(0, end + 1))];
}

/**
 * A file of login names for `authorized_submit_users = !FILE, static:all`. Only names that have no meaning of their
 * own there: no `!` (negation), `/` (file), `:` (table), comma or white space (next item), braces. `unknown` is what
 * Postfix takes for every uid without an account (user_acl.c).
 */
export const listFormat: Format = {
  keysOf: (line) =>
    isComment(line)
      ? []
      : asciiLower(line)
          .split(/[,\s]+/)
          .filter(Boolean),
  entry({ id }) {
    const name = asciiLower(id);
    if (name === 'unknown' || !/^[a-z0-9_.][a-z0-9_.@+$-]{0,255}$/.test(name)) {
      return { reason: 'it is no login name that a Postfix list can hold' };
    }
    return { key: name, line: name };
  },
};

function isComment(line: string): boolean {
  const text = line.trimStart();
  return text === '' || text.startsWith('#');
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && ' \t\r\n\v\f'.includes(char);
}
