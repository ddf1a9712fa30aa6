/**
 * One log across its rotations, as an async iterable of batches. Pull, not push: reads when the next batch is
 * asked for, waits when there is none. Knows nothing of mail and stores nothing; the caller keeps the position of each
 * batch and hands the last one back after a restart (docs/following.md says what is guaranteed).
 * A log that is missing, unreadable or replaced is a notice, never an end.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getMessage } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Line } from '../model/line.ts';
import type { FollowerOptions, FollowStatus, LineBatch } from './contract.ts';
import { GracePeriod } from './grace-period.ts';
import { isSameFile, type LogFile, lookAt, realPath } from './log-files.ts';
import { NamedLog } from './named-log.ts';
import { endOfLines, type OpenFile, type Start } from './open-file.ts';
import type { FollowPosition } from './position.ts';
import { type Location, positionBeforeLive } from './rotation.ts';

export type { FollowerOptions, FollowStatus, LineBatch } from './contract.ts';
export type { FollowNotice } from './notice.ts';
export type { FollowPosition } from './position.ts';

export class Follower {
  readonly #options: FollowerOptions;
  readonly #log: NamedLog;
  /** of the open file, once that has a successor */
  readonly #quiet: GracePeriod;
  readonly #buffer: Buffer;
  readonly #wakeUp = new WakeUp();
  #file: OpenFile | undefined;
  /** where to go on while no file is open */
  #position: FollowPosition | undefined;
  /** the open file was emptied or filled anew */
  #truncated = false;
  /** the open file is not the one under the log's name, as of the last look */
  #isReplaced = false;
  /** files behind the open one, when it is not the live one */
  #later: readonly LogFile[] = [];

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#log = new NamedLog(options.path, options.onNotice);
    this.#position = options.position;
    this.#quiet = new GracePeriod(options.grace ?? 1000, options.clock ?? systemClock);
    this.#buffer = Buffer.allocUnsafeSlow(options.maxBatchBytes ?? 1_048_576);
  }

  /** Batches until the signal is aborted; then, or when the loop is left, everything is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LineBatch, void, undefined> {
    const { signal, pollInterval = 1000 } = this.#options;
    const stop = () => this.#wakeUp.wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const batch = await this.poll();
        if (signal.aborted) return;
        if (batch !== undefined) {
          yield batch;
          // Reading a long backlog must not keep signals and timers from their turn.
          await nextTurn();
        } else {
          this.#watch();
          await nextTurn();
          await this.#wakeUp.wait(this.#isLeaving ? Math.min(pollInterval, 50) : pollInterval);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await this.close();
    }
  }

  /** The next batch if there is one now; never waits. For tests and one-shot runs; not beside a running iteration. */
  async poll(): Promise<LineBatch | undefined> {
    const { failures } = this.#log;
    try {
      const batch = await this.#next();
      // Lines of a file that is open say nothing of the one under the log's name.
      if (batch === undefined && this.#log.failures === failures) this.#log.recovered();
      return batch;
    } catch (error) {
      // The system has no descriptors or memory to spare, or a disk fails: tried again. Anything else is a bug of ours.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      this.#log.failed(this.#log.path, getMessage(error), false);
      return undefined;
    }
  }

  async #next(): Promise<LineBatch | undefined> {
    // A bound on changes of file within one call: others may rotate faster than we look.
    for (let changes = 0; changes < 100; changes++) {
      if (this.#file === undefined) {
        const first = await this.#begin();
        if (first !== undefined || this.#file === undefined) return first;
      }
      const file = this.#file;
      const start = file.isUntouched ? file.position() : undefined;
      const outcome = await file.read(this.#buffer);
      if (outcome.kind === 'bytes' && start !== undefined && this.#isOvertaken(file, start)) {
        this.#leave(file, start);
      } else if (outcome.kind === 'bytes') {
        this.#quiet.end();
        if (outcome.lines.length > 0) return this.#batch(file, outcome.lines);
        if (this.#options.signal.aborted) return undefined;
        changes = 0;
        await nextTurn();
      } else if (outcome.kind === 'changed') {
        this.#truncated = true;
        this.#leave(file);
      } else {
        if (outcome.kind === 'broken' && !this.#isPassable(file, outcome.reason)) return undefined;
        const location = this.#successors(file);
        if (location === undefined) return undefined;
        const rest = outcome.kind === 'broken' ? [] : file.finish();
        if (rest.length > 0) return this.#batch(file, rest);
        if (!this.#goOn(file, location)) return undefined;
      }
    }
    this.#wakeUp.wake();
    return undefined;
  }

  /** Closes files and watchers. The position of the last batch stays good. */
  async close(): Promise<void> {
    if (this.#file !== undefined) this.#leave(this.#file);
    await this.#wakeUp.close();
  }

  status(): FollowStatus {
    const live = this.#log.peek();
    const isLive = live !== undefined && this.#file !== undefined && isSameFile(live, this.#file);
    return {
      path: this.#log.path,
      reading: this.#file?.source,
      present: live !== undefined,
      behind: isLive ? (this.#file?.unreadOf(live.size) ?? 0) : this.#behind(),
      failure: this.#log.failure,
    };
  }

  /** A successor that cannot be read is no reason to hurry. */
  get #isLeaving(): boolean {
    return this.#quiet.isAwaited && this.#log.failure === undefined;
  }

  #watch(): void {
    if (this.#options.watch === false) return;
    const path = this.#log.path;
    const isLive = this.#file !== undefined && !this.#isReplaced;
    const inode = isLive ? `${this.#file?.device}:${this.#file?.inode}` : undefined;
    this.#wakeUp.watch([path, realPath(path)], inode, (reason) =>
      this.#log.say({ kind: 'unwatched', path, reason }),
    );
  }

  /**
   * Whether a file with unread lines came to stand before `file` since that was opened: the copy of a copytruncate.
   * When that cannot be found out (no descriptor to spare) it throws, and what was read of `file` is read again.
   */
  #isOvertaken(file: OpenFile, start: FollowPosition): boolean {
    try {
      const { self, next } = this.#log.locate(start, true);
      return self === undefined && next.findIndex((other) => isSameFile(other, file)) > 0;
    } catch (error) {
      this.#leave(file, start);
      throw error;
    }
  }

  #leave(file: OpenFile, position = file.position()): void {
    this.#position = position;
    this.#file = undefined;
    file.close();
  }

  /** Opens the file to read first or next; gives a batch when only the position is news. */
  async #begin(): Promise<LineBatch | undefined> {
    if (this.#position === undefined) return this.#beginAnew();
    this.#resume(this.#position);
    return undefined;
  }

  /** The first batch is a position without lines: once it is stored, no restart can miss a line. */
  async #beginAnew(): Promise<LineBatch | undefined> {
    const path = this.#log.path;
    const position = positionBeforeLive(path);
    try {
      const live = lookAt(path);
      if (live === undefined || this.#options.from !== 'end') {
        this.#position = position;
        return { source: path, lines: [], position, behind: live?.size ?? 0 };
      }
      const end = await endOfLines(path, this.#buffer);
      this.#file = this.#open(live, { source: path, before: position.before, ...end });
    } catch (error) {
      this.#log.failed(path, getMessage(error), false);
    }
    return this.#file === undefined ? undefined : this.#batch(this.#file, []);
  }

  #resume(position: FollowPosition): void {
    const location = this.#log.locate(position, false);
    const target = location.self ?? location.next[0];
    if (target === undefined) return;
    const source = this.#log.sourceOf(target, location.live);
    const start: Start =
      location.self === undefined
        ? { source, offset: 0, line: 0, before: location.before }
        : { ...position, source };
    this.#file = this.#open(target, start);
    if (this.#file === undefined) return;
    this.#later = location.self === undefined ? location.next.slice(1) : location.next;
    this.#sayResumed(position, location, source);
    this.#truncated = false;
  }

  #sayResumed(position: FollowPosition, location: Location, source: string): void {
    const { offset } = position;
    const path = this.#log.path;
    if (this.#truncated) {
      const copy = location.self === undefined ? {} : { copy: source };
      this.#log.say({ kind: 'truncated', path, offset, ...copy });
    } else if (location.self === undefined && offset > 0) {
      this.#log.say({ kind: 'lost', path, file: position.path, offset, next: source });
    } else if (position === this.#options.position) {
      this.#log.say({ kind: 'resumed', path, file: source, offset });
    }
  }

  /** A damaged gzip'd file is done with at the damage; any other that fails is opened anew, or skipped when it is a rotated one. */
  #isPassable(file: OpenFile, reason: string): boolean {
    const live = this.#log.look();
    const isLive = live !== undefined && isSameFile(live, file);
    this.#log.failed(file.source, reason, !isLive);
    if (!isLive) this.#log.passOver(file);
    if (file.packed) return true;
    this.#leave(file);
    return false;
  }

  /** What comes after `file`, when that is final: renamed, its writers gone to the next file, quiet for the grace period. */
  #successors(file: OpenFile): Location | undefined {
    const live = this.#log.look();
    if (live !== undefined && isSameFile(live, file)) {
      this.#later = [];
      this.#quiet.end();
      this.#isReplaced = false;
      return undefined;
    }
    this.#isReplaced = true;
    const location = this.#log.locate(file.position(), true);
    this.#later = location.next;
    const next = location.next[0];
    // While the new file is empty its writer may still have the old one open: rsyslog does until its HUP.
    if (next === undefined || (next === location.live && next.size === 0)) {
      this.#quiet.end();
      return undefined;
    }
    return file.packed || this.#quiet.isOver(file.modified) ? location : undefined;
  }

  #goOn(file: OpenFile, location: Location): boolean {
    const next = location.next[0];
    if (next === undefined) return false;
    const source = this.#log.sourceOf(next, location.live);
    const opened = this.#open(next, { source, offset: 0, line: 0, before: location.before });
    if (opened === undefined) return false;
    const from = location.self?.path ?? file.source;
    file.close();
    this.#file = opened;
    this.#later = location.next.slice(1);
    this.#quiet.end();
    this.#log.say({ kind: 'rotated', path: this.#log.path, from, to: source });
    return true;
  }

  /** Undefined when it cannot be opened now; the next poll looks anew. */
  #open(file: LogFile, start: Start): OpenFile | undefined {
    const opened = this.#log.open(file, start);
    // Renamed between looking and opening, or passed over: no reason to wait. The live file is waited for.
    if (opened === undefined && start.source !== this.#log.path) this.#wakeUp.wake();
    return opened;
  }

  #batch(file: OpenFile, lines: readonly Line[]): LineBatch {
    const count = file.takeCut();
    const position = file.position();
    if (count > 0) {
      const { line } = position;
      this.#log.say({
        kind: 'line-too-long',
        path: this.#log.path,
        file: file.source,
        line,
        count,
      });
    }
    return { source: file.source, lines, position, behind: this.#behind() };
  }

  #behind(): number {
    const later = this.#later.reduce((bytes, next) => bytes + next.size, 0);
    return later + (this.#file?.unread ?? 0);
  }
}
