/**
 * Reads one log across its rotations, a batch of lines at a time: which file to open first, when a file is finished,
 * which one comes next. Never waits; `Follower` does. Knows nothing of mail and stores nothing.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getMessage } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import { Lines } from '../model/lines.ts';
import { assertFile, isSameFile, type LogFile, lookAt } from './log-files.ts';
import type { NamedLog } from './named-log.ts';
import { findEndOfLines, type OpenFile, type Start } from './open-file.ts';
import type { FollowPosition } from './position.ts';
import { type Location, positionBeforeLive } from './rotation.ts';
import { Successors } from './successors.ts';

/** Lines of one physical file, in order. `lines` is empty if only the position is new (at the very first start). */
export interface LineBatch {
  readonly source: string;
  readonly lines: Lines;
  /** after the last of `lines` */
  readonly position: FollowPosition;
  /** bytes still unread after this batch, in all files; an estimate for gzip'd files */
  readonly behind: number;
}

interface ReaderOptions {
  readonly position: FollowPosition | undefined;
  readonly from: 'beginning' | 'end';
  readonly maxBatchBytes: number;
  /** ms */
  readonly grace: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** called if the next look should come at once */
  readonly lookAgain: () => void;
}

/** A batch, or why there is none: nothing new, bytes without a whole line, another file to read. */
type Step = LineBatch | 'nothing' | 'partial' | 'other-file';

const NO_LINES = new Lines([]);
/** Changes of file within one call: others may rotate faster than we look. */
const MOST_CHANGES = 100;

export class LogReader {
  readonly #log: NamedLog;
  readonly #options: ReaderOptions;
  readonly #successors: Successors;
  readonly #buffer: Buffer;
  #file: OpenFile | undefined;
  /** where to continue while no file is open */
  #position: FollowPosition | undefined;
  /** the open file was emptied, or filled with other content */
  #truncated = false;

  constructor(log: NamedLog, options: ReaderOptions) {
    this.#log = log;
    this.#options = options;
    this.#position = options.position;
    this.#successors = new Successors(log, options.grace, options.clock);
    this.#buffer = Buffer.allocUnsafeSlow(options.maxBatchBytes);
  }

  /** The next batch; undefined if there is none now. Throws system errors that may pass (no file descriptors left). */
  async next(): Promise<LineBatch | undefined> {
    for (let changes = 0; changes < MOST_CHANGES; changes++) {
      const step = await this.#step();
      if (typeof step !== 'string') return step;
      if (step === 'nothing') return undefined;
      if (step === 'partial') {
        changes = 0;
        await nextTurn();
      }
    }
    this.#options.lookAgain();
    return undefined;
  }

  /** The name of the open file, as its lines carry it. */
  get source(): string | undefined {
    return this.#file?.source;
  }

  /** Identifies the open file if it is the one under the log's name; undefined otherwise. */
  get liveFile(): string | undefined {
    if (this.#file === undefined || this.#successors.isReplaced) return undefined;
    return `${this.#file.device}:${this.#file.inode}`;
  }

  /** Whether a renamed file is open and its grace period runs. */
  get isLeaving(): boolean {
    return this.#successors.isGraceRunning;
  }

  /** Bytes unread in all files; `live` is the file under the log's name as it is now. */
  measureBehind(live: LogFile | undefined): number {
    const isLive = live !== undefined && this.#file !== undefined && isSameFile(live, this.#file);
    return isLive ? (this.#file?.measureUnread(live.size) ?? 0) : this.#behind();
  }

  /** Closes the open file. The position of the last batch stays valid. */
  close(): void {
    if (this.#file !== undefined) this.#leave(this.#file);
  }

  async #step(): Promise<Step> {
    if (this.#file === undefined) {
      const first = await this.#begin();
      if (first !== undefined) return first;
      if (this.#file === undefined) return 'nothing';
    }
    const file = this.#file;
    const start = file.isUntouched ? file.position() : undefined;
    const outcome = await file.read(this.#buffer);
    switch (outcome.kind) {
      case 'bytes':
        return this.#take(file, outcome.lines, start);
      case 'changed':
        this.#truncated = true;
        this.#leave(file);
        return 'other-file';
      case 'end':
        return this.#finish(file, false);
      case 'broken':
        return this.#canSkip(file, outcome.reason) ? this.#finish(file, true) : 'nothing';
    }
  }

  /** `start`: where the file stood before, if nothing of it had been read. */
  #take(file: OpenFile, lines: Lines, start: FollowPosition | undefined): Step {
    if (start !== undefined && this.#isOvertaken(file, start)) {
      this.#leave(file, start);
      return 'other-file';
    }
    this.#successors.endGrace();
    if (lines.length > 0) return this.#batch(file, lines);
    return this.#options.signal.aborted ? 'nothing' : 'partial';
  }

  /** Moves to the next file if this one is finished, after its partial last line. */
  #finish(file: OpenFile, isBroken: boolean): Step {
    const location = this.#successors.findAfter(file);
    if (location === undefined) return 'nothing';
    const rest = isBroken ? NO_LINES : file.finish();
    if (rest.length > 0) return this.#batch(file, rest);
    return this.#moveOn(file, location) ? 'other-file' : 'nothing';
  }

  /**
   * Whether a file with unread lines has appeared before `file` since that was opened: the copy of a copytruncate.
   * If that cannot be determined (no file descriptor left) it throws, and what was read of `file` is read again.
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

  /** Opens the file to read first or next; returns a batch if only the position is new. */
  async #begin(): Promise<LineBatch | undefined> {
    if (this.#position === undefined) return this.#beginAnew();
    this.#resume(this.#position);
    return undefined;
  }

  /** The first batch is a position without lines: once it is stored, no restart can miss a line. */
  async #beginAnew(): Promise<LineBatch | undefined> {
    const { path } = this.#log;
    const position = positionBeforeLive(path);
    try {
      const live = lookAt(path);
      if (live === undefined || this.#options.from !== 'end') {
        this.#position = position;
        return { source: path, lines: NO_LINES, position, behind: live?.size ?? 0 };
      }
      assertFile(live);
      const end = await findEndOfLines(path, this.#buffer);
      this.#file = this.#open(live, { source: path, before: position.before, ...end });
    } catch (error) {
      this.#log.failed(path, getMessage(error), false);
    }
    return this.#file === undefined ? undefined : this.#batch(this.#file, NO_LINES);
  }

  #resume(position: FollowPosition): void {
    const location = this.#log.locate(position, false);
    const target = location.self ?? location.next[0];
    if (target === undefined) return;
    const source = this.#log.getSource(target, location.live);
    const start: Start =
      location.self === undefined
        ? { source, offset: 0, line: 0, before: location.before }
        : { ...position, source };
    this.#file = this.#open(target, start);
    if (this.#file === undefined) return;
    const later = location.self === undefined ? location.next.slice(1) : location.next;
    this.#successors.replace(later);
    this.#reportResumed(position, location, source);
    this.#truncated = false;
  }

  #reportResumed(position: FollowPosition, location: Location, source: string): void {
    const { offset } = position;
    const { path } = this.#log;
    if (this.#truncated) {
      const copy = location.self === undefined ? {} : { copy: source };
      this.#log.report({ kind: 'truncated', path, offset, ...copy });
    } else if (location.self === undefined && offset > 0) {
      this.#log.report({ kind: 'lost', path, file: position.path, offset, next: source });
    } else if (position === this.#options.position) {
      this.#log.report({ kind: 'resumed', path, file: source, offset });
    }
  }

  /** A gzip'd file ends at the damage. Any other file that fails is opened again, or skipped if it is a rotated one. */
  #canSkip(file: OpenFile, reason: string): boolean {
    const live = this.#log.look();
    const isLive = live !== undefined && isSameFile(live, file);
    this.#log.failed(file.source, reason, !isLive);
    if (!isLive) this.#log.skip(file);
    if (file.packed) return true;
    this.#leave(file);
    return false;
  }

  #moveOn(file: OpenFile, location: Location): boolean {
    const next = location.next[0];
    if (next === undefined) return false;
    const source = this.#log.getSource(next, location.live);
    const opened = this.#open(next, { source, offset: 0, line: 0, before: location.before });
    if (opened === undefined) return false;
    const from = location.self?.path ?? file.source;
    file.close();
    this.#file = opened;
    this.#successors.replace(location.next.slice(1));
    this.#successors.endGrace();
    this.#log.report({ kind: 'rotated', path: this.#log.path, from, to: source });
    return true;
  }

  /** Undefined if it cannot be opened now; the next call looks again. */
  #open(file: LogFile, start: Start): OpenFile | undefined {
    const opened = this.#log.open(file, start);
    // Renamed since we looked, or skipped: look again at once. The live file can wait.
    if (opened === undefined && start.source !== this.#log.path) this.#options.lookAgain();
    return opened;
  }

  #batch(file: OpenFile, lines: Lines): LineBatch {
    const count = file.takeCut();
    const position = file.position();
    const { source } = file;
    if (count > 0) {
      const { path } = this.#log;
      this.#log.report({ kind: 'line-too-long', path, file: source, line: position.line, count });
    }
    return { source, lines, position, behind: this.#behind() };
  }

  #behind(): number {
    return this.#successors.bytes + (this.#file?.unread ?? 0);
  }
}
