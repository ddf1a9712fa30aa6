/**
 * What has to be there before the service starts: folders of the block files, readable logs. Found out before
 * anything is opened, so that a wrong configuration is one message with file, line and key, and nothing half-done.
 * What goes away later is waited for; only the start is strict.
 */
import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { located, messageOf, PosternError } from '../base/errors.ts';
import { type Config, isNamed, placeOf } from '../config.ts';

interface Problem {
  readonly path: readonly string[];
  readonly text: string;
}

/** Throws a PosternError (exit status 2) that lists everything that is wrong, one a line. */
export function checkStart(config: Config): void {
  const problems = [...logProblems(config), ...databaseProblems(config), ...targetProblems(config)];
  if (problems.length === 0) return;
  const lines = problems.map(({ path, text }) => located(placeOf(config, path), text));
  throw new PosternError('cannot-start', lines.join('\n'), { place: { file: config.file } });
}

function logProblems({ logs }: Config): Problem[] {
  return logs.flatMap((log) => {
    const why = unreadable(log);
    return why === undefined
      ? []
      : [{ path: ['logs'], text: `${log}: expected a readable log, ${why}` }];
  });
}

/** A log that does not exist yet is waited for. */
function unreadable(log: string): string | undefined {
  if (!existsSync(log)) return undefined;
  if (!statSync(log).isFile()) return 'found something that is no file';
  try {
    closeSync(openSync(log, 'r'));
    return undefined;
  } catch (error) {
    return `found one that cannot be opened: ${messageOf(error)}`;
  }
}

function databaseProblems({ database }: Config): Problem[] {
  const why = folderProblem(database);
  return why === undefined ? [] : [{ path: ['database'], text: `${database}: ${why}` }];
}

function targetProblems(config: Config): Problem[] {
  if (config.mode === 'observe' || config.enforcer === 'separate') return [];
  return filesOf(config).flatMap(([path, file]) => {
    if (!isNamed(config, path)) return []; // a default that may be of no use here: `status` tells
    const why = folderProblem(file);
    return why === undefined ? [] : [{ path, text: `${file}: ${why}` }];
  });
}

function filesOf({ mta, targets }: Config): [string[], string][] {
  if (mta === 'exim') {
    return (['blockedUsers', 'blockedSenders'] as const).map((name) => [
      ['targets', 'exim', name],
      targets.exim[name],
    ]);
  }
  return (['user', 'client', 'sender', 'uid'] as const).flatMap((name): [string[], string][] => {
    const map = targets.postfix[name];
    return map === undefined ? [] : [[['targets', 'postfix', name, 'file'], map.file]];
  });
}

/** A file is replaced by renaming another onto it, so its folder must take new files. */
function folderProblem(file: string): string | undefined {
  const folder = dirname(file);
  if (!existsSync(folder)) return `expected a folder ${folder}, found none`;
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `expected a folder ${folder} that Postern may write in, found one that it may not`;
  }
}
