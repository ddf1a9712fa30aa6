/** `postern help`, as a command that knows which commands there are. */
import type { Command } from 'commander';

/** Commander's own `help NAME` shows the list, as if nothing were wrong, for a name that is no command. */
export function addHelp(program: Command): void {
  program.helpCommand(false);
  const help = program.command('help [command]').description('help, of everything or of a command');
  help.action((name?: string) => {
    const command = program.commands.find((one) => name !== undefined && one.name() === name);
    if (name !== undefined && command === undefined) {
      program.error(`error: unknown command '${name}'`);
    }
    (command ?? program).outputHelp();
  });
}
