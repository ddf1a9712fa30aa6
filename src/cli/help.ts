/** `postern help`. */
import type { Command } from 'commander';

/** Replaces commander's own `help NAME`, which for an unknown name prints the list as if it were no mistake. */
export function addHelp(program: Command): void {
  program.helpCommand(false);
  const help = program
    .command('help [command]')
    .description('print help, for everything or for one command');
  help.action((name?: string) => {
    const command = program.commands.find((one) => name !== undefined && one.name() === name);
    if (name !== undefined && command === undefined) {
      program.error(`error: unknown command '${name}'`);
    }
    (command ?? program).outputHelp();
  });
}
