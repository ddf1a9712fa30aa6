/**
 * Makes the MTA's files equal to the running blocks, and remembers what came of it: what the files list, what was
 * deleted by hand, what has to be tried again. Works from the database alone, so it may run in a process of its own.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import { findRetryPause, findSoonest, LONGEST_RETRY } from '../base/wait.ts';
import type { MailQueue } from '../enforce/queue.ts';
import type { ReconcileRequest, Reconciliation, TargetResult } from '../enforce/reconcile.ts';
import type { BlockTarget } from '../enforce/target.ts';
import type { Block } from '../model/block.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { TargetState } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import { Holding } from './held-queue.ts';

/** What touches the MTA: in this process, or by asking the one that has the right to (src/step.ts). */
export interface MtaControl {
  readonly targets: readonly Pick<BlockTarget, 'name' | 'file'>[];
  /** names of all targets of the configuration: in observe mode they are there, and must not be touched */
  readonly configured: readonly string[];
  /** never throws for what the environment does, see src/enforce/reconcile.ts */
  reconcile(request: ReconcileRequest): Promise<Reconciliation>;
  /** holds the queued mail of a new block; undefined: it is left alone */
  readonly queue?: Pick<MailQueue, 'act'> | undefined;
}

export interface EnforcerOptions extends MtaControl {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one run did. */
interface Enforced {
  /** blocks that an operator ended by deleting the line */
  readonly released: readonly Block[];
  /** blocks whose time was over */
  readonly expired: readonly StoredBlock[];
  /** ms after which to run again though nothing changed; undefined: not before the next change */
  readonly again?: number;
}

/** Number of the newest block that a run has tried to bring into force, 0 before the first. */
export function triedBlock(store: Store): number {
  return store.state.read('newest block tried') ?? 0;
}

export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #holding: Holding;
  /** blocks that have ended, until a run comes to its end and tells them */
  #expired: StoredBlock[] = [];
  #released: Block[] = [];
  /** targets that the MTA may not have read; at first all, as nothing is known of what an earlier process did */
  #pending: ReadonlySet<string>;
  /** after a failure: until when to leave it (ms), and what was to be enforced */
  #rest: { readonly until: number; readonly blocks: string } | undefined;

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#holding = new Holding(options);
    this.#pending = this.#names();
  }

  /** Files to watch: a line deleted by hand in one of them is an unblock. */
  get files(): readonly string[] {
    return this.#options.targets.map((target) => target.file);
  }

  /**
   * One run over all targets. Failures of the MTA are remembered and tried again, never thrown. Throws the error of a
   * database that cannot be written, but not before everything possible was done without.
   */
  async run(): Promise<Enforced> {
    const { store, clock } = this.#options;
    const unwritable = this.#expire();
    const now = clock.now();
    const blocks = store.blocks.allRunning().filter(({ end }) => end === undefined || end > now);
    const retry = this.#restLeft(blocks) ?? (await this.#bringIntoForce(blocks));
    const moreToHold = await this.#holding.run(blocks);
    this.#noteTried(blocks);
    if (unwritable !== undefined) throw unwritable;
    const again = findSoonest([retry, moreToHold, this.#untilExpiry()]);
    return dropUndefined({ ...this.#takeEnded(), again });
  }

  /** Gives the ms after which to try again, if there is need to. */
  async #bringIntoForce(blocks: readonly Block[]): Promise<number | undefined> {
    const { store, targets, clock } = this.#options;
    const before = new Map(targets.map(({ name }) => [name, this.#stateOf(name)]));
    const written = this.#writtenBefore(before);
    const result = await this.#reconcile(blocks, written);
    const { states, released } = store.commit(() => {
      this.#forgetRemoved();
      this.#holding.note(result.targets, written);
      return {
        released: this.#release(result.targets.flatMap((target) => target.released)),
        states: result.targets.map((target) => this.#remember(target, before.get(target.name))),
      };
    });
    this.#released.push(...released);
    const retry = findSoonest(states.map((state) => retryAfter(state, clock.now())));
    this.#rest =
      retry === undefined ? undefined : { until: clock.now() + retry, blocks: listNames(blocks) };
    return findSoonest([...result.targets.map(({ retryIn }) => retryIn), retry]);
  }

  /** What is pending is known here, whether or not the database can be told. */
  async #reconcile(
    blocks: readonly Block[],
    written: ReadonlyMap<string, ReadonlySet<number>>,
  ): Promise<Reconciliation> {
    const { reconcile, clock } = this.#options;
    const pending = this.#pending;
    this.#pending = this.#names(); // until we know better
    const result = await reconcile({ blocks, written, pending, now: clock.now() });
    const left = result.targets.filter((target) => target.pending);
    this.#pending = new Set(left.map(({ name }) => name));
    return result;
  }

  #names(): Set<string> {
    return new Set(this.#options.targets.map(({ name }) => name));
  }

  /** What a target did that the configuration does not have any more is no news. */
  #forgetRemoved(): void {
    const { store, configured } = this.#options;
    for (const { name } of store.state.targets()) {
      if (!configured.includes(name)) store.state.forgetTarget(name);
    }
  }

  /**
   * ms that are left of the pause after a failure, while there is nothing new to enforce. Our own attempts change the
   * folder that is watched for changes: without a pause, each would set off the next.
   */
  #restLeft(blocks: readonly Block[]): number | undefined {
    if (this.#rest === undefined || this.#rest.blocks !== listNames(blocks)) return undefined;
    const left = this.#rest.until - this.#options.clock.now();
    return left > 0 && left <= LONGEST_RETRY ? left : undefined;
  }

  #takeEnded(): Pick<Enforced, 'released' | 'expired'> {
    const ended = { released: this.#released, expired: this.#expired };
    this.#released = [];
    this.#expired = [];
    return ended;
  }

  #stateOf(name: string): TargetState | undefined {
    return this.#options.store.state.target(name);
  }

  /** What each file is known to list; nothing for a file that the configuration names since then. */
  #writtenBefore(before: ReadonlyMap<string, TargetState | undefined>): Map<string, Set<number>> {
    const written = this.#options.store.state.enforced();
    for (const { name, file } of this.#options.targets) {
      if (before.get(name)?.file !== file) written.delete(name);
    }
    return written;
  }

  /** Ends blocks whose time is over. Gives the error of a database that cannot be told so for now. */
  #expire(): unknown {
    const { store, clock } = this.#options;
    // Without need no write: what is to be enforced must not wait for a database that is full or locked.
    if (store.blocks.ended(clock.now()).length === 0) return undefined;
    try {
      this.#expired.push(...store.commit(() => this.#end(store.blocks.ended(clock.now()))));
      return undefined;
    } catch (error) {
      if (!store.isPassing(error)) throw error;
      return error;
    }
  }

  #end(blocks: readonly StoredBlock[]): readonly StoredBlock[] {
    const { store, clock, log } = this.#options;
    const newest = store.events.newest();
    for (const { id, key } of blocks) {
      store.blocks.release(id, clock.now(), 'expiry', newest);
      log.info({ block: id, who: key }, 'block is over');
    }
    return blocks;
  }

  #release(blocks: readonly Block[]): Block[] {
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

  /** Up to here everything possible was done, so people can be told what came of it. */
  #noteTried(blocks: readonly Block[]): void {
    const { store } = this.#options;
    const newest = Math.max(0, ...blocks.map(({ id }) => id));
    if (newest > triedBlock(store)) store.state.write('newest block tried', newest);
  }

  #remember(result: TargetResult, before: TargetState | undefined): TargetState {
    const { store, clock, log } = this.#options;
    const { name, file, pending, failure, written } = result;
    const state: TargetState = {
      file,
      pending,
      inexpressible: result.inexpressible.map(
        ({ block, reason }) => `${block.key.type} ${block.key.id}: ${reason}`,
      ),
      ...(failure === undefined
        ? {}
        : { failure: failure.message, failingSince: before?.failingSince ?? clock.now() }),
    };
    if (failure !== undefined)
      log.error(
        { target: name, error: failure.message },
        'block file not in force, will try again',
      );
    else if (before?.failure !== undefined)
      log.info({ target: name }, 'block file is in force again');
    else if (result.changed)
      log.info({ target: name, blocks: written.length }, 'block file written');
    const known = store.state.enforced().get(name);
    const same = known?.size === written.length && written.every((id) => known.has(id));
    if (!same || JSON.stringify(state) !== JSON.stringify(before)) {
      store.state.setEnforced(name, written);
      store.state.setTarget(name, state);
    }
    return state;
  }

  #untilExpiry(): number | undefined {
    const { store, clock } = this.#options;
    const ends = store.blocks.allRunning().flatMap(({ end }) => (end === undefined ? [] : [end]));
    return ends.length === 0 ? undefined : Math.max(0, Math.min(...ends) - clock.now());
  }
}

function retryAfter(
  { failure, pending, failingSince }: TargetState,
  now: number,
): number | undefined {
  return failure === undefined && !pending ? undefined : findRetryPause(failingSince, now);
}

function listNames(blocks: readonly Block[]): string {
  return blocks.map(({ id }) => id).join();
}
