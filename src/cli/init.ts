/** `postern init`: writes a configuration for the mail server that is here, and prints how to connect it. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { type Config, DEFAULT_CONFIG_FILE, parseConfig } from '../config/load.ts';
import type { Mta } from '../model/event.ts';
import type { Preset } from '../model/preset.ts';
import { writeConfigFile } from '../setup/config-file.ts';
import { configText } from '../setup/config-text.ts';
import { findMailServer } from '../setup/find.ts';
import type { ExistingRecipe, Installation } from '../setup/installation.ts';
import { proposeLogins } from '../setup/logins.ts';
import type { InstallationOptions } from '../setup/mail-server.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { recipeText } from '../setup/recipe.ts';
import { copyRules, isShippedLimit } from '../setup/rule-copy.ts';
import { type Io, jsonLine } from './io.ts';

export interface InitOptions extends InstallationOptions {
  /** the file to write; default `config` */
  readonly output?: string;
  /** the same, by the name that the option has elsewhere; default /etc/postern/postern.yaml */
  readonly config?: string;
  readonly force?: boolean;
  readonly mta?: Mta;
  /** address that is notified of blocks */
  readonly notify?: string;
  /** write `mode: observe` */
  readonly observe?: boolean;
  /** write `preset` */
  readonly preset?: Preset;
  /** write `policy`, and print how the mail server asks the service */
  readonly policy?: boolean;
  /** write `milter`, and print how to install it */
  readonly milter?: boolean;
  /** default text */
  readonly format?: 'text' | 'json';
}

/** Throws a PosternError when it cannot write the configuration; then nothing has changed. */
export async function runInit(options: InitOptions, io: Io): Promise<ExitStatus> {
  const named = options.output ?? options.config;
  const output = resolve(named ?? DEFAULT_CONFIG_FILE);
  if (options.force !== true && existsSync(output)) throw alreadyThere(output);
  const found = await findMailServer(options, options.mta);
  if (options.milter === true && SETUP_MTAS[found.mta].milterSteps === undefined)
    throw new PosternError(
      'usage',
      `--milter: ${SETUP_MTAS[found.mta].name} asks no milter; for signed return paths see --exim-return-path`,
    );
  const rules = chooseRules(found, dirname(output), options);
  const logins = proposeLogins(found);
  const elsewhere = output === DEFAULT_CONFIG_FILE ? undefined : output;
  const database = elsewhere === undefined ? undefined : join(dirname(output), 'postern.db');
  const text = configText(found, { ...options, logins, rules: rules?.name, database });
  const config = parseConfig(text, output);
  writeConfigFile(output, text);
  if (rules !== undefined) copyRules(join(dirname(output), rules.name), rules);
  const settings = await SETUP_MTAS[found.mta].readSettings(options);
  const recipe = recipeText(config, { settings, output: elsewhere });
  io.stdout(
    options.format === 'json' ? initJson(found, config, recipe) : initText(found, config, recipe),
  );
  return EXIT.done;
}

const RULES = 'rules';

/** The folder of rules with the limit of a recipe that was there before; undefined if the shipped rules have it. */
function chooseRules({ recipe }: Installation, folder: string, { force }: InitOptions) {
  if (recipe?.period === undefined) return undefined;
  const rules = { name: RULES, limit: recipe.limit, period: recipe.period };
  if (isShippedLimit(rules)) return undefined;
  if (force !== true && existsSync(join(folder, RULES))) throw alreadyThere(join(folder, RULES));
  return rules;
}

function alreadyThere(output: string): PosternError {
  const message = `${output}: exists already; --force replaces it, --output FILE writes another`;
  return new PosternError('environment', message, { code: 'init' });
}

function initJson(found: Installation, config: Config, steps: string): string {
  const { mta, version } = found;
  const notes = [...found.notes, ...describeTakenOver(found.recipe)];
  return jsonLine({ output: config.file, mta, version, logs: config.logs, notes, recipe: steps });
}

function initText(found: Installation, config: Config, steps: string): string {
  const { mta, version, notes, recipe } = found;
  const { name } = SETUP_MTAS[mta];
  const head = `Found ${name} ${version}; its log is ${config.logs.join(', ')}.\nWrote ${config.file}.\n`;
  return `${head}${[...notes, ...describeTakenOver(recipe)].map((note) => `\nNote: ${note}\n`).join('')}\n${steps}`;
}

/** What was taken over from a recipe that blocks by itself, and what is left to do. */
function describeTakenOver(recipe: ExistingRecipe | undefined): string[] {
  if (recipe === undefined) return [];
  const { file, limit, period, notify } = recipe;
  const rate = period === undefined ? '' : `${limit} invalid recipients in ${period}, `;
  const mail = notify === undefined ? '' : `, ${notify} for notices`;
  return [
    `Exim's configuration has a recipe that blocks by itself. Taken over: ${rate}the file ${file}${mail}. ` +
      'When Postern runs, remove the statement with "ratelimit" that appends to this file; its lines would be lines of ' +
      'yours, which Postern never deletes. The statement that freezes the mail of blocked users can stay.',
  ];
}
