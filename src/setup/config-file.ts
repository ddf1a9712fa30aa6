/** The configuration file that `postern init` writes: in one step, with the folders that are missing. */
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { getMessage, PosternError } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';

/** Throws a PosternError (exit status 1) when it cannot; then there is no file, or the old one. */
export function writeConfigFile(file: string, text: string): void {
  try {
    makeOpenFolder(dirname(file));
    replaceFile(file, text, 0o644);
  } catch (error) {
    throw new PosternError('environment', `${file}: cannot be written: ${getMessage(error)}`, {
      code: 'init',
      place: { file },
      cause: error,
    });
  }
}

/**
 * With its parents, and whatever the umask such that the account of the service may enter it. Throws the system error.
 * Not `mkdirSync` with `recursive`: that never returns where a folder exists and answers ENOENT to every new one, as
 * /proc does.
 */
export function makeOpenFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeOpenFolder(dirname(folder));
  mkdirSync(folder);
  chmodSync(folder, 0o755);
}
