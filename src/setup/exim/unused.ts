/** Whether Exim looks into a file of blocks at all: before the recipe is included, a block stops nothing. */
import { basename } from 'node:path';
import type { Config } from '../../config/load.ts';
import { eximConfiguration } from './find.ts';
import { readsocketAddress } from './recipe.ts';

/**
 * Why what stands in the file has no effect, as the end of a sentence. Undefined if the configuration names the file or
 * the policy service anywhere, or if Exim does not print it to this account: `postern check` tries more.
 */
export async function findUnused(
  { policy }: Config,
  exim: readonly string[],
  file: string,
): Promise<string | undefined> {
  const printed = await eximConfiguration(exim);
  const names = [basename(file), ...(policy ? [readsocketAddress(policy.listen)] : [])];
  if (printed === '' || names.some((name) => printed.includes(name))) return undefined;
  return `Exim does not look into ${file} (postern check prints what makes it do that)`;
}
