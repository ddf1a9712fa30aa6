/** Where Exim writes its main log (Exim specification, "Where the logs are written"). */
import { join } from 'node:path';
import { ask, settingsIn } from '../programs.ts';
import { listItems } from './list.ts';

export interface LogPlaces {
  /** the main log; undefined if Exim writes none of its own */
  readonly file?: string;
  /** the name has the date in it, so it changes each day or month */
  readonly isDated: boolean;
  readonly syslog: boolean;
}

/**
 * `setting` is `log_file_path`: a list of `syslog` and of a path in which `%s` is `main`; Exim uses the first path. An
 * empty list, and an empty item, are the built-in path, for which `exim` is asked.
 */
export async function readLogPlaces(
  setting: string,
  exim: readonly string[],
  spool: string,
): Promise<LogPlaces> {
  const items = listItems(setting);
  const syslog = items.includes('syslog');
  const path = items.find((item) => item.startsWith('/'));
  const isEmpty = /^\s*:|:\s*:|:\s*$/.test(setting) && !setting.trim().startsWith('<');
  if (path === undefined && syslog && !isEmpty) return { isDated: false, syslog };
  const file = (path ?? (await findBuiltIn(exim, spool))).replaceAll('%s', 'main');
  return { file, isDated: /%[DM]/.test(file), syslog };
}

/** The path of a configuration that says nothing: LOG_FILE_PATH of this build, or a file in the spool. */
async function findBuiltIn(exim: readonly string[], spool: string): Promise<string> {
  const { stdout } = await ask([...exim, '-C', '/dev/null', '-bP', 'log_file_path']);
  const items = listItems(settingsIn(stdout).get('log_file_path') ?? '');
  return items.find((item) => item.startsWith('/')) ?? join(spool, 'log/%slog');
}

/** What is wrong with a name that has the date in it, a clause. */
export function describeDated(file: string): string {
  return `Exim changes the name of its log each day or month (${file}), and Postern follows a fixed name`;
}

export const UNDATED = 'Remove %D or %M from log_file_path, and let logrotate rotate the log.';
