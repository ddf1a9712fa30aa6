/**
 * The configuration: one YAML file to plain values with every default in place.
 * Reads only that file, never a secret and never the MTA. All problems are reported at once, each with file,
 * line, key and what was expected, as one PosternError with exit status 2.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { getErrno, getMessage, type Place, PosternError } from '../base/errors.ts';
import { problemsError, type YamlFile } from '../base/yaml.ts';
import { besideEachOther } from './beside.ts';
import { contradictions } from './contradictions.ts';
import { findProblems, readConfigText } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import type { Config } from './resolved.ts';
import { configSchema } from './schema.ts';
import { suggestKey } from './suggest.ts';

export { ACTION_TEXTS, SHIPPED_RULES } from './resolve.ts';
export type {
  Config,
  EximTargets,
  MapTarget,
  MapType,
  NotifyConfig,
  PolicyConfig,
  PostfixTargets,
} from './resolved.ts';

export const DEFAULT_CONFIG_FILE = '/etc/postern/postern.yaml';

/** A configuration, and what its file says of each option; `path` is like `['targets', 'exim', 'blockedUsers']`. */
export interface LoadedConfig {
  readonly config: Config;
  /** where the option stands in the file, for messages */
  placeOf(path: readonly string[]): Place;
  /** whether the file itself names the option */
  isNamed(path: readonly string[]): boolean;
}

/** Loads `path`, or the default file. Throws a PosternError (exit status 2) that lists every problem. */
export function loadConfig(path: string | undefined): Config {
  return openConfig(path).config;
}

/** Like `loadConfig`, for who has to speak of the file afterwards. */
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
    throw new PosternError('config', `${file}: expected a configuration file, ${found}`, {
      place: { file },
      cause: error,
    });
  }
}

function foundInstead(error: unknown): string {
  if (getErrno(error) === 'ENOENT') return 'there is none (postern init writes one)';
  if (getErrno(error) === 'EISDIR') return 'found a directory';
  return `cannot read it: ${getMessage(error)}`;
}

/** Checks `text` as the content of `file`; relative paths are meant from that file's folder. */
export function parseConfig(text: string, file: string): Config {
  return checked(text, file).config;
}

function checked(text: string, file: string): { config: Config; yaml: YamlFile } {
  const yaml = readConfigText(text, file);
  const result = configSchema.safeParse(yaml.value ?? {});
  const problems = [
    ...yaml.problems,
    ...(result.success
      ? contradictions(result.data, yaml)
      : findProblems(yaml, result.error.issues, (path) => suggestKey(configSchema, path))),
  ];
  if (!result.success || problems.length > 0) throw problemsError('config', problems);
  return { config: resolveConfig(besideEachOther(result.data, yaml), resolve(file)), yaml };
}
