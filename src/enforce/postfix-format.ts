/**
 * Line formats of Postfix tables: `key ACTION` of the fixed-string maps (Postfix: postmap.c, dict_thash.c), cidr
 * tables, pcre and regexp tables, and the plain list that `authorized_submit_users` reads (match_list.c).
 * An identity that a format can only write in a way that also matches others is refused with a reason.
 */
import { lowerAscii } from '../base/text.ts';
import { canonicalClients, isNetwork } from '../model/address.ts';
import { findIdentityProblem, isSpace, type LineFormat, toByteString } from './target.ts';

/** Whether Postern writes this action: `HOLD`, `HOLD text` or `REJECT text`, on one line of printable ASCII. */
export function isAction(action: string): boolean {
  return /^(?:HOLD|REJECT)(?: [\x21-\x7e][\x20-\x7e]{0,400})?$/.test(action);
}

/** hash, btree, lmdb, cdb, dbm, sdbm, texthash: fixed strings, folded to lower case by Postfix. */
export function buildFixedFormat(action: string): LineFormat {
  return {
    readKeys: readFixedKeys,
    renderEntry(key) {
      const reason = findIdentityProblem(key) ?? findNetwork(key);
      if (reason !== undefined) return { reason };
      const bytes = lowerAscii(toByteString(key.id));
      // The parser decides: white space outside quotes, an odd number of quotes or a leading # do not survive.
      if (readFixedKeys(`${bytes} ${action}`)[0] !== bytes) {
        return { reason: 'a table of this type cannot hold it as a key (type: regexp can)' };
      }
      return { key: bytes, line: `${bytes}\t${action}` };
    },
  };
}

/** The key ends at the first white space outside double quotes and keeps its quotes (postmap.c). */
export function readFixedKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  let quoted = false;
  let end = 0;
  for (; end < line.length; end++) {
    const char = line[end];
    if (char === '\\') end++;
    else if (char === '"') quoted = !quoted;
    else if (isSpace(char) && !quoted) break;
  }
  return quoted || end >= line.length ? [] : [lowerAscii(line.slice(0, end))];
}

/** check_client_access looks up whole bytes of an address in these tables, and no networks. */
function findNetwork({ type, id }: Parameters<LineFormat['renderEntry']>[0]): string | undefined {
  return type === 'client' && isNetwork(id)
    ? 'a table of this type cannot hold a network (type: cidr can)'
    : undefined;
}

/** cidr tables, for clients only. A network that the operator lists is not an entry for the addresses in it. */
export function buildCidrFormat(action: string): LineFormat {
  return {
    readKeys: readCidrKeys,
    renderEntry(key) {
      const reason = key.type === 'client' ? findIdentityProblem(key) : 'not an IP address';
      if (reason !== undefined) return { reason };
      const clients = canonicalClients(key.id) as string;
      return { key: clients, line: `${clients}\t${action}` };
    },
  };
}

function readCidrKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  const [pattern = ''] = line.split(/[ \t]/, 1);
  return [canonicalClients(pattern.replace(/[[\]]/g, '')) ?? lowerAscii(pattern)];
}

/** pcre and regexp tables: the identity as a literal between ^ and $. `$` in an action would be a match group. */
export function buildPatternFormat(action: string): LineFormat {
  return {
    readKeys: readPatternKeys,
    renderEntry(key) {
      const reason = findIdentityProblem(key) ?? findNetwork(key);
      if (reason !== undefined) return { reason };
      const literal = lowerAscii(toByteString(key.id)).replace(/[.[\]\\(){}*+?|^$/]/g, '\\$&');
      const pattern = `/^${literal}$/`;
      return { key: pattern, line: `${pattern}\t${action.replaceAll('$', '$$$$')}` };
    },
  };
}

function readPatternKeys(line: string): readonly string[] {
  if (isComment(line) || isSpace(line[0])) return [];
  const [delimiter] = line;
  let end = 1;
  while (end < line.length && line[end] !== delimiter) end += line[end] === '\\' ? 2 : 1;
  return end >= line.length ? [] : [lowerAscii(line.slice(0, end + 1))];
}

/**
 * A file of login names for `authorized_submit_users = !FILE, static:all`. Only names without a meaning of their own
 * there: no `!` (negation), `/` (file), `:` (table), comma or white space (next item), braces. `unknown` is what
 * Postfix uses for every uid without an account (user_acl.c).
 */
export const listFormat: LineFormat = {
  readKeys: (line) =>
    isComment(line)
      ? []
      : lowerAscii(line)
          .split(/[,\s]+/)
          .filter(Boolean),
  renderEntry({ id }) {
    const name = lowerAscii(id);
    if (name === 'unknown' || !/^[a-z0-9_.][a-z0-9_.@+$-]{0,255}$/.test(name)) {
      return { reason: 'not a login name that a Postfix list can hold' };
    }
    return { key: name, line: name };
  },
};

function isComment(line: string): boolean {
  const text = line.trimStart();
  return text === '' || text.startsWith('#');
}
