/** The blocks in force, as the judge and the policy service know them: both go by what the database says now. */
import type { Judge } from '../judge/judge.ts';
import type { Block } from '../model/block.ts';
import type { Blocklist } from '../policy/blocklist.ts';
import type { Store } from '../store/store.ts';
import { applyRelease } from './outcome.ts';

export class RunningBlocks {
  readonly #store: Store;
  readonly #judge: Judge;
  readonly #blocklist: Blocklist;
  #known: ReadonlyMap<number, Block> = new Map();
  #isBehind = false;

  constructor(store: Store, judge: Judge, blocklist: Blocklist) {
    this.#store = store;
    this.#judge = judge;
    this.#blocklist = blocklist;
  }

  /** The blocks have changed, and the database could not be read since. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /**
   * Takes over what has changed in the database: by a verdict, an operator's command, a line deleted by hand, or
   * because a block's time is over. Does not wait for any file. Throws the error of the database.
   */
  sync(): void {
    const running = new Map(this.#store.blocks.allRunning().map((block) => [block.id, block]));
    const ended = [...this.#known.keys()].filter((id) => !running.has(id));
    // Everything is read before anything is changed, so that a read that fails can be repeated as a whole.
    const released = ended.map((id) => this.#store.blocks.get(id));
    for (const block of released) applyRelease(this.#judge, block);
    for (const [id, { key, end, at }] of running) {
      if (!this.#known.has(id)) this.#judge.hold(key, end, at);
    }
    this.#known = running;
    this.#blocklist.replace([...running.values()]);
    this.#isBehind = false;
  }

  /** Like `sync`, after a commit of our own. If the database cannot be read now, `isBehind` stays true. */
  trySync(): void {
    this.#isBehind = true;
    try {
      this.sync();
    } catch (error) {
      if (!this.#store.isPassing(error)) throw error;
    }
  }
}
