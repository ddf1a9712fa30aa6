/** Exim, as `postern init` and `postern check` see it. */
import { resolve } from 'node:path';
import { dropUndefined } from '../../base/defined.ts';
import type { Config } from '../../config/load.ts';
import { type Finding, warning, wrong } from '../finding.ts';
import type { InstallationOptions, MailServer } from '../mail-server.ts';
import { makeFolder } from '../steps.ts';
import { eximCommand, eximConfiguration, findExim } from './find.ts';
import { checkEximLogSettings, readEximLogSettings } from './log-settings.ts';
import { findNoNetworks } from './network-statement.ts';
import { findEximNetworks } from './networks.ts';
import { readsocketAddress } from './recipe.ts';
import { findEximSendsAs } from './sends-as.ts';
import { eximSteps, listDropInCommands, readStepSettings, UNITS } from './steps.ts';
import { checkEximWiring } from './wiring.ts';

export const exim: MailServer = {
  name: 'Exim',
  find: (options) => findExim(whichExim(options)),
  readSettings: async (options) => {
    const exim = eximCommand(whichExim(options));
    return exim === undefined ? new Map() : await readStepSettings(exim);
  },
  recipeSteps: eximSteps,
  findNetworks: async (config, options) => {
    const exim = findCommand(config, options);
    if (exim !== undefined) return await findEximNetworks(exim);
    return { failure: `there is no program ${options.eximBinary ?? config.commands.exim[0]}` };
  },
  readLogSettings: ({ commands }) => readEximLogSettings(commands.exim),
  findNoNetworks: async (config) => await findNoNetworks(config, config.commands.exim),
  printConfiguration: ({ commands }) => eximConfiguration(commands.exim),
  policyWord: readsocketAddress,
  findSendsAs: ({ commands }) => findEximSendsAs(commands.exim),
  checkWiring,
  checkMilter: async () => [
    warning('milter', 'Exim speaks no milter protocol: only Postfix and Sendmail ask the milter'),
  ],
  listTargetFiles: ({ targets: { exim } }) =>
    (['blockedUsers', 'blockedSenders', 'blockedNetworks'] as const).map((name) => ({
      option: ['targets', 'exim', name],
      file: exim[name],
    })),
  listCommands: ({ commands }) => [{ option: 'commands.exim', argv: commands.exim }],
  makeSocketFolder: (_config, folder) => makeFolder(folder),
  unitCommands: listDropInCommands,
  listUnits: () => UNITS,
};

function whichExim({ eximBinary: binary, eximConfig }: InstallationOptions) {
  return dropUndefined({
    binary,
    config: eximConfig === undefined ? undefined : resolve(eximConfig),
  });
}

async function checkWiring(config: Config, options: InstallationOptions): Promise<Finding[]> {
  const exim = findCommand(config, options);
  if (exim !== undefined) {
    const findings = await Promise.all([checkEximWiring(config, exim), checkEximLogSettings(exim)]);
    return findings.flat();
  }
  const program = options.eximBinary ?? config.commands.exim[0];
  return [wrong('mta', `there is no program ${program}`, 'name Exim: --exim-binary FILE')];
}

/** The configured command, or that of the installation that is meant; undefined when there is no such program. */
function findCommand(
  { commands }: Config,
  { eximBinary, eximConfig }: InstallationOptions,
): readonly string[] | undefined {
  if (eximBinary === undefined && eximConfig === undefined) return commands.exim;
  const binary = eximBinary ?? (commands.exim[0] as string);
  return eximCommand(dropUndefined({ binary, config: eximConfig }));
}
