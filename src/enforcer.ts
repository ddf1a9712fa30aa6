/**
 * Makes the MTA's files equal to the running blocks, and remembers what came of it: what the files list, what was
 * deleted by hand, what has to be tried again. Works from the database alone, so it may run in a process of its own.
 */
import type { Log } from './base/log.ts';
import { type Clock, MINUTE, SECOND } from './base/time.ts';
import type { MailQueue, QueueResult } from './enforce/queue.ts';
import { reconcile, type TargetResult } from './enforce/reconcile.ts';
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

export interface EnforcerOptions {
  readonly store: Store;
  readonly targets: readonly BlockTarget[];
  /** holds the queued mail of a new block; undefined: it is left alone */
  readonly queue?: MailQueue | undefined;
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

const FIRST_RETRY = 2 * SECOND;
const LONGEST_RETRY = 5 * MINUTE;

export class Enforcer {
  readonly #options: EnforcerOptions;
  /** nothing is known of what an earlier process did between replacing a file and telling the MTA */
  #isFirst = true;

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
    const expired = this.#expire();
    const blocks = store.blocks.allRunning();
    const before = new Map(targets.map(({ name }) => [name, this.#stateOf(name)]));
    const written = this.#writtenBefore(before);
    const names = targets.map(({ name }) => name);
    const pending = new Set(
      this.#isFirst ? names : names.filter((name) => before.get(name)?.pending),
    );
    this.#isFirst = false;
    const result = await reconcile(targets, { blocks, written, pending, now: clock.now() });
    await this.#holdQueued(result.targets, written, blocks);
    const { states, released } = store.commit(() => ({
      released: this.#release(result.targets.flatMap((target) => target.released)),
      states: result.targets.map((target) => this.#remember(target, before.get(target.name))),
    }));
    const again = soonest([
      ...result.targets.map((target) => target.retryIn),
      ...states.map((state) => retryAfter(state, clock.now())),
      this.#untilExpiry(),
    ]);
    return { released, expired, ...(again === undefined ? {} : { again }) };
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
    return store.commit(() => {
      const ended = store.blocks.ended(clock.now());
      const newest = ended.length === 0 ? 0 : store.events.newest();
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

  /** Before a block counts as in force, what its submitter has in the queue is held, too. */
  async #holdQueued(
    results: readonly TargetResult[],
    written: ReadonlyMap<string, ReadonlySet<number>>,
    blocks: readonly Block[],
  ): Promise<void> {
    const { queue, store } = this.#options;
    if (queue === undefined) return;
    const fresh = new Set<number>();
    for (const { name, written: now } of results) {
      for (const id of now) if (written.get(name)?.has(id) !== true) fresh.add(id);
    }
    for (const { id, key } of blocks) {
      if (!fresh.has(id) || key.type === 'sender') continue;
      const ids = store.state.queueIdsOf({ type: key.type as SubmitterType, id: key.id });
      if (ids.length > 0) this.#sayHeld(id, await queue.act('hold', ids));
    }
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

function soonest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
