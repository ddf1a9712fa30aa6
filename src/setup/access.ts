/**
 * Whether an account can read the logs and write what Postern writes, for `postern check`. Opens nothing for writing,
 * creates nothing. `asker`: the account that does it in the service; without it, this process.
 */
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { getErrno } from '../base/errors.ts';
import { packagePath } from '../base/package.ts';
import { describePackageCure } from '../base/package-access.ts';
import type { Config } from '../config/load.ts';
import { SHIPPED_RULES } from '../config/resolve.ts';
import { listLeaseFiles } from '../leases/files.ts';
import type { Asker } from './asker.ts';
import { SETUP_MTAS } from './mtas.ts';
import { makeFolder, makePrivateFolder, socketFolder } from './steps.ts';

/** The state of a file that an option names. */
export interface FileFinding {
  /** path of the option, `['targets', 'exim', 'blockedUsers']` */
  readonly option: readonly string[];
  readonly isOk: boolean;
  /** without the name of the option */
  readonly text: string;
  /** what to do about it */
  readonly fix?: string;
}

/** Postern itself, which npm installs for root alone where the umask is 027. Nothing if the account can read it. */
export function packageFindings(asker: Asker | undefined): FileFinding[] {
  const path = packagePath('package.json');
  const reason = denied(path, constants.R_OK, asker);
  if (reason === undefined || reason === ABSENT) return [];
  return [{ option: [], isOk: false, text: `${path} ${reason}`, fix: describePackageCure() }];
}

/** The configuration file, the rules, the lease files and passwords, which only have to be readable; nothing if all are. */
export function inputFindings(config: Config, asker: Asker | undefined): FileFinding[] {
  const { file, rules, leases, notify, share } = config;
  const password = notify?.transport.kind === 'smtp' ? notify.transport.passwordFile : undefined;
  const named: [string[], string][] = [
    [[], file],
    ...listRules(rules).map((rule): [string[], string] => [['rules'], rule]),
    ...leases
      .flatMap(({ file }) => listLeases(file))
      .map((path): [string[], string] => [['leases'], path]),
    ...(password === undefined
      ? []
      : [[['notify', 'smtp', 'passwordFile'], password] as [string[], string]]),
    ...(['passwordFile', 'caFile'] as const).flatMap((name): [string[], string][] => {
      const path = share?.[name];
      return path === undefined ? [] : [[['share', name], path]];
    }),
  ];
  return named.flatMap(([option, path]) => {
    const reason = denied(path, constants.R_OK, asker);
    if (reason === undefined || reason === ABSENT) return [];
    const fix = `let ${nameOf(asker)} read it; it also has to enter every folder above`;
    return [{ option, isOk: false, text: `${path} ${reason}`, fix }];
  });
}

/** The folder itself if it cannot be listed. Those of the package are readable with it. */
function listRules(folder: string): string[] {
  if (folder === SHIPPED_RULES) return [];
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
    return names.map((name) => join(folder, name));
  } catch {
    return [folder];
  }
}

/** The folder itself if it cannot be listed. */
function listLeases(name: string): string[] {
  try {
    return listLeaseFiles(name);
  } catch {
    return [dirname(name)];
  }
}

/** Each log. */
export function logFindings({ logs }: Config, asker: Asker | undefined): FileFinding[] {
  return logs.map((path) => {
    const finding = { option: ['logs'], isOk: false };
    const misuse = findMisuse(path, logs);
    if (misuse !== undefined) return { ...finding, ...misuse };
    const reason = denied(path, constants.R_OK, asker);
    if (reason === ABSENT) return { ...finding, text: `${path} ${ABSENT}`, fix: NO_LOG };
    if (reason !== undefined) {
      const fix = `let ${nameOf(asker)} read it, for example through the group adm`;
      return { ...finding, text: `${path} ${reason}`, fix };
    }
    return { ...finding, isOk: true, text: `${path} is readable${byWhom(asker)}` };
  });
}

/** What no waiting makes a log of: a folder, or a file that is named twice. Undefined if it is neither. */
export function findMisuse(
  path: string,
  logs: readonly string[],
): { readonly text: string; readonly fix: string } | undefined {
  const stats = tryStat(path);
  if (stats === undefined) return undefined;
  if (!stats.isFile()) return { text: `${path} is not a regular file`, fix: NO_LOG };
  const twin = logs.slice(0, logs.indexOf(path)).find((other) => isSame(other, path));
  if (twin === undefined) return undefined;
  const text = `${path} is the same file as ${twin}: its lines would count twice`;
  return { text, fix: 'name each log once' };
}

function tryStat(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map(tryStat);
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

const NO_LOG =
  'name the log file that the mail server writes; if it logs only to the journal, write journal: there';

/** The database is written in place, unlike a block file. */
export function databaseFinding({ database }: Config, asker: Asker | undefined): FileFinding {
  const finding = writableFinding(['database'], database, asker, (folder) =>
    makePrivateFolder(folder, asker?.uid),
  );
  if (!finding.isOk || tryStat(database)?.isFile() !== false) return finding;
  const text = `${database} is not a regular file`;
  return { ...finding, isOk: false, text, fix: 'name a file; Postern creates it' };
}

/** Each file that takes blocks; none in observe mode. */
export function targetFindings(config: Config, asker: Asker | undefined): FileFinding[] {
  if (config.mode === 'observe') return [];
  const files = SETUP_MTAS[config.mta].listTargetFiles(config);
  return files.map(({ option, file }) => writableFinding(option, file, asker));
}

/** The folder for the socket of the policy service, if it has one. The service tries again until it exists. */
export function policyFindings(config: Config, asker: Asker | undefined): FileFinding[] {
  const folder = socketFolder(config);
  if (folder === undefined) return [];
  const option = ['policy', 'listen'];
  const reason = denied(folder, constants.W_OK | constants.X_OK, asker);
  const finding = { option, isOk: reason === undefined };
  if (reason === undefined)
    return [{ ...finding, text: `the folder ${folder} is writable${byWhom(asker)}` }];
  const fix = SETUP_MTAS[config.mta].makeSocketFolder(config, folder);
  return [{ ...finding, text: `the folder ${folder} ${reason}`, fix }];
}

/** A file is replaced by renaming a new one, so its folder must accept new files. */
function writableFinding(
  option: readonly string[],
  file: string,
  asker: Asker | undefined,
  make = makeFolder,
): FileFinding {
  const finding = { option, isOk: false };
  const folder = dirname(file);
  const reason = denied(folder, constants.W_OK | constants.X_OK, asker);
  if (reason !== undefined)
    return {
      ...finding,
      text: `the folder ${folder} ${reason}`,
      fix: reason === ABSENT ? make(folder) : letWrite(folder, asker),
    };
  const own = denied(file, constants.R_OK | constants.W_OK, asker);
  if (own !== undefined && own !== ABSENT)
    return { ...finding, text: `${file} ${own}`, fix: `chown or chmod ${file}` };
  return { ...finding, isOk: true, text: `${file} is writable${byWhom(asker)}` };
}

/** A unit takes from root what opens the folders of others; and what is root's must not be another account's. */
function letWrite(folder: string, asker: Asker | undefined): string {
  const isOfOther = asker?.uid === 0 && tryStat(folder)?.uid !== 0;
  return isOfOther ? `chown root ${folder}` : `let ${nameOf(asker)} write there`;
}

const ABSENT = 'does not exist';

/** Why `path` cannot be used with this `mode`, as the end of a sentence; undefined when it can. */
export function denied(path: string, mode: number, asker?: Asker): string | undefined {
  const action = mode === constants.R_OK ? 'read' : 'written';
  if (asker !== undefined && existsSync(path))
    return asker.may(path, mode) ? undefined : `cannot be ${action} by ${asker.name}`;
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    const code = getErrno(error);
    if (code === 'ENOENT') return ABSENT;
    return code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `cannot be ${action} by ${account()}`
      : `cannot be checked: ${code}`;
  }
}

function byWhom(asker: Asker | undefined): string {
  return asker === undefined ? '' : ` by ${asker.name}`;
}

/** Who is asked, for messages. */
export function nameOf(asker: Asker | undefined): string {
  return asker?.name ?? account();
}

function account(): string {
  return `uid ${process.getuid?.() ?? 'unknown'}`;
}
