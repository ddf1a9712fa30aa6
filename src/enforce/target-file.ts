/**
 * The file of a target, read and replaced in one step while operators edit it: nothing is written over a change that
 * was not read.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { getErrno, getMessage } from '../base/errors.ts';
import { replaceFile } from '../base/files.ts';
import { findDistrust } from '../base/path-trust.ts';

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
  // No link and no FIFO that takes its place meanwhile is followed or waited for.
  const fd = openIfThere(path);
  if (fd === undefined) return { path, stats: undefined, content: undefined };
  try {
    const stats = assertFile(fstatSync(fd));
    return { path, stats, content: readFileSync(fd, 'latin1') };
  } finally {
    closeSync(fd);
  }
}

function openIfThere(path: string): number | undefined {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (getErrno(error) === 'ENOENT') return undefined;
    // A socket has no content to open.
    if (getErrno(error) === 'ENXIO') throw new Error('not a regular file');
    throw error;
  }
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

/** Root follows a link only if nobody else can have made it, nor can change where it leads. */
function resolveLink(path: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink() !== true) return path;
  const target = realpathSync(path);
  if (process.geteuid?.() !== 0) return target;
  const problem =
    findOwner(path, stats) ?? findDistrust(dirname(path)) ?? findDistrust(dirname(target));
  if (problem !== undefined) throw new Error(`a link that root does not follow: ${problem}`);
  return target;
}

function findOwner(path: string, { uid }: Stats): string | undefined {
  return uid === 0 ? undefined : `${path} belongs to uid ${uid}`;
}

function readStats(path: string): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats && assertFile(stats);
}

function assertFile(stats: Stats): Stats {
  if (!stats.isFile()) throw new Error('not a regular file');
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
