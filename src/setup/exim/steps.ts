/** What an operator has to do to connect Exim, as steps of the recipe that `postern init` prints. */
import { packagePath } from '../../base/package.ts';
import type { Config } from '../../config/load.ts';
import { indented, startCommand } from '../steps.ts';
import { debianStep, findLayoutOf, type Layout } from './debian.ts';
import { eximConfiguration } from './find.ts';
import { eximPolicyStatements, eximStatements } from './recipe.ts';

/** It names Debian's user. */
const DROP_IN = packagePath('systemd/postern-exim.conf');

/** The key of the settings that has the layout. */
const LAYOUT = 'layout';

/** What the steps depend on: how the configuration of this Exim is put together. */
export async function readStepSettings(
  exim: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  return new Map([[LAYOUT, findLayoutOf(await eximConfiguration(exim))]]);
}

/** Postern runs as Exim's user, so one unit is enough (docs/install.md). */
export const UNITS = 'postern';

/** `settings`: what readStepSettings gave. */
export function eximSteps(config: Config, settings: ReadonlyMap<string, string>): string[] {
  const start = `${startSentence(config)}:\n\n${indented(startCommands(config).join('\n'))}\n`;
  const layout = settings.get(LAYOUT) as Layout | undefined;
  if (layout === 'split' || layout === 'single') return [start, debianStep(layout, config)];
  return [
    start,
    `Put these statements at the beginning of the ACL that acl_smtp_data names:\n\n${eximStatements(config.targets.exim)}`,
    'The same statements are needed for mail from local accounts. If acl_not_smtp names an ACL, put them at its\n   beginning; otherwise set in the main section\n\n    acl_not_smtp = acl_postern_local\n\n   and add after "begin acl" an ACL "acl_postern_local:" with these statements and a last line "  accept".\n',
    ...policySteps(config),
    'Make Exim read it:\n\n    systemctl restart exim4\n',
  ];
}

function startSentence({ mode, file }: Config): string {
  return mode === 'observe'
    ? `Set mode: enforce in ${file} and restart Postern`
    : "Let the unit run as Exim's own user, then start Postern";
}

/** In observe mode it runs already. */
function startCommands(config: Config): string[] {
  const start = startCommand(config, UNITS);
  return config.mode === 'observe' ? [start] : [...listDropInCommands(), start];
}

/** The units name the account `postern`, which there need not be beside Exim. Those of the reports come along. */
export function listDropInCommands(): string[] {
  const units = [UNITS, 'postern-report', 'postern-report-weekly'];
  return [
    ...units.map(
      (unit) => `install -D -m 0644 ${DROP_IN} /etc/systemd/system/${unit}.service.d/exim.conf`,
    ),
    'systemctl daemon-reload',
  ];
}

function policySteps({ policy }: Config): string[] {
  if (policy === undefined) return [];
  return [
    `Put these statements at the beginning of the ACL that acl_smtp_rcpt names:\n\n${eximPolicyStatements(policy.listen)}`,
  ];
}
