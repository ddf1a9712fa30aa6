/** The state of one log for `postern status`: as this account sees it, and as the service reports it. */
import { accessSync, constants } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, getMessage } from '../base/errors.ts';
import type { FollowPosition } from '../follow/follower.ts';
import { assertFile, type LogFile, lookAt } from '../follow/log-files.ts';
import { locate } from '../follow/rotation.ts';
import type { LogHealth } from '../store/saved-state.ts';

export interface LogStatus {
  readonly path: string;
  /** false: there is no such file */
  readonly present: boolean;
  /** this account cannot look at it, and only the service knows its state */
  readonly hidden?: true;
  /** bytes that are not read yet, in rotated files too; absent when they cannot be counted */
  readonly behind?: number;
  /** why it cannot be read */
  readonly failure?: string;
  /** it is a journal, of which only the service knows the state */
  readonly journal?: true;
}

/** `position`: how far the service has read; `health`: what the service reports. Both undefined before it ran. */
export function readLogStatus(
  path: string,
  position: FollowPosition | undefined,
  health: LogHealth | undefined,
): LogStatus {
  const failing = health?.failure === undefined ? {} : { failure: health.failure };
  try {
    const live = lookAt(path);
    if (live === undefined) return { path, present: false };
    assertFile(live);
    const behind = measureBehind(live, position);
    return dropUndefined({ path, present: true, behind, ...failing });
  } catch (error) {
    // In a folder that this account cannot enter.
    if (getErrno(error) === 'EACCES') return { path, present: true, hidden: true, ...failing };
    return { path, present: true, failure: getMessage(error), ...failing };
  }
}

/** The state of a journal; `health` is what the service reports, undefined while it is not running. */
export function readJournalStatus(name: string, health: LogHealth | undefined): LogStatus {
  const { failure, missing } = health ?? {};
  return dropUndefined({ path: name, present: missing !== true, journal: true as const, failure });
}

/** What is wrong with it, one line each. */
export function findLogProblems({ path, present, failure }: LogStatus): string[] {
  if (!present) return [`${path}: there is no such log`];
  return failure === undefined ? [] : [`${path}: cannot be read (${failure})`];
}

/** Undefined when some of it is in a compressed file, or in one that this account cannot recognise. */
function measureBehind(live: LogFile, position: FollowPosition | undefined): number | undefined {
  if (position === undefined) return live.size;
  if (!isReadable(live)) {
    return position.inode === live.inode ? Math.max(0, live.size - position.offset) : undefined;
  }
  // The name is not enough: after a copytruncate the log is the same file, and the rest of its lines is in the copy.
  const { self, next } = locate(live.path, position, false);
  const files = self === undefined ? next : [self, ...next];
  if (files.some(({ packed }) => packed)) return undefined;
  const read = self === undefined ? 0 : position.offset;
  return Math.max(0, files.reduce((bytes, { size }) => bytes + size, 0) - read);
}

function isReadable({ path }: LogFile): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
