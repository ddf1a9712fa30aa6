/**
 * The file of a target, read and replaced in one step while operators edit it: nothing is written over a change that
 * was not read.
 */
import { lstatSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { getErrno, getMessage } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';

/** Mode of a new file. If the MTA cannot read a table it defers all mail until it can. */
const NEW_MODE = 0o644;

/** A file as it was read. */
export interface FileState {
  /** with symbolic links resolved: a link is kept, and the file that it points to is replaced */
  readonly path: string;
  /** undefined: there was no file */
  readonly stats: Stats | undefined;
  /** as a byte string */
  readonly content: string | undefined;
}

/** Throws the system error, or an error that says in one line what is there instead of a file. */
export function readTargetFile(file: string): FileState {
  const path = resolveLink(file);
  const stats = readStats(path);
  const content = stats === undefined ? undefined : readFileSync(path, 'latin1');
  return { path, stats, content };
}

/** Whether the file has not changed for another `ms`. */
export async function isUnchangedAfter({ path, stats }: FileState, ms: number): Promise<boolean> {
  await wait(ms);
  return isSame(stats, readStats(path));
}

class FileChanged extends Error {}

/** False if the file has changed since it was read, which is checked directly before the rename. Throws as above. */
export function replaceTargetFile({ path, stats }: FileState, content: string): boolean {
  const check = () => {
    if (!isSame(stats, readStats(path))) throw new FileChanged();
  };
  try {
    replaceFile(path, Buffer.from(content, 'latin1'), NEW_MODE, check);
    return true;
  } catch (error) {
    if (error instanceof FileChanged) return false;
    throw error;
  }
}

function isSame(before: Stats | undefined, now: Stats | undefined): boolean {
  if (before === undefined || now === undefined) return before === now;
  return (
    before.ino === now.ino &&
    before.dev === now.dev &&
    before.size === now.size &&
    before.mtimeMs === now.mtimeMs &&
    before.ctimeMs === now.ctimeMs
  );
}

function resolveLink(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(path) : path;
}

function readStats(path: string): Stats | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats !== undefined && !stats.isFile()) throw new Error('not a regular file');
  return stats;
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: 'the folder does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  EACCES: 'not permitted; Postern needs to write to the folder, too',
  EPERM: 'not permitted; Postern needs to write to the folder, too',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file size limit is reached',
};

/** What reading or replacing threw, as the end of a line that begins with the file. */
export function explainFileError(error: unknown): string {
  const code = getErrno(error);
  const cause = code === undefined ? undefined : CAUSES[code];
  return cause === undefined ? getMessage(error) : `cannot write: ${cause} (${code})`;
}
