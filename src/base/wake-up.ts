/**
 * A wait that can be cut short: by a call, or by a change to a watched file. Changes come from inotify through chokidar;
 * the caller's time limit covers what gives no events (bind mounts, NFS, a folder that does not exist yet). Reports
 * only that something may have happened. If watching fails, `onFailure` is called and the time limit remains.
 */
import { dirname, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { getMessage } from './errors.ts';

/** The longest wait until inotify is set up, which takes some ms, so that no change before that is noticed late. */
const SETTLING = 20;

export class WakeUp {
  #watcher: FSWatcher | undefined;
  #ready = true;
  #due = false;
  #resolve: (() => void) | undefined;
  #watched: string | undefined;

  /**
   * Watches the file at `paths` (its name and, for a symbolic link, its target), in place of any watched before. Pass
   * `inode` if the file exists: its own events are then enough. Without `inode` its folders are watched until it
   * appears. That costs more, since chokidar lists a folder at every change in it, and /var/log may be busy.
   */
  watch(
    paths: readonly string[],
    inode: string | undefined,
    onFailure: (reason: string) => void,
  ): void {
    const watched = [inode, ...paths].join('\n');
    if (watched === this.#watched) return;
    void this.#watcher?.close();
    this.#watched = watched;
    this.#ready = false;
    const files = new Set(paths.map((path) => resolve(path)));
    const names = new Set([...files, ...[...files].map(dirname)]);
    this.#watcher = watch(inode === undefined ? [...names] : [...files], {
      ignored: (path) => !names.has(path),
      ignoreInitial: true,
      depth: 0,
    })
      .on('all', () => this.wake())
      // Raw events too: chokidar drops a change that comes within 50 ms of another.
      .on('raw', () => this.wake())
      .on('ready', () => {
        this.#ready = true;
        this.wake();
      })
      .on('error', (error) => {
        this.#ready = true;
        onFailure(getMessage(error));
      });
  }

  /** Ends the wait under way, or the next one at once. */
  wake(): void {
    this.#due = true;
    this.#resolve?.();
  }

  /** Waits until woken, but not longer than `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#due) {
      const limit = this.#ready ? ms : Math.min(ms, SETTLING);
      await new Promise<void>((done) => {
        const timer = setTimeout(done, limit);
        this.#resolve = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    this.#resolve = undefined;
    this.#due = false;
  }

  async close(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }
}
