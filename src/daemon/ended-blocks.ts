/** Blocks that end while they are enforced: their time is over, or their line was deleted by hand. */
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import type { Block } from '../model/block.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';

interface EndedOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** Blocks that have ended since `take` was called last. */
interface Ended {
  /** blocks that an operator ended by deleting the line */
  readonly released: readonly Block[];
  /** blocks whose time is over */
  readonly expired: readonly StoredBlock[];
}

export class EndedBlocks {
  readonly #options: EndedOptions;
  #expired: StoredBlock[] = [];
  #released: Block[] = [];

  constructor(options: EndedOptions) {
    this.#options = options;
  }

  /** Returns them once, at the end of a run: a run that fails leaves them to the next one. */
  take(): Ended {
    const ended = { released: this.#released, expired: this.#expired };
    this.#released = [];
    this.#expired = [];
    return ended;
  }

  /** Ends blocks whose time is over. Returns the error of a database that cannot be written now. */
  expire(): unknown {
    const { store, clock } = this.#options;
    // No write unless needed: what is to be enforced must not wait for a database that is full or locked.
    if (store.blocks.ended(clock.now()).length === 0) return undefined;
    try {
      this.#expired.push(...store.commit(() => this.#endExpired()));
      return undefined;
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      return error;
    }
  }

  #endExpired(): StoredBlock[] {
    const { store, clock, log } = this.#options;
    const blocks = store.blocks.ended(clock.now());
    const newest = store.events.newest();
    for (const { id, key } of blocks) {
      store.blocks.release(id, clock.now(), 'expiry', newest);
      log.info({ block: id, who: key }, 'block expired');
    }
    return blocks;
  }

  /** Ends blocks whose line was deleted by hand. Call `addReleased` with the result after the commit. */
  release(blocks: readonly Block[]): Block[] {
    const { store, clock, log } = this.#options;
    const different = [...new Map(blocks.map((block) => [block.id, block])).values()];
    if (different.length === 0) return [];
    const newest = store.events.newest();
    for (const { id, key } of different) {
      store.blocks.release(id, clock.now(), 'file', newest);
      log.info({ block: id, who: key }, 'unblocked: its line was deleted by hand');
    }
    return different;
  }

  addReleased(blocks: readonly Block[]): void {
    this.#released.push(...blocks);
  }
}
