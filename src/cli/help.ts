/** `postern help`. */
import type { Command } from 'commander';

/** How the table of commands would show it; commander builds it apart. */
export const HELP = {
  usage: 'help',
  argument: '[topic]',
  summary: 'print help: for everything, for a command, a key of the configuration or a topic',
} as const;

/** Replaces commander's own `help NAME`, which for an unknown name prints the list as if it were no mistake. */
export function addHelp(program: Command): void {
  program.helpCommand(false);
  program.addHelpText(
    'after',
    '\nThe manual: postern help topics, postern help policy.listen, man postern.',
  );
  const help = program.command(`${HELP.usage} ${HELP.argument}`).description(HELP.summary);
  help.action(async (name?: string) => {
    const command = program.commands.find((one) => name !== undefined && one.name() === name);
    if (name === undefined) return program.outputHelp();
    const { findTopic, pointToPage, suggestTopic } = await import('./topics.ts');
    if (command !== undefined) {
      command.outputHelp();
      return program.configureOutput().writeOut?.(pointToPage(name));
    }
    const text = findTopic(name);
    if (text !== undefined) return program.configureOutput().writeOut?.(text);
    const commands = program.commands.map((one) => one.name());
    program.error(`error: no help on '${name}'${suggestTopic(name, commands)}`);
  });
}
