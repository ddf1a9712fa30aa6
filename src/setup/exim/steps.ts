/** What an operator has to do to connect Exim, as steps of the recipe that `postern init` prints. Pure. */
import { packagePath } from '../../base/package.ts';
import type { Config } from '../../config/load.ts';
import { indented, startCommand } from '../steps.ts';
import { eximPolicyStatements, eximStatements } from './recipe.ts';

/** It names Debian's user. */
const DROP_IN = packagePath('systemd/postern-exim.conf');

/** Postern runs as Exim's user, so one unit is enough (docs/install.md). */
export const UNITS = 'postern';

export function eximSteps(config: Config): string[] {
  return [
    `${startSentence(config)}:\n\n${indented(startCommands(config).join('\n'))}\n`,
    `Put these statements at the beginning of the ACL that acl_smtp_data names. (In Debian's own configuration\n   two lines do it, and no file of the package changes: see docs/mta/exim.md.)\n\n${eximStatements(config.targets.exim)}`,
    'The same statements are needed for mail from local accounts. If acl_not_smtp names an ACL, put them at its\n   beginning; otherwise set in the main section\n\n    acl_not_smtp = acl_postern_local\n\n   and add after "begin acl" an ACL "acl_postern_local:" with these statements and a last line "  accept".\n',
    ...policySteps(config),
    'Make Exim read it (Debian: run update-exim4.conf first):\n\n    systemctl restart exim4\n',
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

/** The unit by itself names the account `postern`, which there need not be beside Exim. */
export function listDropInCommands(): string[] {
  const folder = `/etc/systemd/system/${UNITS}.service.d`;
  return [`install -D -m 0644 ${DROP_IN} ${folder}/exim.conf`, 'systemctl daemon-reload'];
}

function policySteps({ policy }: Config): string[] {
  if (policy === undefined) return [];
  return [
    `Put these statements at the beginning of the ACL that acl_smtp_rcpt names:\n\n${eximPolicyStatements(policy.listen)}`,
  ];
}
