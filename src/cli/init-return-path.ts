/** `postern init --exim-return-path`: writes what Exim needs to sign and check return paths by itself. */
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { packagePath } from '../base/package.ts';
import { findId } from '../base/socket.ts';
import { systemClock } from '../base/time.ts';
import { makeOpenFolder } from '../setup/config-file.ts';
import { findLayout, type Layout } from '../setup/exim/debian.ts';
import { eximCommand } from '../setup/exim/find.ts';
import {
  KEYS_FILE,
  RETURN_PATH_RECIPES,
  type Refusal,
  type ReturnPathSettings,
  returnPathSteps,
  SETTINGS_FILE,
  settingsText,
} from '../setup/exim/return-path.ts';
import { ask, describeFailure, settingsIn } from '../setup/programs.ts';
import { writeKeyFile } from '../sign/key-file.ts';
import { addKey } from '../sign/keys.ts';
import type { SchemeName } from '../sign/scheme.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';

export interface ReturnPathOptions extends CommonOptions {
  /** folder of the recipe files */
  readonly output?: string;
  readonly force?: boolean;
  readonly domain?: readonly string[];
  readonly scheme?: SchemeName;
  readonly refuse?: Refusal;
  readonly text?: string;
  readonly layout?: Layout;
  readonly eximBinary?: string;
  readonly eximConfig?: string;
}

const RECIPES = packagePath('docs/mta/exim');

/** Throws a PosternError: (usage) for a value that Exim would read differently, (environment) when it cannot write. */
export async function runInitReturnPath(options: ReturnPathOptions, io: Io): Promise<ExitStatus> {
  const layout = options.layout ?? findLayout();
  const folder = resolve(options.output ?? DEFAULT_FOLDERS[layout]);
  const settings: ReturnPathSettings = dropUndefined({
    folder,
    domains: options.domain ?? [],
    scheme: options.scheme ?? 'prvs',
    refusal: options.refuse ?? 'warn',
    text: options.text,
  });
  const text = settingsText(settings);
  if (options.force !== true && existsSync(join(folder, SETTINGS_FILE))) {
    throw new PosternError(
      'environment',
      `${join(folder, SETTINGS_FILE)}: exists already; --force replaces it and keeps the keys`,
      { code: 'init' },
    );
  }
  const group = await findEximGroup(options);
  const written = write(folder, text, group);
  const steps = returnPathSteps(layout, settings);
  if (options.format === 'json') io.stdout(jsonLine({ folder, layout, written, steps }));
  else io.stdout(describe(written, steps));
  return EXIT.done;
}

const DEFAULT_FOLDERS: Readonly<Record<Layout, string>> = {
  split: '/etc/exim4/postern',
  single: '/etc/exim4/postern',
  plain: '/etc/exim/postern',
};

/** The group that Exim's processes have, as a number. Throws a PosternError (environment) without an Exim. */
async function findEximGroup({ eximBinary, eximConfig }: ReturnPathOptions): Promise<number> {
  const exim = eximCommand(dropUndefined({ binary: eximBinary, config: eximConfig }));
  if (exim === undefined) {
    throw new PosternError('environment', `there is no ${eximBinary ?? 'exim4 or exim'}`);
  }
  const argv = [...exim, '-bP', 'exim_group'];
  const answer = await ask(argv);
  const failure = describeFailure(argv, answer);
  if (failure !== undefined) throw new PosternError('environment', failure);
  try {
    return findId('/etc/group', settingsIn(answer.stdout).get('exim_group') || '(none)', 'group');
  } catch (error) {
    throw new PosternError('environment', `exim_group: ${getMessage(error)}`, { cause: error });
  }
}

/** Writes all files and makes a first key; returns the paths. An old key file stays as it is. */
function write(folder: string, settings: string, group: number): string[] {
  const at = (name: string) => join(folder, name);
  try {
    makeOpenFolder(folder);
    for (const name of RETURN_PATH_RECIPES) {
      replaceFile(at(name), readFileSync(join(RECIPES, name)), 0o644);
    }
    replaceFile(at(SETTINGS_FILE), settings, 0o644);
    const written = [...RETURN_PATH_RECIPES, SETTINGS_FILE].map(at);
    if (existsSync(at(KEYS_FILE))) return written;
    writeKeyFile(at(KEYS_FILE), addKey([], systemClock.now()) ?? []);
    chownSync(at(KEYS_FILE), -1, group);
    chmodSync(at(KEYS_FILE), 0o640);
    return [...written, at(KEYS_FILE)];
  } catch (error) {
    throw new PosternError('environment', `${folder}: cannot be written: ${getMessage(error)}`, {
      code: 'init',
      place: { file: folder },
      cause: error,
    });
  }
}

function describe(written: readonly string[], steps: readonly string[]): string {
  const files = written.map((file) => `    ${file}\n`).join('');
  const numbered = steps.map((step, index) => `${index + 1}. ${step}`).join('\n');
  return `Wrote\n\n${files}\n${numbered}`;
}
