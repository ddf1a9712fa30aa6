/** Whether the mail server looks into the files of blocks at all: before the recipe is in place, a block stops nothing. */
import { basename } from 'node:path';
import type { Config } from '../config/load.ts';
import { SETUP_MTAS } from './mtas.ts';

/**
 * Why what stands in these files has no effect, as the end of a sentence. Undefined if the mail server's configuration
 * names one of them or the policy service anywhere, or if nobody can say: `postern check` looks at more.
 */
export async function findUnused(
  config: Config,
  files: readonly string[],
): Promise<string | undefined> {
  const { name, printConfiguration, policyWord } = SETUP_MTAS[config.mta];
  const [first] = files;
  const printed = first === undefined ? '' : await printConfiguration(config);
  if (printed === '') return undefined;
  const { policy } = config;
  const words = [
    ...files.map((file) => basename(file)),
    ...(policy ? [policyWord(policy.listen)] : []),
  ];
  if (words.some((word) => printed.includes(word))) return undefined;
  return `${name} does not look into ${first} (postern check prints what makes it do that)`;
}
