/**
 * Which file holds the stored position, and which files come after it. Answers from names, inodes and first
 * bytes alone, so it gives the same answer while running, after a restart and after any number of rotations.
 * Opens nothing for long and changes nothing. A log that was replaced beyond recognition is an answer too (`lost`).
 */

import {
  findFamily,
  isSameFile,
  type LogFamily,
  type LogFile,
  lookAt,
  readHead,
} from './log-files.ts';
import { type FileMark, type FollowPosition, HEAD_BYTES, takeFingerprint } from './position.ts';

/** How the file of a position was told; `none`: it is not there any more. */
type Likeness = 'inode' | 'content' | 'none';

/** Where a position lies in a log's family of files. */
export interface Location {
  readonly likeness: Likeness;
  /** the file that the position is in */
  readonly self: LogFile | undefined;
  /** files behind it, oldest first, the live one last */
  readonly next: readonly LogFile[];
  /** `before` of a position at the beginning of `next[0]` */
  readonly before: FileMark | null;
  readonly live: LogFile | undefined;
}

/**
 * Finds the file of `position` among the files of the log at `path`, and its successors.
 * `held`: the caller has that file open, so its inode cannot have been given to another file.
 */
export function locate(path: string, position: FollowPosition, held: boolean): Location {
  const family = findFamily(path);
  const self = held ? findHeld(family, position) : findStored(family, position);
  if (self !== undefined) {
    const before = position.offset > 0 ? takeMark(position) : position.before;
    const likeness = isSameFile(self, position) ? 'inode' : 'content';
    const next = worthReading(family, filesAfter(family, self));
    return { likeness, self, next, before, live: family.live };
  }
  const { next, before } = findUnread(family, position);
  return { likeness: 'none', self, next: worthReading(family, next), before, live: family.live };
}

/** A position before everything that the log will hold from now on, its live file included. */
export function positionBeforeLive(path: string): FollowPosition {
  const { rotated } = findFamily(path);
  const newest = rotated.findLast((file) => file.size > 0);
  const before =
    newest === undefined
      ? null
      : { ...newest, fingerprint: takeFingerprint(readHead(newest.path, HEAD_BYTES)) };
  return {
    version: 1,
    path,
    device: '',
    inode: '',
    fingerprint: takeFingerprint(new Uint8Array()),
    offset: 0,
    line: 0,
    modified: newest?.modified ?? 0,
    before: before === null ? null : takeMark(before),
  };
}

function takeMark({ device, inode, fingerprint }: FileMark): FileMark {
  return { device, inode, fingerprint };
}

function findChain(family: LogFamily): LogFile[] {
  return family.live === undefined ? [...family.rotated] : [...family.rotated, family.live];
}

/** Of a file that nothing was taken from, the inode is not enough: a copytruncate may have put a copy before it. */
function findHeld(family: LogFamily, position: FollowPosition): LogFile | undefined {
  const same = findChain(family).find((file) => isSameFile(file, position));
  if (position.offset > 0) return same ?? findContent(family, position);
  if (same === undefined || !isBeforeKnown(family, position)) return same;
  const [first] = findUnread(family, position).next.filter(
    (file) => file === same || !isEmpty(file),
  );
  return first === same ? same : undefined;
}

/**
 * At offset 0 there is nothing to know the file by but its inode, which may be another file's by now;
 * what comes after `before` is then the better answer.
 */
function findStored(family: LogFamily, position: FollowPosition): LogFile | undefined {
  if (position.offset > 0) {
    const candidates = [...findChain(family), ...findStray(position)];
    const same = candidates.find((file) => isSameFile(file, position) && holds(file, position));
    return same ?? findContent(family, position);
  }
  if (position.before === null || indexOfMark(family.rotated, position.before) >= 0)
    return undefined;
  return findChain(family).find((file) => isSameFile(file, position));
}

function isBeforeKnown(family: LogFamily, { before }: FollowPosition): boolean {
  return before === null || indexOfMark(family.rotated, before) >= 0;
}

/** The youngest rotated file that begins like the position's (a packed or copied file has a new inode), else the live one. */
function findContent(family: LogFamily, position: FollowPosition): LogFile | undefined {
  const like = family.rotated.findLast((file) => holds(file, position));
  if (like !== undefined) return like;
  return [family.live, ...findStray(position)].find(
    (file) => file !== undefined && holds(file, position),
  );
}

/** The former target of a symbolic link lies outside of the log's own names. */
function findStray(position: FollowPosition): LogFile[] {
  return [position.path, `${position.path}.gz`].flatMap((path) => {
    try {
      return lookAt(path) ?? [];
    } catch {
      return [];
    }
  });
}

function holds(file: LogFile, position: FollowPosition): boolean {
  return (file.packed || file.size >= position.offset) && isLike(file, position);
}

function isLike(file: LogFile, { fingerprint }: FileMark): boolean {
  if (fingerprint.bytes === 0) return false;
  return takeFingerprint(readHead(file.path, fingerprint.bytes)).hash === fingerprint.hash;
}

function filesAfter(family: LogFamily, self: LogFile): LogFile[] {
  const chain = findChain(family);
  const index = chain.findIndex((file) => isSameFile(file, self));
  if (index >= 0) return chain.slice(index + 1);
  return chain.filter((file) => file === family.live || file.modified > self.modified);
}

/** What is unread when the position's own file is gone: all after the one before it, else all that changed since. */
function findUnread(
  family: LogFamily,
  position: FollowPosition,
): { next: LogFile[]; before: FileMark | null } {
  const chain = findChain(family);
  if (position.before === null) return { next: chain, before: null };
  const index = indexOfMark(family.rotated, position.before);
  if (index >= 0) return { next: chain.slice(index + 1), before: position.before };
  const next = chain.filter((file) => file === family.live || file.modified > position.modified);
  const last = family.rotated.findLast((file) => file.size > 0 && !next.includes(file));
  const before =
    last === undefined
      ? position.before
      : takeMark({ ...last, fingerprint: takeFingerprint(readHead(last.path, HEAD_BYTES)) });
  return { next, before };
}

/** An empty rotated file is passed over; should its writer still fill it, the next look finds it. */
function worthReading(family: LogFamily, files: readonly LogFile[]): LogFile[] {
  return files.filter((file) => file === family.live || !isEmpty(file));
}

function isEmpty(file: LogFile): boolean {
  return file.size === 0 || (file.packed && readHead(file.path, 1).length === 0);
}

function indexOfMark(files: readonly LogFile[], mark: FileMark): number {
  const same = files.findIndex((file) => isSameFile(file, mark) && isLike(file, mark));
  return same >= 0 ? same : files.findLastIndex((file) => isLike(file, mark));
}
