/**
 * What the service needs to start, checked before anything is opened, so that a wrong configuration gives one message
 * with file, line and key, and nothing is half done. A log, a folder of block files or a socket that cannot be used is
 * not among it: the service tries again until it can, and `postern status` reports it.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { located, PosternError } from '../base/errors.ts';
import type { Config, LoadedConfig } from '../config/load.ts';
import { databaseFinding, findMisuse } from './access.ts';

/**
 * Throws a PosternError: with exit status 2 if the configuration is wrong, one problem a line; with exit status 1 if
 * the database cannot be used now, which may mend itself.
 */
export function checkStart({ config, placeOf }: LoadedConfig): void {
  const logs = config.logs.flatMap((log) => findMisuse(log, config.logs) ?? []);
  const isWrong = isNoFile(config.database);
  const database = databaseFinding(config, undefined);
  const problems = [
    ...logs.map((problem) => ({ option: ['logs'], ...problem })),
    ...(database.isOk ? [] : [database]),
  ];
  if (problems.length === 0) return;
  const lines = problems.map(({ option, text, fix }) =>
    located(placeOf(option), fix === undefined ? text : `${text} (${fix})`),
  );
  const kind = logs.length > 0 || isWrong ? 'configuration' : 'environment';
  throw new PosternError(kind, lines.join('\n'), {
    code: 'cannot-start',
    place: { file: config.file },
  });
}

/** Whether something is there that can never be a database. */
function isNoFile(path: Config['database']): boolean {
  return existsSync(dirname(path)) && statSync(path, { throwIfNoEntry: false })?.isFile() === false;
}
