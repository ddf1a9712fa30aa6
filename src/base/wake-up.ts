/**
 * A wait that ends early when something may have happened: another part calls `wake`, or a watched file changes.
 * Files are watched through chokidar (inotify); a time limit covers what gives no events (bind mounts, NFS, a folder
 * that does not exist yet). Says only *that* something may have happened, not what.
 * If watching fails the time limit remains, and `onFailure` gets the reason.
 */
import { dirname, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { getMessage } from './errors.ts';

/** Until inotify is set up (some ms) look this often, so that no start waits for the time limit. ms */
const SETTLING = 20;

export class WakeUp {
  #watcher: FSWatcher | undefined;
  #ready = true;
  #due = false;
  #resolve: (() => void) | undefined;
  #watched: string | undefined;

  /**
   * Watches the file at `paths` (its name and, for a symbolic link, its target). If the file exists, pass what
   * identifies it (`file`: its inode): its own events are then enough. Without it, the folders are watched until the
   * file appears. That costs more: chokidar lists a folder at every change in it, and /var/log may be busy.
   * Another call replaces the first.
   */
  watch(
    paths: readonly string[],
    file: string | undefined,
    onFailure: (reason: string) => void,
  ): void {
    const watched = [file, ...paths].join('\n');
    if (watched === this.#watched) return;
    void this.#watcher?.close();
    this.#watched = watched;
    this.#ready = false;
    const files = new Set(paths.map((path) => resolve(path)));
    const names = new Set([...files, ...[...files].map(dirname)]);
    this.#watcher = watch(file === undefined ? [...names] : [...files], {
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

  /** Waits until woken or aborted, at most `ms`; with 0, only until others had their turn. Never rejects. */
  async wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) await new Promise((resolve) => setImmediate(resolve));
    else if (!this.#due && signal?.aborted !== true) {
      const limit = this.#ready ? ms : Math.min(ms, SETTLING);
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, limit);
        this.#resolve = end;
        signal?.addEventListener('abort', end);
      });
    }
    this.#resolve = undefined;
    this.#due = false;
  }

  /** Stops watching files. */
  async close(): Promise<void> {
    await this.#watcher?.close();
    this.#watcher = undefined;
    this.#watched = undefined;
  }
}
