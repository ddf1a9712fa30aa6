/** The hosts for which an Exim relays: the named list of its default configuration, of Debian's and of the recipes. */
import { readFileSync } from 'node:fs';
import { type NoAnswer, networksIn, type RelayNetworks } from '../installation.ts';
import { ask, describeFailure } from '../programs.ts';
import { eximConfiguration } from './find.ts';
import { listItems } from './list.ts';

const LIST = 'relay_from_hosts';

export async function findEximNetworks(exim: readonly string[]): Promise<RelayNetworks | NoAnswer> {
  const answer = await ask([...exim, '-bP', 'hostlist', LIST]);
  const definition = findDefinition(answer.stdout) ?? findDefinition(await eximConfiguration(exim));
  if (definition !== undefined) {
    return { ...networksIn(listItems(definition).flatMap(expand)), setting: LIST };
  }
  return { failure: describeFailure(exim, answer) ?? `${exim[0]} prints no hostlist ${LIST}` };
}

function findDefinition(output: string): string | undefined {
  return /^(?:hide )?hostlist relay_from_hosts *= *(.*)$/m.exec(output)?.[1];
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
