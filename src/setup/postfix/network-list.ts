/** A list of networks as Postfix reads it (match_list.c), with the files and tables that it names. */
import { readFileSync } from 'node:fs';
import { canonicalIp } from '../../model/address.ts';
import { networksIn } from '../installation.ts';
import { ask } from '../programs.ts';
import { splitWords } from './restriction-list.ts';

/** The networks in one list, whose exceptions count for it alone, and its other words. `postmap`: argument vector. */
export async function readNetworkList(list: string, postmap: readonly string[]) {
  const words = await Promise.all(splitWords(list).map((word) => readWord(word, postmap)));
  return networksIn(words.flat());
}

/** Tables with a key for each client, in which Postfix looks up whole addresses and names (match_ops.c). */
const KEYS = /^(?:proxy:)?((?:hash|btree|lmdb|cdb|dbm|sdbm|texthash):\/.*)$/;

/** A word of mynetworks as networks. `!` in front of a file or a table is for all that is in it (match_list.c). */
async function readWord(word: string, postmap: readonly string[]): Promise<string[]> {
  if (word.startsWith('!')) return (await readWord(word.slice(1), postmap)).map(negate);
  const table = KEYS.exec(word)?.[1];
  return table === undefined ? expand(word) : await readKeys(table, word, postmap);
}

/** A word of mynetworks as networks: it may name a file with such a list, or a CIDR table, in which every network that is found counts. */
export function expand(word: string): string[] {
  const table = /^(?:proxy:)?cidr:(\/.*)$/.exec(word)?.[1];
  const file = table ?? (word.startsWith('/') ? word : undefined);
  if (file === undefined) return [word];
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const kept = lines.filter((line) => !line.startsWith('#') && line.trim() !== '');
    if (table === undefined) return kept.flatMap(splitWords);
    return kept.flatMap((line) => splitWords(line).slice(0, 1));
  } catch {
    return [word];
  }
}

function negate(word: string): string {
  return word.startsWith('!') ? word.slice(1) : `!${word}`;
}

/** The addresses in a table, and `word` itself if it cannot be read or holds names, too. */
async function readKeys(
  table: string,
  word: string,
  postmap: readonly string[],
): Promise<string[]> {
  const { status, stdout } = await ask([...postmap, '-s', table]);
  if (status !== 0) return [word];
  const keys = stdout.split('\n').flatMap((line) => splitWords(line).slice(0, 1));
  const addresses = keys.filter((key) => canonicalIp(key) !== undefined);
  addresses.sort(); // postmap prints them in any order
  return addresses.length === keys.length ? addresses : [...addresses, word];
}
