/**
 * A log under the name that the operator gave it: looks, finds and opens the files behind that name, and says what
 * cannot be read. A lasting state is said once, until it ends. A rotated file that is forbidden or damaged is passed
 * over from then on; what may be over in a moment (no file descriptors left) is thrown as the system error it is.
 */
import { getErrno, getMessage } from '../base/errors.ts';
import { isSameFile, type LogFile, lookAt } from './log-files.ts';
import type { FollowNotice } from './notice.ts';
import { OpenFile, type Start } from './open-file.ts';
import type { FollowPosition } from './position.ts';
import { type Location, locate } from './rotation.ts';

/** Errors that belong to the file, not to the moment. */
const LASTING: ReadonlySet<string | undefined> = new Set([
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
  readonly #passedOver = new Set<string>();
  readonly #said = new Set<string>();
  #failure: string | undefined;
  #failures = 0;

  constructor(path: string, onNotice: (notice: FollowNotice) => void = () => {}) {
    this.path = path;
    this.#onNotice = onNotice;
  }

  /** Why the log cannot be read, until it can be or is gone. A file that is passed over is no reason. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How often the log could not be looked at, opened or read so far. */
  get failures(): number {
    return this.#failures;
  }

  /** The live file if it is there and can be looked at; says nothing. */
  peek(): LogFile | undefined {
    try {
      return lookAt(this.path);
    } catch {
      return undefined;
    }
  }

  /** The live file; undefined, with a notice, when it is missing or cannot be looked at. */
  look(): LogFile | undefined {
    try {
      const live = lookAt(this.path);
      if (live === undefined) this.say({ kind: 'waiting', path: this.path });
      else this.#said.delete(`waiting:${this.path}`);
      return live;
    } catch (error) {
      this.failed(this.path, getMessage(error), false);
      return undefined;
    }
  }

  /** `locate` without the files that are passed over. Throws system errors of the moment. */
  locate(position: FollowPosition, held: boolean): Location {
    const location = locate(this.path, position, held);
    if (location.live === undefined) this.look();
    if (this.#passedOver.size === 0) return location;
    const isUsable = (file: LogFile) =>
      file === location.live || !this.#passedOver.has(buildKey(file));
    const next = location.next.filter(isUsable);
    if (location.self === undefined || isUsable(location.self)) return { ...location, next };
    return { ...location, likeness: 'none', self: undefined, next };
  }

  /** The name that the lines of `file` carry: the log's own while it is the live one. */
  sourceOf(file: LogFile, live: LogFile | undefined): string {
    return live !== undefined && isSameFile(file, live) ? this.path : file.path;
  }

  /** Undefined when it cannot be opened now, because it was renamed just now or with a notice; look anew then. */
  open(file: LogFile, start: Start): OpenFile | undefined {
    try {
      const opened = OpenFile.open(file, start);
      if (opened !== undefined) {
        this.#said.delete(`unreadable:${start.source}`);
        this.recovered();
      }
      return opened;
    } catch (error) {
      if (getErrno(error) === 'ENOENT') return undefined;
      if (!LASTING.has(getErrno(error))) throw error;
      const isLive = start.source === this.path;
      if (!isLive) this.passOver(file);
      this.failed(start.source, getMessage(error), !isLive);
      return undefined;
    }
  }

  passOver(file: Pick<LogFile, 'device' | 'inode' | 'modified'>): void {
    this.#passedOver.add(buildKey(file));
  }

  failed(file: string, reason: string, skipped: boolean): void {
    const notice = { kind: 'unreadable', path: this.path, file, reason, skipped } as const;
    if (skipped) return this.say(notice);
    if (this.#failure === undefined) this.#onNotice(notice);
    this.#failure = reason;
    this.#failures++;
  }

  /** Nothing is wrong with the log any more. */
  recovered(): void {
    this.#failure = undefined;
  }

  say(notice: FollowNotice): void {
    if (notice.kind === 'waiting' || notice.kind === 'unreadable' || notice.kind === 'unwatched') {
      const key = `${notice.kind}:${notice.kind === 'unreadable' ? notice.file : notice.path}`;
      if (this.#said.has(key)) return;
      this.#said.add(key);
    }
    this.#onNotice(notice);
  }
}

/** With the time, since an inode is reused. */
function buildKey(file: Pick<LogFile, 'device' | 'inode' | 'modified'>): string {
  return `${file.device}:${file.inode}:${Math.floor(file.modified)}`;
}
