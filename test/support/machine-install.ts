/** Commands as the pages print them, run on a machine (machine.ts) by a shell of root. */
import type { Machine } from './machine.ts';
import { pageBlocks } from './recipes.ts';

/** Returns what they print. Throws when one fails. */
export function runPrinted(machine: Machine, commands: string): Promise<string> {
  return machine.must(`export npm_config_prefix=/usr/local; set -e\n${commands}`);
}

/** Installs the package as docs/install.md does it, for a machine with the build. */
export async function installPackage(machine: Machine): Promise<void> {
  const blocks = pageBlocks('install.md').filter(
    ({ heading, isCommand }) => isCommand && heading.startsWith('2. The package'),
  );
  for (const { text } of blocks) await runPrinted(machine, text);
}
