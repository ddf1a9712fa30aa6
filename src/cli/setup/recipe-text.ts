/** What `postern init` tells an operator to do, step by step, with the lines to add. Pure. */
import { dirname } from 'node:path';
import type { Config } from '../../config.ts';
import { socketFolder, socketFolderCommand, targetFiles } from './access.ts';
import { eximPolicyStatements, policyLines, QUEUE_DIRECTORY } from './policy-recipe.ts';
import { eximStatements, postfixLines } from './recipe.ts';

/** What is in main.cf now, and where the configuration was written if not at its usual place. */
export interface RecipeContext {
  readonly data?: string;
  readonly submit?: string;
  readonly endOfData?: string;
  readonly queue?: string;
  readonly output?: string | undefined;
}

export function recipeText(config: Config, context: RecipeContext = {}): string {
  const steps = config.mta === 'postfix' ? postfixSteps(config, context) : eximSteps(config);
  const option = context.output === undefined ? '' : ` --config ${context.output}`;
  const last = `See whether all of it is in effect:\n\n    postern check${option}\n`;
  return [...steps, last].map((step, index) => `${index + 1}. ${step}`).join('\n');
}

function postfixSteps(config: Config, context: RecipeContext): string[] {
  const folders = [...new Set(targetFiles(config).map(({ file }) => dirname(file)))];
  const lines = postfixLines(config.targets.postfix, {
    data: context.data ?? '',
    submit: context.submit ?? '',
  });
  const socket = socketFolder(config);
  const made = socket === undefined ? '' : `    ${socketFolderCommand(config, socket)}\n`;
  return [
    `Make the folder for the maps, then start Postern, which fills it:\n\n    mkdir -p ${folders.join(' ')}\n${made}    systemctl enable --now ${unitsOf(config)}\n`,
    `When the files are there, set this in main.cf (what the settings held before is kept):\n\n${indented(lines + policyPart(config, context))}\n   A service in master.cf with an smtpd_data_restrictions of its own needs the line there as well.\n`,
    `Tell Postfix:\n\n    ${config.targets.postfix.reload.join(' ') || 'postfix reload'}\n`,
  ];
}

/** The question to the policy service, where the configuration has one. */
function policyPart({ policy }: Config, { queue, endOfData }: RecipeContext): string {
  if (policy === undefined) return '';
  return policyLines(policy.listen, queue ?? QUEUE_DIRECTORY, endOfData);
}

function eximPolicyStep({ policy }: Config): string[] {
  if (policy === undefined) return [];
  return [
    `Put these statements first into the ACL that acl_smtp_rcpt names:\n\n${eximPolicyStatements(policy.listen)}`,
  ];
}

/** Units for Postfix, whose commands want root (docs/install.md). Beside Exim it is always `postern`, as Exim's user. */
function unitsOf({ enforcer }: Config): string {
  return enforcer === 'separate' ? 'postern postern-enforce' : 'postern-single';
}

function eximSteps(config: Config): string[] {
  return [
    'Start Postern:\n\n    systemctl enable --now postern\n',
    `Put these statements first into the ACL that acl_smtp_data names. (With Debian's own configuration two\n   lines do it, and no file of the package is changed: see docs/mta/exim.md.)\n\n${eximStatements(config.targets.exim)}`,
    'The same statements for mail that local accounts hand in: if acl_not_smtp names an ACL, put them first there;\n   otherwise set in the main section\n\n    acl_not_smtp = acl_postern_local\n\n   and add after "begin acl" an ACL "acl_postern_local:" of these statements and a last line "  accept".\n',
    ...eximPolicyStep(config),
    'Make Exim read it (Debian: update-exim4.conf first):\n\n    systemctl restart exim4\n',
  ];
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}
