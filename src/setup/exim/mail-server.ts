/** Exim, as `postern init` and `postern check` see it. */
import { resolve } from 'node:path';
import { dropUndefined } from '../../base/defined.ts';
import type { Config } from '../../config/load.ts';
import { type Finding, wrong } from '../finding.ts';
import type { InstallationOptions, MailServer } from '../mail-server.ts';
import { eximCommand, findExim } from './find.ts';
import { eximSteps, UNITS } from './steps.ts';
import { checkEximWiring } from './wiring.ts';

export const exim: MailServer = {
  name: 'Exim',
  find: ({ eximBinary: binary, eximConfig }) =>
    findExim(
      dropUndefined({ binary, config: eximConfig === undefined ? undefined : resolve(eximConfig) }),
    ),
  readSettings: async () => new Map(),
  recipeSteps: eximSteps,
  checkWiring,
  listTargetFiles: ({ targets: { exim } }) =>
    (['blockedUsers', 'blockedSenders'] as const).map((name) => ({
      option: ['targets', 'exim', name],
      file: exim[name],
    })),
  listCommands: ({ commands }) => [{ option: 'commands.exim', argv: commands.exim }],
  makeSocketFolder: (_config, folder) => `mkdir -p ${folder}`,
  listUnits: () => UNITS,
};

async function checkWiring(config: Config, options: InstallationOptions): Promise<Finding[]> {
  const { eximBinary: binary, eximConfig } = options;
  if (binary === undefined && eximConfig === undefined)
    return await checkEximWiring(config, config.commands.exim);
  const program = binary ?? (config.commands.exim[0] as string);
  const exim = eximCommand(dropUndefined({ binary: program, config: eximConfig }));
  if (exim !== undefined) return await checkEximWiring(config, exim);
  return [wrong('mta', `there is no program ${program}`, 'name Exim: --exim-binary FILE')];
}
