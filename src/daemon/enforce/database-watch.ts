/** Notices what changes in the database or in the block files, and runs the enforcer when it has to. */
import { statSync } from 'node:fs';
import { openSignal } from '../../base/change-signal.ts';
import { getMessage, PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../../base/time.ts';
import type { Store } from '../../store/store.ts';
import { Enforcer, listToEnforce } from '../enforcer.ts';
import type { RemoteControl } from './remote-control.ts';

const DATABASE_CHECK = 500;
const IDLE_CHECK = MINUTE;
const SHORTEST_PAUSE = 10;
const RETRY = 5 * SECOND;

interface WatchOptions {
  readonly store: Store;
  readonly remote: RemoteControl;
  readonly clock: Clock;
  readonly log: Log;
}

export class DatabaseWatch {
  readonly #options: WatchOptions;
  readonly #enforcer: Enforcer;
  /** which file the database is */
  readonly #file: string;

  constructor(options: WatchOptions) {
    const { store, remote, clock, log } = options;
    this.#options = options;
    this.#file = identifyFile(store.path);
    this.#enforcer = new Enforcer({ store, ...remote.buildControl(), clock, log });
  }

  /** Runs until the step ends. Throws a PosternError if the database is replaced by another file. */
  async run(): Promise<void> {
    const { store, remote, clock } = this.#options;
    this.#watchSignal();
    let last = 0;
    let pause = 0;
    let version = -1;
    let enforced = '';
    while (!remote.hasEnded) {
      this.#assertSameFile();
      const seen = store.dataVersion();
      const blocks = seen === version ? enforced : this.#nameBlocks();
      version = seen;
      const passed = clock.now() - last;
      // Less than none: the clock was set back, and must not make us wait for the old time.
      const isDue = passed >= pause || passed < 0;
      if (blocks !== enforced || remote.takeChange() || isDue) {
        pause = await this.#enforce();
        last = clock.now();
        enforced = blocks;
      }
      if (!remote.hasEnded) {
        const left = pause - (clock.now() - last);
        await remote.wakeUp.wait(Math.max(SHORTEST_PAUSE, Math.min(DATABASE_CHECK, left)));
      }
    }
    await remote.wakeUp.close();
  }

  #watchSignal(): void {
    const { store, remote, log } = this.#options;
    remote.wakeUp.watch([openSignal(store.path)], 'signal', (reason) =>
      log.warn({ reason }, 'the service cannot wake us, looking twice a second'),
    );
  }

  #assertSameFile(): void {
    const { path } = this.#options.store;
    if (identifyFile(path) === this.#file) return;
    throw new PosternError('environment', `${path}: is another file than before`, {
      code: 'database-replaced',
    });
  }

  /** All that makes a run necessary, as text. */
  #nameBlocks(): string {
    return listToEnforce(this.#options.store)
      .map(({ id, end, spellings }) => `${id} ${end} ${spellings?.join(' ')}`)
      .join('\n');
  }

  /** Returns the ms until it has to run again even if nothing changes. */
  async #enforce(): Promise<number> {
    const { store, remote, log } = this.#options;
    try {
      const { again } = await this.#enforcer.run();
      return Math.min(again ?? IDLE_CHECK, IDLE_CHECK);
    } catch (error) {
      if (remote.hasEnded) return 0;
      if (!store.isPassing(error)) throw error;
      log.error({ error: getMessage(error) }, 'enforcing failed, will try again');
      return RETRY;
    }
  }
}

function identifyFile(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'gone' : `${stats.dev} ${stats.ino}`;
}
