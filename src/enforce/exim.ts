/**
 * Exim targets: plain files, one key a line. `blocked_users` takes users, clients and local accounts for `lsearch`, as in
 * the classic recipe; `blocked_senders` takes envelope senders; `blocked_networks` takes networks of clients, for
 * `iplsearch`, which defers on a key that is no address. Exim reads them at each lookup: no reload.
 */

import { getMessage } from '../base/errors.ts';
import { lowerAscii } from '../base/text.ts';
import {
  canonicalClients,
  isNetwork,
  isWithin,
  parseNetwork,
  readClients,
} from '../model/address.ts';
import type { Block, BlockedKey } from '../model/block.ts';
import { listKeyLines, renderTable } from './table.ts';
import {
  type BlockTarget,
  type Entry,
  type Failure,
  findIdentityProblem,
  type Inexpressible,
  isSpace,
  type LineFormat,
  type LookedUp,
  toByteString,
} from './target.ts';
import { readTargetFile } from './target-file.ts';

/** Absolute paths; a file that is left out takes no blocks. */
interface EximOptions {
  readonly blockedUsers?: string;
  readonly blockedSenders?: string;
  readonly blockedNetworks?: string;
}

/** The keys of a line, and whether a lookup of an identity finds one of them. */
interface EximFormat extends LineFormat {
  finds(listed: string, key: Block['key']): boolean;
}

/** Users, clients, local accounts, senders. */
const LSEARCH: EximFormat = {
  renderEntry: renderLsearchEntry,
  readKeys: readLsearchKeys,
  finds: (listed, { id }) => listed === lowerAscii(toByteString(id)),
};

/** Networks, and single addresses that an operator wrote there. */
const IPLSEARCH: EximFormat = {
  renderEntry: renderNetworkEntry,
  readKeys: (line) => readLsearchKeys(line).map((key) => readClients(key) ?? key),
  finds: (listed, { type, id }) => type === 'client' && isWithin(id, listed),
};

export function buildEximTargets(options: EximOptions): BlockTarget[] {
  const targets: BlockTarget[] = [];
  if (options.blockedUsers !== undefined) {
    const accepts = ['user', 'client', 'uid'] as const;
    targets.push(buildTarget('exim.blockedUsers', options.blockedUsers, accepts, LSEARCH));
  }
  if (options.blockedSenders !== undefined) {
    targets.push(buildTarget('exim.blockedSenders', options.blockedSenders, ['sender'], LSEARCH));
  }
  if (options.blockedNetworks !== undefined) {
    const { blockedNetworks } = options;
    targets.push(buildTarget('exim.blockedNetworks', blockedNetworks, ['network'], IPLSEARCH));
  }
  return targets;
}

function buildTarget(
  name: string,
  file: string,
  accepts: BlockTarget['accepts'],
  format: EximFormat,
): BlockTarget {
  return {
    name,
    file,
    accepts,
    reload: [],
    readKeys: format.readKeys,
    renderEntry: format.renderEntry,
    prepare: async () => {},
    render: (blocks, old) => renderTable(format, blocks, old),
    isIndexed: () => true,
    buildIndex: async () => undefined,
    lookUp: async (keys) => lookUp(file, format, keys),
  };
}

/** Both searches take the first line that fits; that Exim reads the lines as we do is tested with a real one. */
function lookUp(
  file: string,
  format: EximFormat,
  keys: readonly Block['key'][],
): (LookedUp | undefined)[] | Failure {
  try {
    const lines = listKeyLines(format, readTargetFile(file).content ?? '');
    return keys.map((key) => {
      const found = lines.find((each) => each.keys.some((listed) => format.finds(listed, key)));
      if (found === undefined) return undefined;
      const { line, block } = found;
      return block === undefined ? { blocks: true, line } : { blocks: true, line, block };
    });
  } catch (error) {
    return { message: `${file}: ${getMessage(error)}` };
  }
}

/** The line of a network; all are in quotes, since that of IPv6 has to be. */
function renderNetworkEntry(key: Block['key']): Entry | Inexpressible {
  const { type, id } = key;
  if (type !== 'client' || canonicalClients(id) !== id || !isNetwork(id))
    return { reason: 'not a network' };
  const reason = findIdentityProblem(key);
  return reason === undefined ? { key: id, line: quote(id) } : { reason };
}

/**
 * The line whose key `lsearch` takes for this identity, see `readLsearchKeys`. Behind the colon is what the look-up
 * gives: the person who has an address, for the header of the recipe.
 */
export function renderLsearchEntry(key: BlockedKey): Entry | Inexpressible {
  const reason = findIdentityProblem(key) ?? findAmbiguity(key);
  if (reason !== undefined) return { reason };
  const bytes = lowerAscii(toByteString(key.id));
  const person = key.person === undefined ? '' : `: ${toVisible(key.person)}`;
  return { key: bytes, line: `${isBare(bytes) ? bytes : quote(bytes)}${person}` };
}

/** Longest name of a person in the file, bytes: names come from files of other programs. */
const LONGEST_PERSON = 100;

/** The name as the recipe prints logins in headers. */
function toVisible(person: string): string {
  return toByteString(person)
    .slice(0, LONGEST_PERSON)
    .replace(/[^!-~]/g, '?');
}

/** All three kinds share one file, so that none may look like another. */
function findAmbiguity(key: Block['key']): string | undefined {
  if (key.type === 'client') return isNetwork(key.id) ? 'lsearch looks up no networks' : undefined;
  if (parseNetwork(key.id) !== undefined) return 'Exim would take it for an IP address or network';
  // lsearch* and lsearch*@ look up such keys when nothing else matches: they mean everybody.
  if (key.id.startsWith('*')) return 'a key that begins with * matches other identities too';
  return undefined;
}

function isBare(bytes: string): boolean {
  return /^[a-z0-9_][a-z0-9_.@+=~-]*$/.test(bytes);
}

function quote(bytes: string): string {
  return `"${bytes.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The key of a line as Exim's lsearch.c reads it: up to a colon or white space, or a quoted string with
 * the escapes of string_interpret_escape(); compared without regard to case.
 */
export function readLsearchKeys(line: string): readonly string[] {
  if (line === '' || line.startsWith('#') || isSpace(line[0])) return [];
  if (line.startsWith('"')) return [lowerAscii(readQuoted(line))];
  let end = 0;
  while (end < line.length && line[end] !== ':' && !isSpace(line[end])) end++;
  return [lowerAscii(line.slice(0, end))];
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function readQuoted(line: string): string {
  let key = '';
  for (let index = 1; index < line.length && line[index] !== '"'; index++) {
    if (line[index] !== '\\') {
      key += line[index];
      continue;
    }
    const code = /^(?:[0-7]{1,3}|x[0-9a-fA-F]{0,2})/.exec(line.slice(index + 1, index + 4))?.[0];
    if (code !== undefined) {
      key += String.fromCharCode(parseByteCode(code) & 0xff);
      index += code.length;
    } else {
      const char = line[++index] ?? '\\';
      key += ESCAPES[char] ?? char;
    }
  }
  return key;
}

/** Octal, or hexadecimal after `x`. */
function parseByteCode(digits: string): number {
  return digits.startsWith('x')
    ? Number.parseInt(digits.slice(1) || '0', 16)
    : Number.parseInt(digits, 8);
}
