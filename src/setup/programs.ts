/** Finding and running the programs of a mail server. One that is missing or fails is a value, never an error. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type CommandResult, runCommand } from '../base/commands.ts';

const TIMEOUT = 20_000;
const ADMIN_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/sbin', '/opt/local/sbin'];

/** PATH, and the folders of administrators' programs, which an ordinary account does not have in it. */
function searchPath(env: NodeJS.ProcessEnv = process.env): string[] {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  return [...new Set([...folders, ...ADMIN_FOLDERS])];
}

/** Path of a program; a name with a slash is a path already. Undefined when there is none. */
export function findProgram(name: string, folders = searchPath()): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Runs a program for its output, without a locale that would translate it; `input`: its standard input. */
export function ask(argv: readonly string[], input = ''): Promise<CommandResult> {
  const env = { ...process.env, LC_ALL: 'C', PATH: searchPath().join(delimiter) };
  return runCommand(argv, { timeout: TIMEOUT, env, input });
}

/** Why a program gave no answer, on one line; undefined when it did. */
export function describeFailure(
  argv: readonly string[],
  result: CommandResult,
): string | undefined {
  if (result.status === 0) return undefined;
  const said = `${result.stderr}\n${result.stdout}`.split('\n').find((line) => line.trim() !== '');
  const why = result.timedOut ? 'it does not answer' : (result.failure ?? said?.trim());
  return `${argv.slice(0, 3).join(' ')} failed: ${why ?? `status ${result.status}`}`;
}

/** Parses `name = value` lines, as `postconf` and `exim -bP` print them. */
export function settingsIn(output: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of output.split('\n')) {
    const end = line.indexOf(' =');
    if (end > 0) settings.set(line.slice(0, end), line.slice(end + 2).trim());
  }
  return settings;
}
