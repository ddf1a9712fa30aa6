/** Postfix, as `postern init` and `postern check` see it. */
import { resolve } from 'node:path';
import type { Config } from '../../config/load.ts';
import type { MailServer, NamedCommand } from '../mail-server.ts';
import { findPostfix, postconfCommand, printPostfixConfiguration } from './find.ts';
import { checkPostfixMilter, postfixMilterSteps } from './milter.ts';
import { findPostfixNetworks } from './networks.ts';
import { findPostfixSendsAs } from './sends-as.ts';
import { makeSocketFolder, postfixSteps, postfixUnits, readRecipeSettings } from './steps.ts';
import { listTargetFiles } from './targets.ts';
import { checkPostfixWiring } from './wiring.ts';

export const postfix: MailServer = {
  name: 'Postfix',
  connectLater:
    'if Postfix is told to use a map that does not exist yet, it answers 451 to everybody.',
  find: ({ postfixConfig }) =>
    findPostfix(postfixConfig === undefined ? {} : { folder: resolve(postfixConfig) }),
  readSettings: ({ postfixConfig }) => readRecipeSettings(postconfCommand(postfixConfig)),
  recipeSteps: postfixSteps,
  milterSteps: postfixMilterSteps,
  findNetworks: ({ commands, targets }, { postfixConfig }) =>
    findPostfixNetworks(
      postfixConfig === undefined ? commands.postconf : postconfCommand(postfixConfig),
      postmapCommand(targets, postfixConfig),
    ),
  readLogSettings: async () => ({}),
  // A cidr table is in use as a whole, or not at all.
  findNoNetworks: async () => undefined,
  printConfiguration: ({ commands }) => printPostfixConfiguration(commands.postconf),
  policyWord: () => 'check_policy_service',
  findSendsAs: ({ commands }) => findPostfixSendsAs(commands.postconf),
  checkWiring: (config, { postfixConfig }) =>
    checkPostfixWiring(
      config,
      postfixConfig === undefined ? config.commands.postconf : postconfCommand(postfixConfig),
    ),
  checkMilter: (milter, { commands, targets }, { postfixConfig }) =>
    checkPostfixMilter(
      milter,
      postfixConfig === undefined ? commands.postconf : postconfCommand(postfixConfig),
      postmapCommand(targets, postfixConfig),
    ),
  listTargetFiles,
  listCommands,
  makeSocketFolder,
  unitCommands: () => [],
  listUnits: postfixUnits,
};

function postmapCommand({ postfix }: Config['targets'], folder?: string): readonly string[] {
  return folder === undefined ? postfix.postmap : ['postmap', '-c', folder];
}

function listCommands({ commands, targets: { postfix } }: Config): NamedCommand[] {
  return [
    { option: 'commands.postsuper', argv: commands.postsuper },
    { option: 'commands.postqueue', argv: commands.postqueue },
    { option: 'commands.postcat', argv: commands.postcat },
    { option: 'targets.postfix.postmap', argv: postfix.postmap },
    { option: 'targets.postfix.reload', argv: postfix.reload },
  ];
}
