/**
 * `postern init` and `postern check`: finding the mail server, writing the configuration, testing configuration,
 * rules, permissions and the wiring. Nothing but the one configuration file is ever written, and that in one step.
 */

import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { type Config, DEFAULT_CONFIG_FILE, loadConfig, parseConfig } from '../config/load.ts';
import { loadRules } from '../judge/rule.ts';
import type { Mta } from '../model/event.ts';
import { configText } from '../setup/config-text.ts';
import { eximCommand, findExim } from '../setup/exim/find.ts';
import { checkEximWiring } from '../setup/exim/wiring.ts';
import { checkFiles } from '../setup/files.ts';
import { type Finding, findingsText, ok, warning, wrong } from '../setup/finding.ts';
import type { Installation, NotFound } from '../setup/installation.ts';
import { checkNotify } from '../setup/notify.ts';
import { findPostfix, postconfCommand, postfixSettings } from '../setup/postfix/find.ts';
import { checkPostfixWiring } from '../setup/postfix/wiring.ts';
import { type RecipeContext, recipeText } from '../setup/recipe-text.ts';
import { type Io, jsonLine } from './io.ts';

/** Which installation is meant, when it is not the default one of this machine. */
interface InstallationOptions {
  /** folder of main.cf: `postconf -c` */
  readonly postfixConfig?: string;
  readonly eximBinary?: string;
  /** Exim's configuration file: `exim -C` */
  readonly eximConfig?: string;
}

export interface InitOptions extends InstallationOptions {
  /** the file to write; default `config` */
  readonly output?: string;
  /** the same, by the name that the option has elsewhere; default /etc/postern/postern.yaml */
  readonly config?: string;
  readonly force?: boolean;
  readonly mta?: Mta;
  /** address that is told of blocks */
  readonly notify?: string;
  /** write `mode: observe` */
  readonly observe?: boolean;
  /** write `policy`, and print what makes the mail server ask the service */
  readonly policy?: boolean;
  /** default text */
  readonly format?: 'text' | 'json';
}

export interface CheckOptions extends InstallationOptions {
  readonly config?: string;
  /** default text */
  readonly format?: 'text' | 'json';
}

/** Writes the configuration and prints what to do next. Throws a PosternError when it cannot; then nothing is written. */
export async function runInit(options: InitOptions, io: Io): Promise<ExitStatus> {
  const named = options.output ?? options.config;
  const output = resolve(named ?? DEFAULT_CONFIG_FILE);
  if (options.force !== true && existsSync(output))
    throw new PosternError(
      'init',
      `${output}: exists already; --force replaces it, --output FILE writes another`,
    );
  const found = await findMta(options);
  const text = configText(found, options);
  const config = parseConfig(text, output);
  writeConfig(output, text);
  const recipe = recipeText(config, {
    ...(await currentValues(options, found.mta)),
    output: named,
  });
  const { mta, version, notes } = found;
  io.stdout(
    options.format === 'json'
      ? jsonLine({ output, mta, version, logs: config.logs, notes, recipe })
      : initText(found, config, recipe),
  );
  return EXIT.done;
}

function initText(found: Installation, config: Config, recipe: string): string {
  const name = found.mta === 'postfix' ? 'Postfix' : 'Exim';
  const head = `Found ${name} ${found.version}; its log is ${config.logs.join(', ')}.\nWrote ${config.file}.\n`;
  const notes = found.notes.map((note) => `\nNote: ${note}\n`);
  return `${head}${notes.join('')}\n${recipe}`;
}

async function findMta(options: InitOptions): Promise<Installation> {
  const looks: Promise<Installation | NotFound>[] = [];
  if (options.mta !== 'exim') looks.push(lookForPostfix(options));
  if (options.mta !== 'postfix') looks.push(lookForExim(options));
  const results = await Promise.all(looks);
  const found = results.filter((result) => 'version' in result);
  if (found.length > 1)
    throw new PosternError(
      'usage',
      'both Postfix and Exim are here: say which one with --mta postfix or --mta exim',
    );
  const [only] = found;
  if (only !== undefined) return only;
  const reasons = results.map((result) =>
    'reason' in result ? `${result.mta}: ${result.reason}` : '',
  );
  throw new PosternError('init', `no mail server was found (${reasons.join('; ')})`);
}

function lookForPostfix({ postfixConfig }: InitOptions): Promise<Installation | NotFound> {
  return findPostfix(postfixConfig === undefined ? {} : { folder: resolve(postfixConfig) });
}

function lookForExim({ eximBinary, eximConfig }: InitOptions): Promise<Installation | NotFound> {
  return findExim(
    dropUndefined({
      binary: eximBinary,
      config: eximConfig === undefined ? undefined : resolve(eximConfig),
    }),
  );
}

function writeConfig(output: string, text: string): void {
  try {
    makeFolder(dirname(output));
    replaceFile(output, text, 0o644);
  } catch (error) {
    throw new PosternError('init', `${output}: cannot be written: ${getMessage(error)}`, {
      place: { file: output },
      cause: error,
    });
  }
}

/**
 * With its parents. Not `mkdirSync` with `recursive`: that tries for ever where a folder exists and takes no new one
 * with ENOENT, as /proc does.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder);
}

async function currentValues(options: InitOptions, mta: Mta): Promise<RecipeContext> {
  if (mta === 'exim') return {};
  const now = await postfixSettings(postconfCommand(options.postfixConfig), [
    'smtpd_data_restrictions',
    'smtpd_end_of_data_restrictions',
    'authorized_submit_users',
    'queue_directory',
  ]);
  const queue = now.get('queue_directory');
  return dropUndefined({
    data: now.get('smtpd_data_restrictions') ?? '',
    submit: now.get('authorized_submit_users') ?? '',
    endOfData: now.get('smtpd_end_of_data_restrictions') ?? '',
    queue,
  });
}

/** Prints what is in order and what is not; exit status 2 when anything is wrong. Never throws for what it checks. */
export async function runCheck(options: CheckOptions, io: Io): Promise<ExitStatus> {
  const findings = await checkAll(options);
  const bad = findings.some(({ level }) => level === 'wrong');
  io.stdout(options.format === 'json' ? jsonLine({ ok: !bad, findings }) : findingsText(findings));
  return bad ? EXIT.usage : EXIT.done;
}

async function checkAll(options: CheckOptions): Promise<Finding[]> {
  const loaded = attempt('configuration', () => loadConfig(options.config));
  if ('findings' in loaded) return loaded.findings;
  const config = loaded.value;
  const [files, notify, wiring] = await Promise.all([
    checkFiles(config),
    checkNotify(config),
    checkWiring(config, options),
  ]);
  return [
    ok('configuration', `${config.file} is valid`),
    ...(config.mode === 'observe'
      ? [
          warning(
            'configuration',
            'mode is observe: nobody is shut out',
            'mode: enforce, when you trust the rules',
          ),
        ]
      : []),
    ...checkRules(config),
    ...files,
    ...notify,
    ...wiring,
  ];
}

function checkRules(config: Config): Finding[] {
  const loaded = attempt('rules', () => loadRules(config.rules));
  if ('findings' in loaded) return loaded.findings;
  const enabled = loaded.value.filter((rule) => rule.enabled);
  return [ok('rules', `${enabled.length} rules in ${config.rules}`)];
}

function checkWiring(config: Config, options: CheckOptions): Promise<Finding[]> {
  if (config.mta === 'postfix') {
    const { postfixConfig } = options;
    return checkPostfixWiring(
      config,
      postfixConfig === undefined ? config.commands.postconf : postconfCommand(postfixConfig),
    );
  }
  const { eximBinary: binary, eximConfig } = options;
  const named =
    binary === undefined && eximConfig === undefined
      ? config.commands.exim
      : eximCommand(
          dropUndefined({
            binary: binary ?? (config.commands.exim[0] as string),
            config: eximConfig,
          }),
        );
  return named === undefined
    ? Promise.resolve([wrong('mta', `there is no program ${binary}`, '--exim-binary FILE')])
    : checkEximWiring(config, named);
}

/** What `load` gives, or its problems: one finding for each line of the message. */
function attempt<T>(
  area: 'configuration' | 'rules',
  load: () => T,
): { readonly value: T } | { readonly findings: Finding[] } {
  try {
    return { value: load() };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { findings: error.message.split('\n').map((line) => wrong(area, line)) };
  }
}
