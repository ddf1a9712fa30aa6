/** Reads and writes the key file. Whoever can read it can forge bounces, so its owner and mode are checked first. */
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { getCause, getErrno, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { formatKeys, parseKeys } from './keys.ts';
import type { Key } from './scheme.ts';

/** Where the keys are when the configuration names no other file. */
export const KEY_FILE = '/etc/postern/return-path.keys';

const FORBIDDEN = 0o027;
const PRIVATE = 0o600;

/**
 * The keys of `file`. Throws a PosternError: (environment) when it cannot be opened, (configuration) when it belongs to
 * somebody else than root and this account, when others may read it, or when a line is not a key.
 */
export function readKeyFile(file: string): Key[] {
  const fd = openKeyFile(file);
  try {
    const problem = findProblem(fstatSync(fd));
    if (problem !== undefined) {
      throw new PosternError('configuration', `${file}: ${problem}`, { place: { file } });
    }
    return parseKeys(readFileSync(fd, 'utf8'), file);
  } finally {
    closeSync(fd);
  }
}

/** Whether there is such a file. Throws a PosternError (environment) when that cannot be found out. */
export function hasKeyFile(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch (error) {
    if (getErrno(error) === 'ENOENT') return false;
    throw new PosternError('environment', `${file}: ${getCause(error)}`, { cause: error });
  }
}

/** Replaces the keys; owner and mode of an old file stay, a new one is for its owner alone. Throws as `replaceFile`. */
export function writeKeyFile(file: string, keys: readonly Key[]): void {
  replaceFile(file, formatKeys(keys), PRIVATE);
}

function openKeyFile(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const advice = getErrno(error) === 'ENOENT' ? '; make one with: postern key add' : '';
    throw new PosternError('environment', `${file}: ${getCause(error)}${advice}`, {
      cause: error,
    });
  }
}

/** What is wrong with the file as a place for secrets. */
function findProblem(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'not a regular file';
  if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) {
    return `belongs to uid ${stats.uid}; expected root or the account that runs postern`;
  }
  if ((stats.mode & FORBIDDEN) === 0) return undefined;
  const mode = (stats.mode & 0o777).toString(8);
  return `has mode ${mode}, so others can read or change the keys; run: chmod 640 (or 600)`;
}
