/**
 * One log across its rotations, as an async iterable of batches. Reads when you ask for the next batch, and waits if
 * there is none. Store the position of each batch and hand the last one back after a restart; docs/following.md says
 * what is guaranteed. A log that is missing, unreadable or replaced causes a notice and never ends the iteration.
 *
 * The package `tail`, which `postern watch` uses, does not serve here: it keeps no position, so it loses the lines that
 * are written around a rotation or while the service is down.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getMessage } from '../base/errors.ts';
import { type Clock, systemClock } from '../base/time.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { FollowedLog, FollowStatus } from './followed-log.ts';
import { realPath } from './log-files.ts';
import { type LineBatch, LogReader } from './log-reader.ts';
import { NamedLog } from './named-log.ts';
import type { FollowNotice } from './notice.ts';
import type { FollowPosition } from './position.ts';

export type { LineBatch } from './log-reader.ts';
export type { FollowNotice } from './notice.ts';
export type { FollowPosition } from './position.ts';

export interface FollowerOptions {
  readonly path: string;
  /** where an earlier follower of this path stopped */
  readonly position?: FollowPosition;
  /** without a position: the live file's `beginning` (default) or `end` */
  readonly from?: 'beginning' | 'end';
  readonly signal: AbortSignal;
  /** default 1 MiB */
  readonly maxBatchBytes?: number;
  /** ms, default 1000: how often to look if no events come */
  readonly pollInterval?: number;
  /** false: no inotify, look once per interval */
  readonly watch?: boolean;
  /** ms, default 1000: how long a renamed file must give no lines before its successor is read */
  readonly grace?: number;
  readonly clock?: Clock;
  readonly onNotice?: (notice: FollowNotice) => void;
}

/** The longest wait while a renamed file is about to be left, ms. */
const LEAVING_INTERVAL = 50;

export class Follower implements FollowedLog {
  readonly #options: FollowerOptions;
  readonly #log: NamedLog;
  readonly #reader: LogReader;
  readonly #wakeUp = new WakeUp();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#log = new NamedLog(options.path, options.onNotice);
    this.#reader = new LogReader(this.#log, {
      position: options.position,
      from: options.from ?? 'beginning',
      maxBatchBytes: options.maxBatchBytes ?? 1_048_576,
      grace: options.grace ?? 1000,
      clock: options.clock ?? systemClock,
      signal: options.signal,
      lookAgain: () => this.#wakeUp.wake(),
    });
  }

  /** Batches until the signal is aborted; then, or if you leave the loop, everything is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LineBatch, void, undefined> {
    const { signal } = this.#options;
    const stop = () => this.#wakeUp.wake();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const batch = await this.poll();
        if (signal.aborted) return;
        if (batch !== undefined) {
          yield batch;
          // Give signals and timers their turn while a long backlog is read.
          await nextTurn();
        } else {
          this.#watch();
          await nextTurn();
          await this.#wakeUp.wait(this.#interval);
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await this.close();
    }
  }

  /** The next batch if there is one now; never waits. For tests and one-shot runs; do not mix with the iteration. */
  async poll(): Promise<LineBatch | undefined> {
    const { failures } = this.#log;
    try {
      const batch = await this.#reader.next();
      // A batch may come from a file that was open before: it does not show that the log can be read again.
      if (batch === undefined && this.#log.failures === failures) this.#log.recovered();
      return batch;
    } catch (error) {
      // No file descriptors or memory left, or a failing disk: tried again. Anything else is a bug of ours.
      if (!(error instanceof Error && 'syscall' in error)) throw error;
      this.#log.failed(this.#log.path, getMessage(error), false);
      return undefined;
    }
  }

  /** Closes files and watchers. The position of the last batch stays valid. */
  async close(): Promise<void> {
    this.#reader.close();
    await this.#wakeUp.close();
  }

  status(): FollowStatus {
    const live = this.#log.peek();
    return {
      path: this.#log.path,
      reading: this.#reader.source,
      present: live !== undefined,
      behind: this.#reader.measureBehind(live),
      failure: this.#log.failure,
    };
  }

  get #interval(): number {
    const { pollInterval = 1000 } = this.#options;
    // If the successor cannot be read, there is no reason to hurry.
    const isLeaving = this.#reader.isLeaving && this.#log.failure === undefined;
    return isLeaving ? Math.min(pollInterval, LEAVING_INTERVAL) : pollInterval;
  }

  #watch(): void {
    if (this.#options.watch === false) return;
    const { path } = this.#log;
    this.#wakeUp.watch([path, realPath(path)], this.#reader.liveFile, (reason) =>
      this.#log.report({ kind: 'unwatched', path, reason }),
    );
  }
}
