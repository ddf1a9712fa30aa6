/**
 * The files after the one that is being read, and when it is time for the first of them: once the file is renamed, its
 * writers have moved on, and the grace period is over.
 */
import type { Clock } from '../base/time.ts';
import { GracePeriod } from './grace-period.ts';
import { isSameFile, type LogFile } from './log-files.ts';
import type { NamedLog } from './named-log.ts';
import type { OpenFile } from './open-file.ts';
import type { Location } from './rotation.ts';

export class Successors {
  readonly #log: NamedLog;
  readonly #grace: GracePeriod;
  #files: readonly LogFile[] = [];
  #isReplaced = false;

  /** `grace` in ms. */
  constructor(log: NamedLog, grace: number, clock: Clock) {
    this.#log = log;
    this.#grace = new GracePeriod(grace, clock);
  }

  /** Bytes in these files. */
  get bytes(): number {
    return this.#files.reduce((bytes, { size }) => bytes + size, 0);
  }

  /** Whether the file being read is not the one under the log's name, as of the last look. */
  get isReplaced(): boolean {
    return this.#isReplaced;
  }

  /** Whether the grace period runs. */
  get isGraceRunning(): boolean {
    return this.#grace.isRunning;
  }

  /** Another file is being read now; these come after it. */
  replace(files: readonly LogFile[]): void {
    this.#files = files;
  }

  /** The file being read has given more lines, or was left. */
  endGrace(): void {
    this.#grace.end();
  }

  /** What comes after `file`, once `file` is finished; undefined while it may still grow or has no successor. */
  findAfter(file: OpenFile): Location | undefined {
    const live = this.#log.look();
    if (live !== undefined && isSameFile(live, file)) {
      this.#files = [];
      this.#grace.end();
      this.#isReplaced = false;
      return undefined;
    }
    this.#isReplaced = true;
    const location = this.#log.locate(file.position(), true);
    this.#files = location.next;
    const next = location.next[0];
    // While the new file is empty its writer may still have the old one open: rsyslog does until its HUP.
    if (next === undefined || (next === location.live && next.size === 0)) {
      this.#grace.end();
      return undefined;
    }
    return file.packed || this.#grace.isOver(file.modified) ? location : undefined;
  }
}
