/**
 * Holds what a newly blocked submitter has in the queue already: when the block is in force, and once more some seconds
 * later, because the lines of what was accepted just before are read after that. While the mail server does not use the
 * block file yet, whatever comes is held. What is still to be done is kept in the database, so that it survives a kill;
 * what fails is tried again, and told by `unheld`.
 */
import type { Log } from '../base/log.ts';
import { type Clock, SECOND } from '../base/time.ts';
import { findRetryPause, findSoonest, LONGEST_RETRY } from '../base/wait.ts';
import type { MailQueue, QueueResult } from '../enforce/queue.ts';
import type { TargetResult } from '../enforce/reconcile.ts';
import type { Block } from '../model/block.ts';
import type { SubmitterType } from '../model/event.ts';
import type { MailToHold as Waiting } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';

interface HoldingOptions {
  readonly store: Store;
  /** undefined: queued mail is left alone */
  readonly queue?: Pick<MailQueue, 'act'> | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Held {
  /** so many just now */
  readonly messages: number;
  /** what is left to do for the block, if anything */
  readonly next?: Waiting;
}

/** Within this time after a block is in force the line of every message accepted before it has been read. */
const LATE_LINES = 10 * SECOND;

const NOTHING: QueueResult = { ids: [], refused: [] };
const NO_COUNTS: ReadonlyMap<number, number> = new Map();

/** Blocks whose queued mail could not be held so far, with the reason. */
export function unheld(store: Store): { readonly block: number; readonly failure: string }[] {
  return waitingIn(store).flatMap(({ block, failure }) =>
    failure === undefined ? [] : [{ block, failure }],
  );
}

/** How many queued messages were held for a block. */
export function heldFor(store: Store, block: number): number {
  return store.state.read(`held ${block}`) ?? 0;
}

export class Holding {
  readonly #options: HoldingOptions;

  constructor(options: HoldingOptions) {
    this.#options = options;
  }

  /**
   * Takes note of the blocks that are listed since now, and of which ones the mail server knows. To be called in the
   * transaction that stores what is listed. `listed`: before, by target.
   */
  note(results: readonly TargetResult[], listed: ReadonlyMap<string, ReadonlySet<number>>): void {
    const { store, queue, clock } = this.#options;
    const known = waitingIn(store);
    const before = new Map(known.map((each) => [each.block, each]));
    const waiting = new Map<number, Waiting>();
    for (const { name, written, pending } of queue === undefined ? [] : results) {
      for (const block of written) {
        const was = before.get(block);
        if (was === undefined && listed.get(name)?.has(block) === true) continue;
        waiting.set(block, noted(was ?? { block, held: [], due: 0 }, pending, clock.now()));
      }
    }
    this.#save(known, [...waiting.values()]);
  }

  /** Holds what is due for these blocks; gives the ms until there is more to do, if there is. */
  async run(blocks: readonly Block[]): Promise<number | undefined> {
    const { clock } = this.#options;
    const known = waitingIn(this.#options.store);
    const running = new Map(blocks.map((block) => [block.id, block]));
    const left: Waiting[] = [];
    const counts = new Map<number, number>();
    let failed = false;
    for (const each of known) {
      const block = running.get(each.block);
      if (block === undefined) continue;
      // A command that hangs takes its time: new blocks must not wait for more than one.
      const isTurn: boolean = !failed && isOver(each.due, clock.now(), LONGEST_RETRY);
      const { messages, next }: Held = isTurn
        ? await this.#hold(block, each)
        : { messages: 0, next: each };
      if (messages > 0) counts.set(block.id, messages);
      if (next !== undefined) left.push(next);
      failed ||= isTurn && next?.failure !== undefined;
    }
    this.#save(known, left, counts);
    return findSoonest(left.map(({ due }) => Math.max(0, due - clock.now())));
  }

  async #hold({ key }: Block, waiting: Waiting): Promise<Held> {
    const { store, queue, clock, log } = this.#options;
    if (queue === undefined || key.type === 'sender') return { messages: 0 };
    const { block, held, until, failingSince } = waiting;
    const queued = store.state.findQueueIds({ type: key.type as SubmitterType, id: key.id });
    const more = without(queued, held);
    const { ids, failure } = more.length === 0 ? NOTHING : await queue.act('hold', more);
    const now = clock.now();
    if (failure !== undefined) {
      const error = failure.message;
      log.warn({ block, error }, 'queued mail could not be held, will try again');
      const due = now + findRetryPause(failingSince, now);
      const next = { ...waiting, due, failure: error, failingSince: failingSince ?? now };
      return { messages: 0, next };
    }
    const messages = ids.length;
    if (messages > 0) log.info({ block, messages }, 'queued mail held');
    if (until !== undefined && isOver(until, now, LATE_LINES)) return { messages };
    const next = { block, held: queued, due: until ?? now + LATE_LINES };
    return { messages, next: until === undefined ? next : { ...next, until } };
  }

  #save(before: readonly Waiting[], now: readonly Waiting[], counts = NO_COUNTS): void {
    const { store } = this.#options;
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    store.commit(() => {
      store.state.write('queued mail to hold', now);
      for (const [block, more] of counts) {
        store.state.write(`held ${block}`, heldFor(store, block) + more);
      }
    });
  }
}

function waitingIn(store: Store): readonly Waiting[] {
  return store.state.read('queued mail to hold') ?? [];
}

/** With the end of its time, once the mail server knows it; it is looked at then. */
function noted(waiting: Waiting, pending: boolean, now: number): Waiting {
  const { until, ...rest } = waiting;
  if (pending) return rest;
  if (until !== undefined) return waiting;
  return { ...rest, due: rest.failure === undefined ? now : rest.due, until: now + LATE_LINES };
}

function without(ids: readonly string[], known: readonly string[]): string[] {
  const before = new Set(known);
  return ids.filter((id) => !before.has(id));
}

/** Whether a time has come; one further away than it can have been set says that the clock was set back. */
function isOver(time: number, now: number, furthest: number): boolean {
  return time <= now || time - now > furthest;
}
