/**
 * Whether the running account may read the logs and write what Postern writes: the same findings for `postern check`
 * and for the start of `postern run`. Opens nothing for writing, creates nothing.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { getErrno } from '../base/errors.ts';
import type { Config } from '../config/load.ts';

/** What was found out about a file that an option names. */
export interface FileFinding {
  /** path of the option, `['targets', 'exim', 'blockedUsers']` */
  readonly option: readonly string[];
  readonly isOk: boolean;
  /** without the name of the option */
  readonly text: string;
  /** what to do about it */
  readonly fix?: string;
  /** whether a service that starts now could not do its work; false for what is waited for */
  readonly hinders: boolean;
}

/** A file that takes blocks, and the option that names it. */
interface TargetFile {
  readonly option: readonly string[];
  readonly file: string;
}

/** Files that take blocks in this configuration. */
export function targetFiles({ mta, targets }: Config): TargetFile[] {
  if (mta === 'exim')
    return (['blockedUsers', 'blockedSenders'] as const).map((name) => ({
      option: ['targets', 'exim', name],
      file: targets.exim[name],
    }));
  return (['user', 'client', 'sender', 'uid'] as const).flatMap((name) => {
    const file = targets.postfix[name]?.file;
    return file === undefined ? [] : [{ option: ['targets', 'postfix', name, 'file'], file }];
  });
}

/** Each log: one that does not exist yet is waited for. */
export function logFindings({ logs }: Config): FileFinding[] {
  return logs.map((path) => {
    const finding = { option: ['logs'], isOk: false, hinders: existsSync(path) };
    const reason = denied(path, constants.R_OK);
    if (reason === ABSENT) return { ...finding, text: `${path} ${ABSENT}`, fix: NO_LOG };
    if (reason !== undefined)
      return {
        ...finding,
        text: `${path} ${reason}`,
        fix: `let ${account()} read it, for instance through the group adm`,
      };
    if (!statSync(path).isFile()) return { ...finding, text: `${path} is no file`, fix: NO_LOG };
    const twin = logs.slice(0, logs.indexOf(path)).find((other) => isSame(other, path));
    if (twin !== undefined) {
      const text = `${path} is the same file as ${twin}: its lines would count twice`;
      return { ...finding, text, fix: 'name each log once' };
    }
    return { ...finding, isOk: true, text: `${path} can be read` };
  });
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }));
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

const NO_LOG =
  'name the log that the mail server writes; if it logs to the journal only, let it write a file';

/** Unlike a block file it is written in place, so one that cannot be opened keeps the service from starting. */
export function databaseFinding({ database }: Config): FileFinding {
  const finding = writableFinding(['database'], database);
  if (!finding.isOk) return { ...finding, hinders: true };
  if (statSync(database, { throwIfNoEntry: false })?.isFile() !== false) return finding;
  const text = `${database} is no file`;
  return { ...finding, isOk: false, text, fix: 'name a file, which Postern makes itself' };
}

/** Each file that takes blocks; none in observe mode. */
export function targetFindings(config: Config): FileFinding[] {
  if (config.mode === 'observe') return [];
  return targetFiles(config).map(({ option, file }) => writableFinding(option, file));
}

/** The folder of the policy service's socket; none for a port. The service tries again until it is there. */
export function policyFindings(config: Config): FileFinding[] {
  const folder = socketFolder(config);
  if (folder === undefined) return [];
  const option = ['policy', 'listen'];
  const reason = denied(folder, constants.W_OK | constants.X_OK);
  const finding = { option, isOk: reason === undefined, hinders: false };
  if (reason === undefined) return [{ ...finding, text: `the folder ${folder} can be written` }];
  const fix = socketFolderCommand(config, folder);
  return [{ ...finding, text: `the folder ${folder} ${reason}`, fix }];
}

/** The folder that the policy service makes its socket in. */
export function socketFolder({ policy }: Config): string | undefined {
  return policy?.listen.kind === 'unix' ? dirname(policy.listen.path) : undefined;
}

/** Makes that folder: for the account of the service, and for who may ask (docs/mta/postfix-policy.md). */
export function socketFolderCommand({ mta, enforcer }: Config, folder: string): string {
  if (mta === 'exim') return `mkdir -p ${folder}`;
  const owner = enforcer === 'separate' ? 'postern' : 'root';
  return `install -d -o ${owner} -g postfix -m 0750 ${folder}`;
}

/** A file is replaced by renaming another onto it, so its folder must take new files. */
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
          : `run as the account of the service, or let ${account()} write there`,
    };
  const own = denied(file, constants.R_OK | constants.W_OK);
  if (own !== undefined && own !== ABSENT)
    return { ...finding, hinders: false, text: `${file} ${own}`, fix: `chown or chmod ${file}` };
  return { ...finding, isOk: true, text: `${file} can be written` };
}

const ABSENT = 'does not exist';

/** Why `path` cannot be used so, as the end of a sentence; undefined when it can. */
export function denied(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    const code = getErrno(error);
    if (code === 'ENOENT') return ABSENT;
    return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `${mode === constants.R_OK ? 'cannot be read' : 'cannot be written'} by ${account()}`
      : `cannot be looked at: ${code}`;
  }
}

/** Who this process is, for messages. */
export function account(): string {
  return `uid ${process.getuid?.() ?? 'unknown'}`;
}
