/**
 * A log under the name that the operator gave it: finds and opens the files behind that name, and reports what cannot
 * be read. A lasting state is reported once, until it ends. A rotated file that is forbidden or damaged is skipped from
 * then on. An error that may pass (no file descriptors left) is thrown as the system error it is.
 */
import { getErrno, getMessage } from '../base/errors.ts';
import { isSameFile, type LogFile, lookAt, NO_FILE } from './log-files.ts';
import type { FollowNotice } from './notice.ts';
import { OpenFile, type Start } from './open-file.ts';
import type { FollowPosition } from './position.ts';
import { type Location, locate } from './rotation.ts';

/** Errors that belong to the file, not to the moment. */
const LASTING: ReadonlySet<string | undefined> = new Set([
  NO_FILE,
  'EACCES',
  'EPERM',
  'EISDIR',
  'EIO',
  'ENXIO',
  'ELOOP',
]);

export class NamedLog {
  readonly path: string;
  readonly #onNotice: (notice: FollowNotice) => void;
  readonly #skipped = new Set<string>();
  readonly #reported = new Set<string>();
  #failure: string | undefined;
  #failures = 0;

  constructor(path: string, onNotice: (notice: FollowNotice) => void = () => {}) {
    this.path = path;
    this.#onNotice = onNotice;
  }

  /** Why the log cannot be read, until it can be or is gone. A skipped file does not count. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How often the log could not be examined, opened or read so far. */
  get failures(): number {
    return this.#failures;
  }

  /** The live file if it exists and can be examined; reports nothing. */
  peek(): LogFile | undefined {
    try {
      return lookAt(this.path);
    } catch {
      return undefined;
    }
  }

  /** The live file; undefined, with a notice, if it is missing or cannot be examined. */
  look(): LogFile | undefined {
    try {
      const live = lookAt(this.path);
      if (live === undefined) this.report({ kind: 'waiting', path: this.path });
      else this.#reported.delete(`waiting:${this.path}`);
      return live;
    } catch (error) {
      this.failed(this.path, getMessage(error), false);
      return undefined;
    }
  }

  /** `locate` without the skipped files. Throws system errors that may pass. */
  locate(position: FollowPosition, isOpen: boolean): Location {
    const location = locate(this.path, position, isOpen);
    if (location.live === undefined) this.look();
    if (this.#skipped.size === 0) return location;
    const isUsable = (file: LogFile) =>
      file === location.live || !this.#skipped.has(buildKey(file));
    const next = location.next.filter(isUsable);
    if (location.self === undefined || isUsable(location.self)) return { ...location, next };
    return { ...location, foundBy: 'none', self: undefined, next };
  }

  /** The name that the lines of `file` carry: the log's own while it is the live file. */
  getSource(file: LogFile, live: LogFile | undefined): string {
    return live !== undefined && isSameFile(file, live) ? this.path : file.path;
  }

  /** Undefined if it cannot be opened now: it was just renamed, or there is a notice. Then look again. */
  open(file: LogFile, start: Start): OpenFile | undefined {
    try {
      const opened = OpenFile.open(file, start);
      if (opened !== undefined) {
        this.#reported.delete(`unreadable:${start.source}`);
        this.recovered();
      }
      return opened;
    } catch (error) {
      if (getErrno(error) === 'ENOENT') return undefined;
      if (!LASTING.has(getErrno(error))) throw error;
      const isLive = start.source === this.path;
      if (!isLive) this.skip(file);
      this.failed(start.source, getMessage(error), !isLive);
      return undefined;
    }
  }

  /** Leaves this file out from now on. */
  skip(file: Pick<LogFile, 'device' | 'inode' | 'modified'>): void {
    this.#skipped.add(buildKey(file));
  }

  failed(file: string, reason: string, skipped: boolean): void {
    const notice = { kind: 'unreadable', path: this.path, file, reason, skipped } as const;
    if (skipped) return this.report(notice);
    if (this.#failure === undefined) this.#onNotice(notice);
    this.#failure = reason;
    this.#failures++;
  }

  /** The log can be read again. */
  recovered(): void {
    this.#failure = undefined;
  }

  report(notice: FollowNotice): void {
    if (notice.kind === 'waiting' || notice.kind === 'unreadable' || notice.kind === 'unwatched') {
      const key = `${notice.kind}:${notice.kind === 'unreadable' ? notice.file : notice.path}`;
      if (this.#reported.has(key)) return;
      this.#reported.add(key);
    }
    this.#onNotice(notice);
  }
}

/** Includes the time, since an inode is reused. */
function buildKey(file: Pick<LogFile, 'device' | 'inode' | 'modified'>): string {
  return `${file.device}:${file.inode}:${Math.floor(file.modified)}`;
}
