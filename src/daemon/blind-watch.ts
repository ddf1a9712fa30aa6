/** Counts the lines of each hour while the service runs, and notifies when it becomes blind and when it sees again. */

import type { Log } from '../base/log.ts';
import { type Clock, MINUTE } from '../base/time.ts';
import { waitOrAbort } from '../base/wait.ts';
import type { Config } from '../config/load.ts';
import type { BlindChange } from '../model/occurrence.ts';
import type { Store } from '../store/store.ts';
import { addLines, compareBlind, findBlind } from './blind.ts';
import { Committer } from './retry.ts';

interface BlindWatchOptions {
  readonly store: Store;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** lines of the mail server since the start */
  lines(): { readonly read: number; readonly unread: number };
  /** called when there is something to tell */
  onChange(): void;
}

const PAUSE = 5 * MINUTE;

export class BlindWatch {
  readonly #options: BlindWatchOptions;
  readonly #committer: Committer;
  #counted = { read: 0, unread: 0 };

  constructor(options: BlindWatchOptions) {
    this.#options = options;
    this.#committer = new Committer(options);
  }

  /** Runs until aborted. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      await this.look();
      await waitOrAbort(PAUSE, signal);
    }
  }

  /** Counts what came since the last look. */
  async look(): Promise<void> {
    const { store, config, clock, log, lines, onChange } = this.#options;
    const now = clock.now();
    const { read, unread } = lines();
    const more = { read: read - this.#counted.read, unread: unread - this.#counted.unread };
    const changes = await this.#committer.commit(() => {
      const hours = addLines(store.state.read('lines by hour') ?? [], now, more);
      store.state.write('lines by hour', hours);
      const before = store.state.read('blind') ?? [];
      const found = findBlind(hours, now, config.blind);
      const compared = compareBlind(before, found, now);
      if (compared.changes.length > 0) store.state.write('blind', compared.current);
      for (const change of compared.changes) this.#tell(change, now);
      return compared.changes;
    });
    if (changes === undefined) return;
    this.#counted = { read, unread };
    for (const { why, ended } of changes) {
      if (ended === undefined) log.error({ why }, 'blind');
      else log.info({ why }, 'no longer blind');
    }
    if (changes.length > 0) onChange();
  }

  #tell(change: BlindChange, now: number): void {
    const { store, config } = this.#options;
    store.occurrences.add('blind', change, now);
    if (config.notify !== undefined) store.outbox.tell('blind', change, now);
  }
}
