/**
 * Makes the MTA's files equal to the running blocks, and remembers the outcome: what the files list, what was deleted
 * by hand, what has to be tried again. Works from the database alone, so it may run in a process of its own.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import { findSoonest, LONGEST_RETRY } from '../base/wait.ts';
import type { Reconciliation } from '../enforce/reconcile.ts';
import type { Block } from '../model/block.ts';
import type { TargetState } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { EndedBlocks } from './ended-blocks.ts';
import { QueueHolder } from './held-queue.ts';
import { isServedByPolicy, type MtaControl } from './mta-control.ts';
import { withSeenSpellings } from './spellings.ts';
import { findTargetRetry, rememberTarget } from './target-state.ts';

export interface EnforcerOptions extends MtaControl {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one run did. */
interface Enforced {
  /** blocks that an operator ended by deleting the line */
  readonly released: readonly Block[];
  /** blocks whose time is over */
  readonly expired: readonly StoredBlock[];
  /** ms after which to run again though nothing changed; undefined: not before the next change */
  readonly again?: number;
}

/** Key of the saved state. */
const TRIED = 'newest block tried';

/** Number of the newest block that a run has tried to bring into force, 0 before the first. */
export function readTriedBlock(store: Store): number {
  return (store.state.read(TRIED) ?? 0) as number;
}

export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #queueHolder: QueueHolder;
  readonly #ended: EndedBlocks;
  /** targets that the MTA may not have read; at first all, as nothing is known of what an earlier process did */
  #pending: ReadonlySet<string>;
  /** after a failure: until when not to try again (ms), and which blocks were to be enforced */
  #rest: { readonly until: number; readonly blocks: string } | undefined;

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#queueHolder = new QueueHolder(options);
    this.#ended = new EndedBlocks(options);
    this.#pending = this.#nameTargets();
  }

  /** Files to watch: a line deleted by hand in one of them is an unblock. */
  get files(): readonly string[] {
    return this.#options.targets.map((target) => target.file);
  }

  /**
   * One run over all targets. Failures of the MTA are remembered and tried again, never thrown. Throws the error of a
   * database that cannot be written, but not before it has done everything that is possible without.
   */
  async run(): Promise<Enforced> {
    const { store, clock } = this.#options;
    const unwritable = this.#ended.expire();
    const now = clock.now();
    const running = listToEnforce(store);
    const blocks = running.filter((block) => this.#isToList(block, now));
    const retry = this.#findRestLeft(blocks) ?? (await this.#bringIntoForce(blocks));
    const moreToHold = await this.#queueHolder.run(blocks);
    this.#noteTried(running);
    if (unwritable !== undefined) throw unwritable;
    const again = findSoonest([retry, moreToHold, this.#findNextExpiry()]);
    return dropUndefined({ ...this.#ended.take(), again });
  }

  #isToList(block: Block, now: number): boolean {
    const { hasPolicy = false } = this.#options;
    return (block.end === undefined || block.end > now) && !isServedByPolicy(hasPolicy, block);
  }

  /** Returns the ms after which to try again, if there is need to. */
  async #bringIntoForce(blocks: readonly Block[]): Promise<number | undefined> {
    const { store, targets, clock } = this.#options;
    const before = new Map(targets.map(({ name }) => [name, this.#readState(name)]));
    const written = this.#readWritten(before);
    const result = await this.#reconcile(blocks, written);
    const { states, released } = store.commit(() => {
      this.#forgetRemovedTargets();
      this.#queueHolder.note(result.targets, written);
      return {
        released: this.#ended.release(result.targets.flatMap((target) => target.released)),
        states: result.targets.map((target) =>
          rememberTarget(this.#options, target, before.get(target.name)),
        ),
      };
    });
    this.#ended.addReleased(released);
    const retry = findSoonest(states.map((state) => findTargetRetry(state, clock.now())));
    this.#rest =
      retry === undefined ? undefined : { until: clock.now() + retry, blocks: joinIds(blocks) };
    return findSoonest([...result.targets.map(({ retryIn }) => retryIn), retry]);
  }

  /** Remembers what is pending in memory, whether or not the database can be written. */
  async #reconcile(
    blocks: readonly Block[],
    written: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<Reconciliation> {
    const { reconcile, clock } = this.#options;
    const pending = this.#pending;
    this.#pending = this.#nameTargets(); // if reconciling throws
    const result = await reconcile({ blocks, written, pending, now: clock.now() });
    const left = result.targets.filter((target) => target.pending);
    this.#pending = new Set(left.map(({ name }) => name));
    return result;
  }

  #nameTargets(): Set<string> {
    return new Set(this.#options.targets.map(({ name }) => name));
  }

  /** The state of a target that the configuration no longer has is of no interest. */
  #forgetRemovedTargets(): void {
    const { store, configured } = this.#options;
    for (const { name } of store.state.targets()) {
      if (!configured.includes(name)) store.state.forgetTarget(name);
    }
  }

  /**
   * ms that are left of the pause after a failure, while there is nothing new to enforce. Our own attempts change the
   * folder that is watched for changes: without a pause, each would cause the next.
   */
  #findRestLeft(blocks: readonly Block[]): number | undefined {
    if (this.#rest === undefined || this.#rest.blocks !== joinIds(blocks)) return undefined;
    const left = this.#rest.until - this.#options.clock.now();
    return left > 0 && left <= LONGEST_RETRY ? left : undefined;
  }

  #readState(name: string): TargetState | undefined {
    return this.#options.store.state.target(name);
  }

  /** What each file is known to list; nothing if the configuration has another file now. */
  #readWritten(before: ReadonlyMap<string, TargetState | undefined>): Map<string, Set<number>> {
    const written = this.#options.store.state.enforced();
    for (const { name, file } of this.#options.targets) {
      if (before.get(name)?.file !== file) written.delete(name);
    }
    return written;
  }

  /** Everything possible was done for these blocks, so notices can report the outcome. */
  #noteTried(blocks: readonly Block[]): void {
    const { store } = this.#options;
    const newest = Math.max(0, ...blocks.map(({ id }) => id));
    if (newest > readTriedBlock(store)) store.state.write(TRIED, newest);
  }

  #findNextExpiry(): number | undefined {
    const { store, clock } = this.#options;
    const ends = store.blocks.allRunning().flatMap(({ end }) => (end === undefined ? [] : [end]));
    return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - clock.now());
  }
}

/** The running blocks, each on a user with all spellings of the login that were seen. */
export function listToEnforce(store: Store): Block[] {
  return store.blocks.allRunning().map((block) => withSeenSpellings(store, block));
}

function joinIds(blocks: readonly Block[]): string {
  return blocks.map(({ id, spellings }) => [id, ...(spellings ?? [])].join()).join();
}
