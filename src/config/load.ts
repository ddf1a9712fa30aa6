/**
 * The configuration: from one YAML file to plain values with every default in place.
 * Reads no other file, no secret, and nothing from the mail server. All problems are reported at once, each with
 * file, line, key and what was expected, as one PosternError with exit status 2.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { getErrno, getMessage, type Place, PosternError } from '../base/errors.ts';
import { findProblems } from '../base/fields.ts';
import { problemsError, readYaml, type Words, type YamlFile } from '../base/yaml.ts';
import type { Config } from './config.ts';
import { findContradictions } from './contradictions.ts';
import { findInstanceContradictions, listSections, viewInstance } from './instances.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema, type RawConfig } from './schema.ts';
import { suggestKey } from './suggest.ts';
import { placeTargets } from './target-folder.ts';

export type {
  Config,
  EximTargets,
  ListingsConfig,
  MapTarget,
  MapType,
  MilterConfig,
  NotifyConfig,
  PolicyConfig,
  PostfixTargets,
} from './config.ts';
export { ACTION_TEXTS, SHIPPED_RULES } from './resolve.ts';

export const DEFAULT_CONFIG_FILE = '/etc/postern/postern.yaml';

/** A configuration, and where its file has each option; `path` is like `['targets', 'exim', 'blockedUsers']`. */
export interface LoadedConfig {
  readonly config: Config;
  /** where the option is in the file, for messages */
  placeOf(path: readonly string[]): Place;
  /** whether the file itself names the option */
  isNamed(path: readonly string[]): boolean;
}

/** A configuration file, and which of its instances; the default file if there is none. */
export type ConfigChoice =
  | string
  | { readonly file?: string | undefined; readonly instance: string };

/**
 * Loads a file, or the default one. Throws a PosternError (exit status 2) that lists every problem; also for a file
 * with several instances if none of them is named.
 */
export function loadConfig(choice: ConfigChoice | undefined): Config {
  return openConfig(choice).config;
}

/** Like `loadConfig`, for callers that report problems of the file later. */
export function openConfig(choice: ConfigChoice | undefined): LoadedConfig {
  const { file, instance } = typeof choice === 'object' ? choice : { file: choice };
  const all = openConfigs(file);
  const found =
    instance === undefined
      ? all.find(({ config }) => config.instance === undefined)
      : all.find(({ config }) => config.instance === instance);
  if (found !== undefined) return found;
  const names = all.flatMap(({ config }) => config.instance ?? []);
  const path = file ?? DEFAULT_CONFIG_FILE;
  const text =
    names.length === 0
      ? `${path} has no instances: leave out --instance`
      : `${path} has the instances ${names.join(', ')}: name one of them with --instance`;
  throw new PosternError('usage', text, { place: { file: path } });
}

/** The configuration of each instance; of the file itself if it has none. */
export function openConfigs(path: string | undefined): LoadedConfig[] {
  const file = resolve(path ?? DEFAULT_CONFIG_FILE);
  return checked(readConfigFile(file), path ?? file).map(({ config, yaml }) => ({
    config,
    placeOf: (key) => ({ ...yaml.keyPlace(key), file }),
    isNamed: yaml.has,
  }));
}

/** What stands at the top of the file: for the milter, which all instances share. */
export function loadShared(choice: ConfigChoice | undefined): Config {
  const path = typeof choice === 'object' ? choice.file : choice;
  const file = resolve(path ?? DEFAULT_CONFIG_FILE);
  return readOne(readConfigText(readConfigFile(file), path ?? file), path ?? file).config;
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const found = foundInstead(error);
    throw new PosternError('configuration', `${file}: expected a configuration file, ${found}`, {
      code: 'config',
      place: { file },
      cause: error,
    });
  }
}

function foundInstead(error: unknown): string {
  if (getErrno(error) === 'ENOENT') return 'found none (postern init writes one)';
  if (getErrno(error) === 'EISDIR') return 'found a directory';
  return `found one that cannot be read: ${getMessage(error)}`;
}

/** Checks `text` as the content of `file`; relative paths start at that file's folder. */
export function parseConfig(text: string, file: string): Config {
  return readOne(readConfigText(text, file), file).config;
}

interface Checked {
  readonly raw: RawConfig;
  readonly config: Config;
  readonly yaml: YamlFile;
}

/** Each instance, or the file itself if it has none. */
function checked(text: string, file: string): Checked[] {
  const yaml = readConfigText(text, file);
  const common = readOne(yaml, file);
  const sections = listSections(yaml);
  if (sections.length === 0) return [common];
  const all = sections.map(({ name }, index) => {
    const { config, ...rest } = readOne(viewInstance(yaml, index), file);
    return { ...rest, config: { ...config, instance: `${name}` } };
  });
  const raw = all.map((one) => one.raw);
  const configs = all.map(({ config }) => config);
  const problems = findInstanceContradictions(yaml, raw, configs);
  if (problems.length > 0) throw problemsError('config', problems);
  return all;
}

/** One mail server's configuration. Throws a PosternError that lists every problem. */
function readOne(yaml: YamlFile, file: string): Checked {
  const result = configSchema.safeParse(yaml.value ?? {}, ONCE);
  const problems = [
    ...yaml.problems,
    ...(result.success
      ? findContradictions(result.data, yaml)
      : findProblems(yaml, result.error.issues, unknownKey)),
  ];
  if (!result.success || problems.length > 0) throw problemsError('config', problems);
  const raw = placeTargets(result.data, yaml);
  return { raw, config: resolveConfig(raw, resolve(file)), yaml };
}

/** zod makes code for a schema before it checks a value. For the one value of a short process that takes longer. */
const ONCE = { jitless: true };

const mistake = (what: string) => `expected one YAML document, found a mistake: ${what}`;
const WORDS: Words = { mistake, secondDocument: mistake('a second document'), strict: true };

/** Throws the syntax errors, unless the text has a value in spite of them. */
function readConfigText(text: string, file: string): YamlFile {
  const yaml = readYaml(text, file, WORDS);
  if (yaml.value === undefined) throw problemsError('config', yaml.problems);
  return yaml;
}

function unknownKey(path: readonly PropertyKey[]): string {
  const suggestion = suggestKey(configSchema, path);
  const hint = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
  return `expected a known key, found an unknown one${hint}`;
}
