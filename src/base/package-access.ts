/** Whether other accounts can read the program as it is installed, and what to do if not. */
import { closeSync, openSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { type Account, runAs } from './account.ts';
import { getErrno, PosternError } from './errors.ts';
import { packagePath } from './package.ts';

const PACKAGE = packagePath('.');

/**
 * Throws a PosternError (exit status 1) if the account cannot read the package: root that has become it, or starts the
 * program as it, would fail in the middle. Call it as root.
 */
export function assertPackageReadable(account: Account): void {
  const file = packagePath('package.json');
  try {
    runAs(account, () => closeSync(openSync(file, 'r')));
  } catch (error) {
    if (getErrno(error) !== 'EACCES') throw error;
    const message = `uid ${account.uid} cannot read ${PACKAGE}, where Postern is installed: ${describePackageCure()}`;
    throw new PosternError('environment', message, { code: 'package', cause: error });
  }
}

const OTHERS = 0o005;

/** What to do about a package that npm has installed for root alone, which it does with a umask such as 027. */
export function describePackageCure(): string {
  const closed = listFolders(PACKAGE).find((folder) => (statSync(folder).mode & OTHERS) !== OTHERS);
  if (closed === undefined || closed === PACKAGE) return `chmod -R a+rX ${PACKAGE}`;
  return basename(closed) === 'node_modules'
    ? `chmod -R a+rX ${closed}`
    : `let every account enter ${closed}, or install Postern elsewhere`;
}

/** The folder and those above it, the topmost first. */
function listFolders(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [...listFolders(parent), folder];
}
