/**
 * Makes the MTA's files equal to the running blocks, and remembers what came of it: what the files list, what was
 * deleted by hand, what has to be tried again. Works from the database alone, so it may run in a process of its own.
 */
import type { Log } from './base/log.ts';
import { type Clock, MINUTE, SECOND } from './base/time.ts';
import type { MailQueue, QueueResult } from './enforce/queue.ts';
import type { ReconcileRequest, Reconciliation, TargetResult } from './enforce/reconcile.ts';
import type { BlockTarget } from './enforce/target.ts';
import type { Block } from './model/block.ts';
import type { SubmitterType } from './model/event.ts';
import type { StoredBlock } from './store/blocks.ts';
import type { Store } from './store/store.ts';

/** What is remembered of a target between two runs. */
export interface TargetState {
  readonly file: string;
  /** the file is right, the MTA does not use it yet */
  readonly pending: boolean;
  readonly failure?: string;
  /** since when it fails, ms */
  readonly failingSince?: number;
  /** identities that the file cannot hold, with the reason */
  readonly inexpressible: readonly string[];
}

/** What touches the MTA: in this process, or by asking the one that has the right to (src/step.ts). */
export interface Hands {
  readonly targets: readonly Pick<BlockTarget, 'name' | 'file'>[];
  /** never throws for what the environment does, see src/enforce/reconcile.ts */
  reconcile(request: ReconcileRequest): Promise<Reconciliation>;
  /** holds the queued mail of a new block; undefined: it is left alone */
  readonly queue?: Pick<MailQueue, 'act'> | undefined;
}

export interface EnforcerOptions extends Hands {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one run did. */
export interface Enforced {
  /** blocks that an operator ended by deleting the line */
  readonly released: readonly Block[];
  /** blocks whose time was over */
  readonly expired: readonly StoredBlock[];
  /** ms after which to run again though nothing changed; undefined: not before the next change */
  readonly again?: number;
}

/** Names of what is kept in the store's state. */
const TO_HOLD = 'blocks to hold mail of';
const TRIED = 'newest block tried';

/** Number of the newest block that a run has tried to bring into force, 0 before the first. */
export function triedBlock(store: Store): number {
  return (store.state.read(TRIED) ?? 0) as number;
}

const FIRST_RETRY = 2 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;

export class Enforcer {
  readonly #options: EnforcerOptions;
  /** nothing is known of what an earlier process did between replacing a file and telling the MTA */
  #isFirst = true;
  /** blocks whose time was over, until a run comes to its end and tells them */
  #ended: StoredBlock[] = [];
  /** after a failure: until when to leave it (ms), and what was to be enforced */
  #rest: { readonly until: number; readonly blocks: string } | undefined;

  constructor(options: EnforcerOptions) {
    this.#options = options;
  }

  /** Files to watch: a line deleted by hand in one of them is an unblock. */
  get files(): readonly string[] {
    return this.#options.targets.map((target) => target.file);
  }

  /** One run over all targets. Failures of the environment are remembered and tried again, never thrown. */
  async run(): Promise<Enforced> {
    const { store, targets, clock } = this.#options;
    this.#ended.push(...this.#expire());
    const blocks = store.blocks.allRunning();
    const rest = this.#restLeft(blocks);
    if (rest !== undefined) return { released: [], expired: this.#takeEnded(), again: rest };
    const before = new Map(targets.map(({ name }) => [name, this.#stateOf(name)]));
    const written = this.#writtenBefore(before);
    const names = targets.map(({ name }) => name);
    const pending = new Set(
      this.#isFirst ? names : names.filter((name) => before.get(name)?.pending),
    );
    this.#isFirst = false;
    const now = clock.now();
    const result = await this.#options.reconcile({ blocks, written, pending, now });
    const { states, released } = store.commit(() => {
      this.#noteFresh(result.targets, written);
      return {
        released: this.#release(result.targets.flatMap((target) => target.released)),
        states: result.targets.map((target) => this.#remember(target, before.get(target.name))),
      };
    });
    await this.#holdQueued(blocks);
    this.#noteTried(blocks);
    const retry = soonest(states.map((state) => retryAfter(state, clock.now())));
    this.#rest =
      retry === undefined ? undefined : { until: clock.now() + retry, blocks: namesOf(blocks) };
    const inEditing = result.targets.map((target) => target.retryIn);
    const again = soonest([...inEditing, retry, this.#untilExpiry()]);
    const expired = this.#takeEnded();
    return { released, expired, ...(again === undefined ? {} : { again }) };
  }

  /**
   * ms that are left of the pause after a failure, while there is nothing new to enforce. Our own attempts change the
   * folder that is watched for changes: without a pause, each would set off the next.
   */
  #restLeft(blocks: readonly Block[]): number | undefined {
    if (this.#rest === undefined || this.#rest.blocks !== namesOf(blocks)) return undefined;
    const left = this.#rest.until - this.#options.clock.now();
    return left > 0 && left <= LONGEST_RETRY ? left : undefined;
  }

  #takeEnded(): StoredBlock[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  #stateOf(name: string): TargetState | undefined {
    return this.#options.store.state.target(name) as TargetState | undefined;
  }

  /** What each file is known to list; nothing for a file that the configuration names since then. */
  #writtenBefore(before: ReadonlyMap<string, TargetState | undefined>): Map<string, Set<number>> {
    const written = this.#options.store.state.enforced();
    for (const { name, file } of this.#options.targets) {
      if (before.get(name)?.file !== file) written.delete(name);
    }
    return written;
  }

  #expire(): StoredBlock[] {
    const { store, clock, log } = this.#options;
    // Without need no write: what is to be enforced must not wait for a database that is full or locked.
    if (store.blocks.ended(clock.now()).length === 0) return [];
    return store.commit(() => {
      const ended = store.blocks.ended(clock.now());
      const newest = store.events.newest();
      for (const block of ended) {
        store.blocks.release(block.id, clock.now(), 'expiry', newest);
        log.info({ block: block.id, who: block.key }, 'block is over');
      }
      return ended;
    });
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

  /** Blocks that are listed since now: what they have in the queue is to be held, after a kill as well. */
  #noteFresh(
    results: readonly TargetResult[],
    written: ReadonlyMap<string, ReadonlySet<number>>,
  ): void {
    const { queue, store } = this.#options;
    if (queue === undefined) return;
    const fresh = new Set(this.#toHold());
    const before = fresh.size;
    for (const { name, written: now } of results) {
      for (const id of now) if (written.get(name)?.has(id) !== true) fresh.add(id);
    }
    if (fresh.size > before) store.state.write(TO_HOLD, [...fresh]);
  }

  #toHold(): readonly number[] {
    return (this.#options.store.state.read(TO_HOLD) ?? []) as readonly number[];
  }

  async #holdQueued(blocks: readonly Block[]): Promise<void> {
    const { queue, store } = this.#options;
    const waiting = this.#toHold();
    if (queue === undefined || waiting.length === 0) return;
    for (const { id, key } of blocks) {
      if (!waiting.includes(id) || key.type === 'sender') continue;
      const ids = store.state.queueIdsOf({ type: key.type as SubmitterType, id: key.id });
      if (ids.length > 0) this.#sayHeld(id, await queue.act('hold', ids));
    }
    store.state.write(TO_HOLD, []);
  }

  /** Up to here everything possible was done, so people can be told what came of it. */
  #noteTried(blocks: readonly Block[]): void {
    const { store } = this.#options;
    const newest = Math.max(0, ...blocks.map(({ id }) => id));
    if (newest > triedBlock(store)) store.state.write(TRIED, newest);
  }

  #sayHeld(block: number, result: QueueResult): void {
    const { log, store } = this.#options;
    store.state.write(`held ${block}`, result.failure === undefined ? result.ids.length : 0);
    if (result.failure === undefined)
      log.info({ block, messages: result.ids.length }, 'queued mail held');
    else log.warn({ block, error: result.failure.message }, 'queued mail could not be held');
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

/** As long again as it has been failing, so that the pauses double whatever else woke us meanwhile. */
function retryAfter(
  { failure, pending, failingSince }: TargetState,
  now: number,
): number | undefined {
  if (failure === undefined && !pending) return undefined;
  return Math.min(LONGEST_RETRY, Math.max(FIRST_RETRY, now - (failingSince ?? now)));
}

function namesOf(blocks: readonly Block[]): string {
  return blocks.map(({ id }) => id).join();
}

function soonest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
