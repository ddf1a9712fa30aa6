/** What `postern init` tells an operator to do, step by step, with the lines to add. Pure. */
import { dirname } from 'node:path';
import type { Config } from '../config/load.ts';
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
  const option = context.output === undefined ? '' : ` --config ${context.output}`;
  const observing = config.mode === 'observe' ? observingSteps(config, option) : [];
  const steps = [
    ...observing,
    ...(config.mta === 'postfix' ? postfixSteps(config, context) : eximSteps(config)),
    `See whether all of it is in effect:\n\n    postern check${option}\n`,
  ].map((step, index) => `${index + 1}. ${step}`);
  if (observing.length > 0) steps.splice(observing.length, 0, laterHeading(config));
  return steps.join('\n');
}

function laterHeading({ mta }: Config): string {
  const why = 'Postfix answers 451 to everybody when it is told to ask a map that is not there.';
  return `When it shall block\n===================\n${mta === 'postfix' ? `\nNot before: ${why}\n` : ''}`;
}

/** In observe mode no map is written, so the mail server must not be told of any. */
function observingSteps(config: Config, option: string): string[] {
  return [
    `Start Postern. It only observes: it changes nothing of the mail server, and writes no file for it.\n\n    systemctl enable --now ${listUnits(config)}\n`,
    `See for some days whom it would have shut out, and why:\n\n    postern report --since 24h${option}\n    postern explain alice@example.net${option}\n`,
  ];
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
    `${start(config)}:\n\n    mkdir -p ${folders.join(' ')}\n${made}    ${startCommand(config)}\n`,
    `When the files are there, set this in main.cf (what the settings held before is kept):\n\n${indented(lines + policyPart(config, context))}\n   A service in master.cf with an smtpd_data_restrictions of its own needs the line there as well.\n`,
    `Tell Postfix:\n\n    ${config.targets.postfix.reload.join(' ') || 'postfix reload'}\n`,
  ];
}

function start({ mode, file }: Config): string {
  return mode === 'observe'
    ? `Set mode: enforce in ${file}, make the folder for the maps, and restart Postern,\n   which fills it`
    : 'Make the folder for the maps, then start Postern, which fills it';
}

function startCommand(config: Config): string {
  return `systemctl ${config.mode === 'observe' ? 'restart' : 'enable --now'} ${listUnits(config)}`;
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
function listUnits({ mta, enforcer }: Config): string {
  if (mta === 'exim') return 'postern';
  return enforcer === 'separate' ? 'postern postern-enforce' : 'postern-single';
}

function eximSteps(config: Config): string[] {
  return [
    `${config.mode === 'observe' ? `Set mode: enforce in ${config.file} and restart Postern` : 'Start Postern'}:\n\n    ${startCommand(config)}\n`,
    `Put these statements first into the ACL that acl_smtp_data names. (With Debian's own configuration two\n   lines do it, and no file of the package is changed: see docs/mta/exim.md.)\n\n${eximStatements(config.targets.exim)}`,
    'The same statements for mail that local accounts hand in: if acl_not_smtp names an ACL, put them first there;\n   otherwise set in the main section\n\n    acl_not_smtp = acl_postern_local\n\n   and add after "begin acl" an ACL "acl_postern_local:" of these statements and a last line "  accept".\n',
    ...eximPolicyStep(config),
    'Make Exim read it (Debian: update-exim4.conf first):\n\n    systemctl restart exim4\n',
  ];
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}
