/** What the follower reports about a log: what an operator wants to know, none of which stops it. */

/** `path` is the log as the operator named it, `file` the physical file in question; offsets are bytes. */
export type FollowNotice =
  /** the log does not exist, now or any more; the follower waits for it */
  | { readonly kind: 'waiting'; readonly path: string }
  /** one file is finished, the next follows */
  | { readonly kind: 'rotated'; readonly path: string; readonly from: string; readonly to: string }
  /** emptied or filled with other content under the same name; `copy` holds the lines after `offset`, if one was found */
  | {
      readonly kind: 'truncated';
      readonly path: string;
      readonly offset: number;
      readonly copy?: string;
    }
  /** continues at the stored position */
  | {
      readonly kind: 'resumed';
      readonly path: string;
      readonly file: string;
      readonly offset: number;
    }
  /** the file of the stored position is gone: lines after `offset` are not read; continues at the beginning of `next` */
  | {
      readonly kind: 'lost';
      readonly path: string;
      readonly file: string;
      readonly offset: number;
      readonly next: string;
    }
  /** `skipped`: a rotated file that is left out; any other file is tried again */
  | {
      readonly kind: 'unreadable';
      readonly path: string;
      readonly file: string;
      readonly reason: string;
      readonly skipped: boolean;
    }
  /** `count` lines were cut at the limit, `line` is the last line of that batch */
  | {
      readonly kind: 'line-too-long';
      readonly path: string;
      readonly file: string;
      readonly line: number;
      readonly count: number;
    }
  /** the entry of a journal that was read last is gone: journald deleted it, or other entries are selected now */
  | { readonly kind: 'journal-gap'; readonly path: string }
  /** a journal is read on behind the entry that was read last */
  | { readonly kind: 'journal-resumed'; readonly path: string }
  /** journald dropped `count` entries of `unit`, because it wrote too many in a short time */
  | {
      readonly kind: 'suppressed';
      readonly path: string;
      readonly count: string;
      readonly unit: string;
    }
  /** no change events: the log is checked once per poll interval */
  | { readonly kind: 'unwatched'; readonly path: string; readonly reason: string };

/** The notice as one sentence for people. */
export function noticeText(notice: FollowNotice): string {
  switch (notice.kind) {
    case 'waiting':
      return `${notice.path}: does not exist; waiting for it`;
    case 'rotated':
      return `${notice.path}: rotated; finished ${notice.from}, continuing with ${notice.to}`;
    case 'truncated':
      return notice.copy === undefined
        ? `${notice.path}: emptied at byte ${notice.offset}; reading it from the beginning, lines that were not read before are lost`
        : `${notice.path}: emptied at byte ${notice.offset}; reading the rest from its copy ${notice.copy}`;
    case 'resumed':
      return `${notice.path}: continuing in ${notice.file} at byte ${notice.offset}`;
    case 'lost':
      return `${notice.path}: the file that was read last (${notice.file}, up to byte ${notice.offset}) is gone; continuing at the beginning of ${notice.next}`;
    case 'unreadable':
      return `${notice.file}: cannot be read (${notice.reason}); ${notice.skipped ? 'skipping it' : 'will try again'}`;
    case 'line-too-long':
      return `${notice.file}: ${notice.count} line(s) up to line ${notice.line} were longer than 64 KiB and were cut`;
    case 'journal-gap':
      return `${notice.path}: the entry that was read last is gone; continuing with the next one, what journald deleted in between is lost`;
    case 'journal-resumed':
      return `${notice.path}: continuing behind the entry that was read last`;
    case 'suppressed':
      return `${notice.path}: journald dropped ${notice.count} message(s) of ${notice.unit}; raise RateLimitBurst in journald.conf, or set LogRateLimitIntervalSec=0 for that unit`;
    case 'unwatched':
      return `${notice.path}: no change events (${notice.reason}); checking for new lines at intervals`;
  }
}
