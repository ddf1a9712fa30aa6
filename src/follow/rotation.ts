/**
 * Which file holds the stored position, and which files come after it. Decides by names, inodes and first bytes alone,
 * so the answer is the same while running, after a restart and after any number of rotations.
 * Keeps no file open and changes nothing. If no file holds the position, that is an answer too (`none`).
 */
import {
  findFamily,
  isSameFile,
  type LogFamily,
  type LogFile,
  lookAt,
  readHead,
} from './log-files.ts';
import { type FileIdentity, type FollowPosition, HEAD_BYTES, takeFingerprint } from './position.ts';

/** How the file of a position was recognised; `none`: it is gone. */
type FoundBy = 'inode' | 'content' | 'none';

/** Where a position lies among the files of a log. */
export interface Location {
  readonly foundBy: FoundBy;
  /** the file that the position is in */
  readonly self: LogFile | undefined;
  /** the files after it, oldest first, the live one last */
  readonly next: readonly LogFile[];
  /** `before` of a position at the beginning of `next[0]` */
  readonly before: FileIdentity | null;
  readonly live: LogFile | undefined;
}

/**
 * Finds the file of `position` among the files of the log at `path`, and its successors.
 * `isOpen`: the caller has that file open, so no other file can have got its inode.
 */
export function locate(path: string, position: FollowPosition, isOpen: boolean): Location {
  const family = findFamily(path);
  const { live } = family;
  const self = isOpen ? findOpenFile(family, position) : findStoredFile(family, position);
  if (self !== undefined) {
    const before = position.offset > 0 ? pickIdentity(position) : position.before;
    const foundBy = isSameFile(self, position) ? 'inode' : 'content';
    const next = dropEmptyRotated(family, listFilesAfter(family, self));
    return { foundBy, self, next, before, live };
  }
  const { next, before } = findUnread(family, position);
  return { foundBy: 'none', self, next: dropEmptyRotated(family, next), before, live };
}

/** A position before everything that the log holds now and will hold, its live file included. */
export function positionBeforeLive(path: string): FollowPosition {
  const { rotated } = findFamily(path);
  const newest = rotated.findLast((file) => file.size > 0);
  return {
    version: 1,
    path,
    device: '',
    inode: '',
    fingerprint: takeFingerprint(new Uint8Array()),
    offset: 0,
    line: 0,
    modified: newest?.modified ?? 0,
    before: newest === undefined ? null : identify(newest),
  };
}

function pickIdentity({ device, inode, fingerprint }: FileIdentity): FileIdentity {
  return { device, inode, fingerprint };
}

function identify({ device, inode, path }: LogFile): FileIdentity {
  return { device, inode, fingerprint: takeFingerprint(readHead(path, HEAD_BYTES)) };
}

/** Oldest first, the live file last. */
function listByAge({ rotated, live }: LogFamily): LogFile[] {
  return live === undefined ? [...rotated] : [...rotated, live];
}

/** For a file of which nothing was read, the inode is not enough: a copytruncate may have put a copy before it. */
function findOpenFile(family: LogFamily, position: FollowPosition): LogFile | undefined {
  const same = listByAge(family).find((file) => isSameFile(file, position));
  if (position.offset > 0) return same ?? findByContent(family, position);
  if (same === undefined || !isPredecessorKnown(family, position)) return same;
  const [first] = findUnread(family, position).next.filter(
    (file) => file === same || !isEmpty(file),
  );
  return first === same ? same : undefined;
}

/**
 * At offset 0 only the inode identifies the file, and that may belong to another file by now. Then what comes after
 * `before` is the better answer.
 */
function findStoredFile(family: LogFamily, position: FollowPosition): LogFile | undefined {
  const files = listByAge(family);
  if (position.offset > 0) {
    const candidates = [...files, ...findAtOldPath(position)];
    const same = candidates.find((file) => isSameFile(file, position) && holds(file, position));
    return same ?? findByContent(family, position);
  }
  if (position.before === null || isPredecessorKnown(family, position)) return undefined;
  return files.find((file) => isSameFile(file, position));
}

function isPredecessorKnown(family: LogFamily, { before }: FollowPosition): boolean {
  return before === null || findIndex(family.rotated, before) >= 0;
}

/** The youngest rotated file with the position's first bytes (a compressed or copied file has a new inode), else the live one. */
function findByContent(family: LogFamily, position: FollowPosition): LogFile | undefined {
  const rotated = family.rotated.findLast((file) => holds(file, position));
  if (rotated !== undefined) return rotated;
  return [family.live, ...findAtOldPath(position)].find(
    (file) => file !== undefined && holds(file, position),
  );
}

/** The former target of a symbolic link has a name of its own, which may not be one of the log's. */
function findAtOldPath(position: FollowPosition): LogFile[] {
  return [position.path, `${position.path}.gz`].flatMap((path) => {
    try {
      return lookAt(path) ?? [];
    } catch {
      return [];
    }
  });
}

function holds(file: LogFile, position: FollowPosition): boolean {
  return (file.packed || file.size >= position.offset) && beginsLike(file, position);
}

function beginsLike(file: LogFile, { fingerprint }: FileIdentity): boolean {
  if (fingerprint.bytes === 0) return false;
  return takeFingerprint(readHead(file.path, fingerprint.bytes)).hash === fingerprint.hash;
}

function listFilesAfter(family: LogFamily, self: LogFile): LogFile[] {
  const files = listByAge(family);
  const index = files.findIndex((file) => isSameFile(file, self));
  if (index >= 0) return files.slice(index + 1);
  return files.filter((file) => file === family.live || file.modified > self.modified);
}

/** What is unread if the position's own file is gone: all after the one before it, else all that changed since. */
function findUnread(
  family: LogFamily,
  position: FollowPosition,
): { next: LogFile[]; before: FileIdentity | null } {
  const files = listByAge(family);
  if (position.before === null) return { next: files, before: null };
  const index = findIndex(family.rotated, position.before);
  if (index >= 0) return { next: files.slice(index + 1), before: position.before };
  const next = files.filter((file) => file === family.live || file.modified > position.modified);
  const last = family.rotated.findLast((file) => file.size > 0 && !next.includes(file));
  return { next, before: last === undefined ? position.before : identify(last) };
}

/** Skips empty rotated files. If its writer still fills one, the next look finds it. */
function dropEmptyRotated(family: LogFamily, files: readonly LogFile[]): LogFile[] {
  return files.filter((file) => file === family.live || !isEmpty(file));
}

function isEmpty(file: LogFile): boolean {
  return file.size === 0 || (file.packed && readHead(file.path, 1).length === 0);
}

function findIndex(files: readonly LogFile[], wanted: FileIdentity): number {
  const same = files.findIndex((file) => isSameFile(file, wanted) && beginsLike(file, wanted));
  return same >= 0 ? same : files.findLastIndex((file) => beginsLike(file, wanted));
}
