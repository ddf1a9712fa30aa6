/** What the follower has to say about a log: things an operator wants to know, none of which stops it. */

/** `path` is the log as the operator named it, `file` the physical file in question; offsets are bytes. */
export type FollowNotice =
  /** the log does not exist (yet, or any more); it is waited for */
  | { readonly kind: 'waiting'; readonly path: string }
  /** done with one file, going on with the next */
  | { readonly kind: 'rotated'; readonly path: string; readonly from: string; readonly to: string }
  /** emptied or filled anew under the same name; `copy` holds what stood behind `offset`, when one was found */
  | {
      readonly kind: 'truncated';
      readonly path: string;
      readonly offset: number;
      readonly copy?: string;
    }
  /** going on at the stored position */
  | {
      readonly kind: 'resumed';
      readonly path: string;
      readonly file: string;
      readonly offset: number;
    }
  /** the file of the stored position is gone: what stood behind `offset` is not read; going on at the beginning of `next` */
  | {
      readonly kind: 'lost';
      readonly path: string;
      readonly file: string;
      readonly offset: number;
      readonly next: string;
    }
  /** `skipped`: a rotated file that is passed over; otherwise it is tried again */
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
  /** no change events: the log is looked at once per poll interval */
  | { readonly kind: 'unwatched'; readonly path: string; readonly reason: string };

/** The notice as one sentence for people. */
export function noticeText(notice: FollowNotice): string {
  switch (notice.kind) {
    case 'waiting':
      return `${notice.path}: does not exist; waiting for it`;
    case 'rotated':
      return `${notice.path}: rotated; done with ${notice.from}, going on with ${notice.to}`;
    case 'truncated':
      return notice.copy === undefined
        ? `${notice.path}: emptied at byte ${notice.offset}; reading it from its beginning, what was not read before is lost`
        : `${notice.path}: emptied at byte ${notice.offset}; reading the rest from its copy ${notice.copy}`;
    case 'resumed':
      return `${notice.path}: going on in ${notice.file} at byte ${notice.offset}`;
    case 'lost':
      return `${notice.path}: the file last read (${notice.file}, up to byte ${notice.offset}) is gone; going on at the beginning of ${notice.next}`;
    case 'unreadable':
      return `${notice.file}: cannot be read (${notice.reason}); ${notice.skipped ? 'passing over it' : 'trying again'}`;
    case 'line-too-long':
      return `${notice.file}: ${notice.count} line(s) up to line ${notice.line} were longer than 64 KiB and have been cut`;
    case 'unwatched':
      return `${notice.path}: no change events (${notice.reason}); looking for new lines at intervals`;
  }
}
