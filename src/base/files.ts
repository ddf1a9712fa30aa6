/** Replaces a file in one step, so that no reader and no crash ever sees half of it. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomHex } from './digest.ts';
import { getErrno } from './errors.ts';
import { HOUR } from './time.ts';

/**
 * Replaces `path` with `content`: writes a temporary file beside it, gives that the mode and owner of the old file
 * (or `mode` if there is none), syncs, renames, and syncs the folder. `check` runs just before the rename.
 * Throws the system error, or what `check` throws; then the old file is untouched and no temporary file stays. If the
 * process is killed, its temporary file is removed an hour later by the next call for the same `path`.
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode = 0o640,
  check?: () => void,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomHex(6)}`);
  const old = statSync(path, { throwIfNoEntry: false });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    removeLeftovers(path, fstatSync(fd).mtimeMs - HOUR);
    writeAll(fd, typeof content === 'string' ? Buffer.from(content, 'utf8') : content);
    if (old !== undefined) keepOwner(fd, old);
    fchmodSync(fd, old === undefined ? mode : old.mode & 0o7777);
    fsyncSync(fd);
    closeSync(fd);
    check?.();
    renameSync(temporary, path);
  } catch (error) {
    try {
      closeSync(fd);
    } catch {}
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Removes temporary files of `path` that were last written before `before` (ms, by the clock of the file system). */
function removeLeftovers(path: string, before: number): void {
  const start = `.${basename(path)}.`;
  const isOurs = (name: string) =>
    name.startsWith(start) && /^[0-9a-f]{12}$/.test(name.slice(start.length));
  try {
    for (const name of readdirSync(dirname(path)).filter(isOurs)) {
      const leftover = join(dirname(path), name);
      const stats = lstatSync(leftover);
      if (stats.isFile() && stats.mtimeMs < before) rmSync(leftover, { force: true });
    }
  } catch {
    // The folder cannot be listed, or the file belongs to another account. Writing the new content matters more.
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

/** Keeps owner and group. Without root, the owner can only be ourselves and the group one of ours. */
function keepOwner(fd: number, { uid, gid }: { uid: number; gid: number }): void {
  if (!tryChown(fd, uid, gid)) tryChown(fd, -1, gid);
}

/** False if it is not permitted; -1 leaves the owner as it is. Throws any other system error. */
function tryChown(fd: number, uid: number, gid: number): boolean {
  try {
    fchownSync(fd, uid, gid);
    return true;
  } catch (error) {
    if (getErrno(error) !== 'EPERM') throw error;
    return false;
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
