/**
 * Where the follower is in a log, as plain JSON, and how it recognises a physical file: by device, inode and a hash of
 * its first bytes. Inodes are reused, and compressing a file changes its inode; the first bytes stay.
 */
import { sha256 } from '../base/digest.ts';

/** Bytes at the beginning of a file that are enough to recognise it. */
export const HEAD_BYTES = 1024;

/** SHA-256 of the first `bytes` bytes of a file. With 0 bytes it says nothing. */
export interface Fingerprint {
  readonly bytes: number;
  readonly hash: string;
}

/** What a physical file is recognised by. Numbers are decimal text, because inodes may have 64 bits. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
  readonly fingerprint: Fingerprint;
}

/**
 * A place in a log: all lines before it have been handed out, and none after it. Store it in one transaction with what
 * those lines led to.
 */
export interface FollowPosition extends FileIdentity {
  readonly version: 1;
  /** real path of the file when it was opened; only a hint, since rotation renames it */
  readonly path: string;
  /** bytes (unpacked) before the next line */
  readonly offset: number;
  /** lines of this file before the next one */
  readonly line: number;
  /** when the file last changed, ms since the epoch */
  readonly modified: number;
  /** the file that was read before this one, null if there was none: shows what is unread if this file is gone */
  readonly before: FileIdentity | null;
}

export function takeFingerprint(head: Uint8Array): Fingerprint {
  return { bytes: head.length, hash: sha256(head) };
}

/** Whether a stored value is a position that this version can continue from. */
export function isFollowPosition(value: unknown): value is FollowPosition {
  if (!isFileIdentity(value)) return false;
  const { version, path, offset, line, modified, before } = value as unknown as FollowPosition;
  if (version !== 1 || typeof path !== 'string') return false;
  if (!isCount(offset) || !isCount(line) || typeof modified !== 'number') return false;
  return before === null || isFileIdentity(before);
}

function isFileIdentity(value: unknown): value is FileIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { device, inode, fingerprint } = value as FileIdentity;
  if (typeof device !== 'string' || typeof inode !== 'string') return false;
  if (typeof fingerprint !== 'object' || fingerprint === null) return false;
  return isCount(fingerprint.bytes) && typeof fingerprint.hash === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
