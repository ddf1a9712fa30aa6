/** How one log is, for `postern status`: as this account sees it, and as the service says. */
import { dropUndefined } from '../base/defined.ts';
import { getErrno, getMessage } from '../base/errors.ts';
import type { FollowPosition } from '../follow/follower.ts';
import { type LogFile, lookAt } from '../follow/log-files.ts';
import type { LogHealth } from '../store/saved-state.ts';

export interface LogStatus {
  readonly path: string;
  /** false: there is nothing under that name */
  readonly present: boolean;
  /** the account that asks may not look at it; the service says what it thinks of it */
  readonly hidden?: true;
  /** bytes that are not read yet; absent when the position belongs to a rotated file */
  readonly behind?: number;
  /** why it cannot be read */
  readonly failure?: string;
}

/** `position`: where the service stands in it; `health`: what the service says of it. Both undefined before it ran. */
export function logStatus(
  path: string,
  position: FollowPosition | undefined,
  health: LogHealth | undefined,
): LogStatus {
  const failing = health?.failure === undefined ? {} : { failure: health.failure };
  try {
    const live = lookAt(path);
    if (live === undefined) return { path, present: false };
    const behind = bytesBehind(live, position);
    return dropUndefined({ path, present: true, behind, ...failing });
  } catch (error) {
    // In a folder that this account may not enter.
    if (getErrno(error) === 'EACCES') return { path, present: true, hidden: true, ...failing };
    return { path, present: true, failure: getMessage(error), ...failing };
  }
}

/** The end of the line `log PATH: ...`. */
export function logText({ present, hidden, behind, failure }: LogStatus): string {
  if (!present) return 'MISSING';
  if (failure !== undefined) return 'CANNOT BE READ';
  if (hidden === true) return 'cannot be looked at by this account';
  return behind === undefined ? 'rotated, catching up' : `${behind} bytes behind`;
}

/** What is wrong with it, one line each. */
export function logProblems({ path, present, failure }: LogStatus): string[] {
  if (!present) return [`${path}: there is no such log`];
  return failure === undefined ? [] : [`${path}: cannot be read (${failure})`];
}

function bytesBehind(live: LogFile, position: FollowPosition | undefined): number | undefined {
  // A position without a file stands before the first line of the log.
  if (position === undefined || position.inode === '') return live.size;
  return position.inode === live.inode ? Math.max(0, live.size - position.offset) : undefined;
}
