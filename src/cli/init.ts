/** `postern init`: writes a configuration for the mail server that is here, and prints how to connect it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { type Config, DEFAULT_CONFIG_FILE, parseConfig } from '../config/load.ts';
import type { Mta } from '../model/event.ts';
import { writeConfigFile } from '../setup/config-file.ts';
import { configText } from '../setup/config-text.ts';
import { findMailServer } from '../setup/find.ts';
import type { Installation } from '../setup/installation.ts';
import type { InstallationOptions } from '../setup/mail-server.ts';
import { SETUP_MTAS } from '../setup/mtas.ts';
import { recipeText } from '../setup/recipe.ts';
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
  /** write `policy`, and print how the mail server asks the service */
  readonly policy?: boolean;
  /** default text */
  readonly format?: 'text' | 'json';
}

/** Throws a PosternError when it cannot write the configuration; then nothing has changed. */
export async function runInit(options: InitOptions, io: Io): Promise<ExitStatus> {
  const named = options.output ?? options.config;
  const output = resolve(named ?? DEFAULT_CONFIG_FILE);
  if (options.force !== true && existsSync(output)) throw alreadyThere(output);
  const found = await findMailServer(options, options.mta);
  const text = configText(found, options);
  const config = parseConfig(text, output);
  writeConfigFile(output, text);
  const settings = await SETUP_MTAS[found.mta].readSettings(options);
  const recipe = recipeText(config, { settings, output: named });
  io.stdout(
    options.format === 'json' ? initJson(found, config, recipe) : initText(found, config, recipe),
  );
  return EXIT.done;
}

function alreadyThere(output: string): PosternError {
  const message = `${output}: exists already; --force replaces it, --output FILE writes another`;
  return new PosternError('environment', message, { code: 'init' });
}

function initJson({ mta, version, notes }: Installation, config: Config, recipe: string): string {
  return jsonLine({ output: config.file, mta, version, logs: config.logs, notes, recipe });
}

function initText({ mta, version, notes }: Installation, config: Config, recipe: string): string {
  const { name } = SETUP_MTAS[mta];
  const head = `Found ${name} ${version}; its log is ${config.logs.join(', ')}.\nWrote ${config.file}.\n`;
  return `${head}${notes.map((note) => `\nNote: ${note}\n`).join('')}\n${recipe}`;
}
