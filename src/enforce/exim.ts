/**
 * Exim targets: plain files for `lsearch`, one key a line. `blocked_users` takes users, clients and local accounts,
 * as in the classic recipe; `blocked_senders` takes envelope senders. Exim reads them at each lookup: no reload.
 */
import { canonicalIp, parseNetwork } from '../model/address.ts';
import type { Block } from '../model/block.ts';
import { renderTable } from './table.ts';
import {
  asciiLower,
  type BlockTarget,
  type Entry,
  type Inexpressible,
  readBytes,
  refusal,
} from './target.ts';

/** Absolute paths; a file that is left out takes no blocks. */
interface EximOptions {
  readonly blockedUsers?: string;
  readonly blockedSenders?: string;
}

export function eximTargets(options: EximOptions): BlockTarget[] {
  const targets: BlockTarget[] = [];
  if (options.blockedUsers !== undefined) {
    const accepts = ['user', 'client', 'uid'] as const;
    targets.push(lsearchTarget('exim.blockedUsers', options.blockedUsers, accepts));
  }
  if (options.blockedSenders !== undefined) {
    targets.push(lsearchTarget('exim.blockedSenders', options.blockedSenders, ['sender']));
  }
  return targets;
}

function lsearchTarget(name: string, file: string, accepts: BlockTarget['accepts']): BlockTarget {
  const format = { entry: lsearchEntry, keysOf: lsearchKeys };
  return {
    name,
    file,
    accepts,
    reload: [],
    ...format,
    prepare: async () => {},
    render: (blocks, old) => renderTable(format, blocks, old),
    isIndexed: () => true,
    activate: async () => undefined,
  };
}

/** The line whose key `lsearch` takes for this identity, see `lsearchKeys`. */
export function lsearchEntry(key: Block['key']): Entry | Inexpressible {
  const reason = refusal(key) ?? ambiguity(key);
  if (reason !== undefined) return { reason };
  const bytes = asciiLower(readBytes(key.id));
  return { key: bytes, line: isBare(bytes) ? bytes : quoted(bytes) };
}

/** All three kinds share one file, so that none may look like another. */
function ambiguity(key: Block['key']): string | undefined {
  if (key.type === 'client') {
    return canonicalIp(key.id) === undefined ? 'it is no IP address' : undefined;
  }
  if (parseNetwork(key.id) !== undefined) return 'it would be taken for an IP address or network';
  // lsearch* and lsearch*@ ask for these when nothing else matches: they mean everybody.
  if (key.id.startsWith('*')) return 'a key that begins with * stands for others too';
  return undefined;
}

function isBare(bytes: string): boolean {
  return /^[a-z0-9_][a-z0-9_.@+=~-]*$/.test(bytes);
}

function quoted(bytes: string): string {
  return `"${bytes.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * The key of a line as Exim's lsearch.c reads it: up to a colon or white space, or a quoted string with
 * the escapes of string_interpret_escape(); compared without regard to case.
 */
export function lsearchKeys(line: string): readonly string[] {
  if (line === '' || line.startsWith('#') || isSpace(line[0])) return [];
  if (line.startsWith('"')) return [asciiLower(unquoted(line))];
  let end = 0;
  while (end < line.length && line[end] !== ':' && !isSpace(line[end])) end++;
  return [asciiLower(line.slice(0, end))];
}

function isSpace(char: string | undefined): boolean {
  return char !== undefined && ' \t\r\n\v\f'.includes(char);
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unquoted(line: string): string {
  let key = '';
  for (let index = 1; index < line.length && line[index] !== '"'; index++) {
    if (line[index] !== '\\') {
      key += line[index];
      continue;
    }
    const number = /^(?:[0-7]{1,3}|x[0-9a-fA-F]{0,2})/.exec(line.slice(index + 1, index + 4))?.[0];
    if (number !== undefined) {
      key += String.fromCharCode(readBlockNumber(number) & 0xff);
      index += number.length;
    } else {
      const char = line[++index] ?? '\\';
      key += ESCAPES[char] ?? char;
    }
  }
  return key;
}

function readBlockNumber(digits: string): number {
  return digits.startsWith('x')
    ? Number.parseInt(digits.slice(1) || '0', 16)
    : Number.parseInt(digits, 8);
}
