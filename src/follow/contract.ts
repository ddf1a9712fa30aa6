/** What goes into the follower and what comes out of it. */
import type { Clock } from '../base/time.ts';
import type { Line } from '../model/line.ts';
import type { FollowNotice } from './notice.ts';
import type { FollowPosition } from './position.ts';

/** Lines of one physical file, in order. `lines` is empty when only the position is news (at the very first start). */
export interface LineBatch {
  readonly source: string;
  readonly lines: readonly Line[];
  /** behind the last of `lines` */
  readonly position: FollowPosition;
  /** bytes still unread behind this batch, over all files; gzip'd files are estimated */
  readonly behind: number;
}

export interface FollowerOptions {
  readonly path: string;
  /** where an earlier follower of this path stopped */
  readonly position?: FollowPosition;
  /** without a position: the live file's `beginning` (default) or `end` */
  readonly from?: 'beginning' | 'end';
  readonly signal: AbortSignal;
  /** default 1 MiB */
  readonly maxBatchBytes?: number;
  /** ms, default 1000: how often to look when no events come */
  readonly pollInterval?: number;
  /** false: no inotify, look once per interval */
  readonly watch?: boolean;
  /** ms, default 1000: how long a renamed file must be quiet before its successor is read */
  readonly grace?: number;
  readonly clock?: Clock;
  readonly onNotice?: (notice: FollowNotice) => void;
}

export interface FollowStatus {
  readonly path: string;
  /** the physical file being read, when one is open */
  readonly reading: string | undefined;
  /** whether the log exists under its own name */
  readonly present: boolean;
  /** bytes unread, over all files */
  readonly behind: number;
  /** why the log cannot be read, while that is so */
  readonly failure: string | undefined;
}
