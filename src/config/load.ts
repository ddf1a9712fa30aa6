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
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';
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

/** Loads `path`, or the default file. Throws a PosternError (exit status 2) that lists every problem. */
export function loadConfig(path: string | undefined): Config {
  return openConfig(path).config;
}

/** Like `loadConfig`, for callers that report problems of the file later. */
export function openConfig(path: string | undefined): LoadedConfig {
  const file = resolve(path ?? DEFAULT_CONFIG_FILE);
  const { config, yaml } = checked(readConfigFile(file), path ?? file);
  return { config, placeOf: (key) => ({ ...yaml.keyPlace(key), file }), isNamed: yaml.has };
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
  return checked(text, file).config;
}

function checked(text: string, file: string): { config: Config; yaml: YamlFile } {
  const yaml = readConfigText(text, file);
  const result = configSchema.safeParse(yaml.value ?? {}, ONCE);
  const problems = [
    ...yaml.problems,
    ...(result.success
      ? findContradictions(result.data, yaml)
      : findProblems(yaml, result.error.issues, unknownKey)),
  ];
  if (!result.success || problems.length > 0) throw problemsError('config', problems);
  return { config: resolveConfig(placeTargets(result.data, yaml), resolve(file)), yaml };
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
