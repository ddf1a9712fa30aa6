/** What an operator has to do to connect Postfix, as steps of the recipe that `postern init` prints. */
import { dirname } from 'node:path';
import type { Config } from '../../config/load.ts';
import { ask, settingsIn } from '../programs.ts';
import { indented, makeFolder, socketFolder, startCommand } from '../steps.ts';
import { referencesIn } from './expand.ts';
import { postfixSettings } from './find.ts';
import { policyLines, QUEUE_DIRECTORY } from './policy-recipe.ts';
import { postfixLines } from './recipe.ts';
import { splitWords } from './restriction-list.ts';
import { buildLookup, CLASSES } from './services.ts';
import { listTargetFiles } from './targets.ts';

/** The settings of main.cf to which the steps add something, and the one that says where the socket is. */
export const RECIPE_SETTINGS = [
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
  'authorized_submit_users',
  'queue_directory',
  'smtpd_milters',
  CLASSES,
];

type Settings = ReadonlyMap<string, string>;

/** Those settings as they are written, and what the names in them stand for. */
export async function readRecipeSettings(postconf: readonly string[]): Promise<Settings> {
  const written = settingsIn((await ask([...postconf, ...RECIPE_SETTINGS])).stdout);
  const references = [...written.values()].flatMap(referencesIn);
  const classes = splitWords(written.get(CLASSES) ?? '');
  const names = [...new Set([...references, ...classes])].filter((name) => !written.has(name));
  return new Map([...(await postfixSettings(postconf, names)), ...written]);
}

/** `settings`: those named above, as they are now. */
export function postfixSteps(config: Config, settings: Settings): string[] {
  const folders = [...new Set(listTargetFiles(config).map(({ file }) => dirname(file)))];
  const socket = socketFolder(config);
  const makeSocket = socket === undefined ? '' : `    ${makeSocketFolder(config, socket)}\n`;
  const lines = mapLines(config, settings) + policyPart(config, settings);
  const replaced = replacedLines(lines, settings);
  const before =
    replaced === ''
      ? ''
      : `   They replace these, and keep what they have:\n\n${indented(replaced)}\n`;
  return [
    `${startSentence(config)}:\n\n    ${makeFolder(folders.join(' '))}\n${makeSocket}    ${startCommand(config, postfixUnits(config))}\n`,
    `When the files exist, set this in main.cf:\n\n${indented(lines)}\n${before}   A service in master.cf with an smtpd_data_restrictions of its own needs the line there, too.\n`,
    `Make Postfix read it:\n\n    ${config.targets.postfix.reload.join(' ') || 'postfix reload'}\n`,
  ];
}

function startSentence({ mode, file }: Config): string {
  return mode === 'observe'
    ? `Set mode: enforce in ${file}, make the folder for the maps, and restart Postern,\n   which writes the maps`
    : 'Make the folder for the maps, then start Postern, which writes the maps';
}

function mapLines({ targets }: Config, settings: Settings): string {
  const data = settings.get('smtpd_data_restrictions') ?? '';
  const classes = splitWords(settings.get(CLASSES) ?? '');
  return postfixLines(targets.postfix, {
    data,
    submit: settings.get('authorized_submit_users') ?? 'static:anyone',
    lookup: buildLookup(settings, classes, referencesIn(data)),
  });
}

/** What the lines replace, so that an operator sees what changes; empty when main.cf has none of it. */
function replacedLines(lines: string, settings: Settings): string {
  const names = [...lines.matchAll(/^(\w+) =/gm)].map(([, name]) => name as string);
  const set = names.filter((name) => !IS_DEFAULT.includes(settings.get(name) ?? ''));
  return set.map((name) => `${name} = ${settings.get(name)}\n`).join('');
}

const IS_DEFAULT = ['', 'static:anyone'];

/** The restriction that asks the policy service, where the configuration has one. */
function policyPart({ policy }: Config, settings: Settings): string {
  if (policy === undefined) return '';
  const queue = settings.get('queue_directory') ?? QUEUE_DIRECTORY;
  return policyLines(policy.listen, queue, settings.get('smtpd_end_of_data_restrictions'));
}

/** The folder belongs to the account of the service, and smtpd may enter it (docs/mta/postfix-policy.md). */
export function makeSocketFolder({ enforcer }: Config, folder: string): string {
  const owner = enforcer === 'separate' ? 'postern' : 'root';
  return `install -d -o ${owner} -g postfix -m 0750 ${folder}`;
}

/** Its commands need root, in the service itself or in a unit of their own. */
export function postfixUnits({ enforcer }: Config): string {
  return enforcer === 'separate' ? 'postern postern-enforce' : 'postern-single';
}
