/** Whether Postfix looks into a file of blocks at all: before the recipe is in main.cf, a block stops nothing. */
import { basename } from 'node:path';
import type { Config } from '../../config/load.ts';
import { ask } from '../programs.ts';

/**
 * Why what stands in the file has no effect, as the end of a sentence. Undefined if main.cf or master.cf names the file
 * or a policy service anywhere, or if postconf(1) gives no answer: `postern check` looks at more.
 */
export async function findUnused(
  { policy, commands: { postconf } }: Config,
  file: string,
): Promise<string | undefined> {
  const [main, services] = await Promise.all([
    ask([...postconf, '-n']),
    ask([...postconf, '-P']), // what master.cf overrides
  ]);
  if (main.status !== 0 || services.status !== 0) return undefined;
  const printed = main.stdout + services.stdout;
  const names = [basename(file), ...(policy ? ['check_policy_service'] : [])];
  if (names.some((name) => printed.includes(name))) return undefined;
  return `Postfix does not look into ${file} (postern check prints what makes it do that)`;
}
