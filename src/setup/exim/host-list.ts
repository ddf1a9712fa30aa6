/** The named list of hosts for which an Exim relays, with the lists and files that it names. */
import { readFileSync } from 'node:fs';
import { networksIn } from '../installation.ts';
import { listItems } from './list.ts';

/** The name in Exim's default configuration, in Debian's and in those of the recipes. */
export const RELAY_LIST = 'relay_from_hosts';

/** Lists may name others, and by mistake themselves. */
const DEEPEST = 5;

/** The networks in the list, and its other items; undefined if there is none. `configuration`: of `exim -bP config`. */
export function findRelayHosts(configuration: string) {
  const definition = findDefinition(configuration, RELAY_LIST);
  return definition === undefined ? undefined : networksIn(readList(definition, configuration, 0));
}

function findDefinition(output: string, name: string): string | undefined {
  return new RegExp(`^(?:hide )?hostlist ${name} *= *(.*)$`, 'm').exec(output)?.[1];
}

/** The items of a list, with those of the lists and files that it names. */
function readList(definition: string, configuration: string, depth: number): string[] {
  const items = listItems(definition);
  const read = items.flatMap((item) => readItem(item, configuration, depth));
  // Exim takes everything for a match that no item of such a list names.
  return items.at(-1)?.startsWith('!') === true ? [...read, '*'] : read;
}

function readItem(item: string, configuration: string, depth: number): string[] {
  if (item.startsWith('!')) {
    const inner = readItem(item.slice(1).trim(), configuration, depth);
    // What an exception inside an exception leaves is still an exception.
    const { networks, others } = networksIn(inner);
    return [...networks, ...others].map((word) => `!${word}`);
  }
  const name = /^\+(\w+)$/.exec(item)?.[1];
  const named = name === undefined ? undefined : findDefinition(configuration, name);
  if (named === undefined || depth >= DEEPEST) return expand(item);
  const { networks, others } = networksIn(readList(named, configuration, depth + 1));
  return [...networks, ...others];
}

/** An empty item is a local process. A file holds one item a line; `@[]` are this host's own addresses. */
function expand(item: string): string[] {
  if (item === '' || item === '@[]' || item === 'localhost') return [];
  if (!item.startsWith('/')) return [item];
  try {
    return readFileSync(item, 'utf8')
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim())
      .filter((line) => line !== '');
  } catch {
    return [item];
  }
}
