/**
 * Where the follower is in a log, as plain JSON, and what tells one physical file from another: device, inode
 * and the hash of its first bytes. Inodes are reused and change when a file is compressed; first bytes stay.
 */
import { createHash } from 'node:crypto';

/** Bytes at the beginning of a file that are enough to know it again. */
export const HEAD_BYTES = 1024;

/** SHA-256 over the first `bytes` bytes of a file; 0 bytes tell nothing. */
export interface Fingerprint {
  readonly bytes: number;
  readonly hash: string;
}

/** What a physical file is known by. Numbers are decimal text: inodes may have 64 bits. */
export interface FileMark {
  readonly device: string;
  readonly inode: string;
  readonly fingerprint: Fingerprint;
}

/** Everything before it has been handed out, nothing behind it. To be stored in one transaction with what the lines made. */
export interface FollowPosition extends FileMark {
  readonly version: 1;
  /** real path of the file when it was opened; only a hint, rotation renames it */
  readonly path: string;
  /** bytes (unpacked) before the next line */
  readonly offset: number;
  /** lines of this file before the next one */
  readonly line: number;
  /** time of the file's last change, ms since the epoch */
  readonly modified: number;
  /** the file that was read before this one; null: there was none. Tells what is unread when this file is gone */
  readonly before: FileMark | null;
}

export function takeFingerprint(head: Uint8Array): Fingerprint {
  return { bytes: head.length, hash: createHash('sha256').update(head).digest('hex') };
}

/** Whether something that was stored is a position that this version can go on from. */
export function isFollowPosition(value: unknown): value is FollowPosition {
  if (!isMark(value)) return false;
  const { version, path, offset, line, modified, before } = value as unknown as FollowPosition;
  if (version !== 1 || typeof path !== 'string') return false;
  if (!isCount(offset) || !isCount(line) || typeof modified !== 'number') return false;
  return before === null || isMark(before);
}

function isMark(value: unknown): value is FileMark {
  if (typeof value !== 'object' || value === null) return false;
  const { device, inode, fingerprint } = value as FileMark;
  if (typeof device !== 'string' || typeof inode !== 'string') return false;
  if (typeof fingerprint !== 'object' || fingerprint === null) return false;
  return isCount(fingerprint.bytes) && typeof fingerprint.hash === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
