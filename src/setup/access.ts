/**
 * Whether this account can read the logs and write what Postern writes: the same findings for `postern check` and for
 * the start of `postern run`. Opens nothing for writing, creates nothing.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { getErrno } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import { SETUP_MTAS } from './mtas.ts';
import { socketFolder } from './steps.ts';

/** The state of a file that an option names. */
export interface FileFinding {
  /** path of the option, `['targets', 'exim', 'blockedUsers']` */
  readonly option: readonly string[];
  readonly isOk: boolean;
  /** without the name of the option */
  readonly text: string;
  /** what to do about it */
  readonly fix?: string;
  /** whether a service that starts now could not do its work; false for what the service waits for */
  readonly hinders: boolean;
}

/** Each log. One that does not exist yet does not hinder: the service waits for it. */
export function logFindings({ logs }: Config): FileFinding[] {
  return logs.map((path) => {
    const finding = { option: ['logs'], isOk: false, hinders: existsSync(path) };
    const reason = denied(path, constants.R_OK);
    if (reason === ABSENT) return { ...finding, text: `${path} ${ABSENT}`, fix: NO_LOG };
    if (reason !== undefined) {
      const fix = `let ${account()} read it, for example through the group adm`;
      return { ...finding, text: `${path} ${reason}`, fix };
    }
    if (!statSync(path).isFile())
      return { ...finding, text: `${path} is not a regular file`, fix: NO_LOG };
    const twin = logs.slice(0, logs.indexOf(path)).find((other) => isSame(other, path));
    if (twin !== undefined) {
      const text = `${path} is the same file as ${twin}: its lines would count twice`;
      return { ...finding, text, fix: 'name each log once' };
    }
    return { ...finding, isOk: true, text: `${path} is readable` };
  });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

const NO_LOG =
  'name the log file that the mail server writes; if it logs only to the journal, let it write a file';

/** The database is written in place, unlike a block file: one that cannot be opened prevents the start. */
export function databaseFinding({ database }: Config): FileFinding {
  const finding = writableFinding(['database'], database);
  if (!finding.isOk) return { ...finding, hinders: true };
  if (statSync(database, { throwIfNoEntry: false })?.isFile() !== false) return finding;
  const text = `${database} is not a regular file`;
  return { ...finding, isOk: false, text, fix: 'name a file; Postern creates it' };
}

/** Each file that takes blocks; none in observe mode. */
export function targetFindings(config: Config): FileFinding[] {
  if (config.mode === 'observe') return [];
  const files = SETUP_MTAS[config.mta].listTargetFiles(config);
  return files.map(({ option, file }) => writableFinding(option, file));
}

/** The folder for the socket of the policy service, if it has one. The service tries again until it exists. */
export function policyFindings(config: Config): FileFinding[] {
  const folder = socketFolder(config);
  if (folder === undefined) return [];
  const option = ['policy', 'listen'];
  const reason = denied(folder, constants.W_OK | constants.X_OK);
  const finding = { option, isOk: reason === undefined, hinders: false };
  if (reason === undefined) return [{ ...finding, text: `the folder ${folder} is writable` }];
  const fix = SETUP_MTAS[config.mta].makeSocketFolder(config, folder);
  return [{ ...finding, text: `the folder ${folder} ${reason}`, fix }];
}

/** A file is replaced by renaming a new one, so its folder must accept new files. */
function writableFinding(option: readonly string[], file: string): FileFinding {
  const finding = { option, isOk: false, hinders: true };
  const folder = dirname(file);
  const reason = denied(folder, constants.W_OK | constants.X_OK);
  if (reason !== undefined)
    return {
      ...finding,
      text: `the folder ${folder} ${reason}`,
      fix:
        reason === ABSENT
          ? `mkdir -p ${folder}`
          : `run this as the account of the service, or let ${account()} write there`,
    };
  const own = denied(file, constants.R_OK | constants.W_OK);
  if (own !== undefined && own !== ABSENT)
    return { ...finding, hinders: false, text: `${file} ${own}`, fix: `chown or chmod ${file}` };
  return { ...finding, isOk: true, text: `${file} is writable` };
}

const ABSENT = 'does not exist';

/** Why `path` cannot be used with this `mode`, as the end of a sentence; undefined when it can. */
export function denied(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    const code = getErrno(error);
    if (code === 'ENOENT') return ABSENT;
    return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `cannot be ${mode === constants.R_OK ? 'read' : 'written'} by ${account()}`
      : `cannot be checked: ${code}`;
  }
}

/** Who this process is, for messages. */
export function account(): string {
  return `uid ${process.getuid?.() ?? 'unknown'}`;
}
