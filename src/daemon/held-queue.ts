/**
 * Holds the mail that a newly blocked submitter already has in the queue: when the block is in force, and again some
 * seconds later, because the log lines of mail that was accepted just before are read after that. While the mail
 * server does not use the block file yet, mail is held as it arrives. What is still to do is kept in the database, so
 * that it survives a kill. What fails is tried again, and reported by `listUnheld`.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Log } from '../base/log.ts';
import { type Clock, SECOND } from '../base/time.ts';
import { findRetryPause, findSoonest, LONGEST_RETRY } from '../base/wait.ts';
import type { MailQueue, QueueResult } from '../enforce/queue.ts';
import type { TargetResult } from '../enforce/target.ts';
import type { Block } from '../model/block.ts';
import type { SubmitterType } from '../model/event.ts';
import type { MailToHold } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';

interface HolderOptions {
  readonly store: Store;
  /** undefined: queued mail is left alone */
  readonly queue?: Pick<MailQueue, 'act'> | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface HoldResult {
  /** number of messages held just now */
  readonly messages: number;
  /** what is left to do for the block, if anything */
  readonly next?: MailToHold;
}

/** How long after a block is in force the lines of messages accepted before may still be unread. */
const LATE_LINES = 10 * SECOND;

const NOTHING: QueueResult = { ids: [], refused: [] };
const NO_COUNTS: ReadonlyMap<number, number> = new Map();

/** Blocks whose queued mail could not be held so far, with the reason. */
export function listUnheld(store: Store): { readonly block: number; readonly failure: string }[] {
  return readWaiting(store).flatMap(({ block, failure }) =>
    failure === undefined ? [] : [{ block, failure }],
  );
}

/** How many queued messages were held for a block. */
export function countHeld(store: Store, block: number): number {
  return (store.state.read(`held ${block}`) ?? 0) as number;
}

export class QueueHolder {
  readonly #options: HolderOptions;

  constructor(options: HolderOptions) {
    this.#options = options;
  }

  /**
   * Notes the blocks that are now listed for the first time, and which ones the mail server knows. To be called in the
   * transaction that stores what is listed. `listed`: before, by target.
   */
  note(results: readonly TargetResult[], listed: ReadonlyMap<string, ReadonlySet<number>>): void {
    const { store, queue, clock } = this.#options;
    const known = readWaiting(store);
    const before = new Map(known.map((each) => [each.block, each]));
    const waiting = new Map<number, MailToHold>();
    for (const { name, written, pending } of queue === undefined ? [] : results) {
      for (const block of written) {
        const was = before.get(block);
        if (was === undefined && listed.get(name)?.has(block) === true) continue;
        const now = clock.now();
        waiting.set(block, updateWaiting(was ?? { block, held: [], due: 0 }, pending, now));
      }
    }
    this.#save(known, [...waiting.values()]);
  }

  /** Holds what is due for these blocks; returns the ms until there is more to do, if there is. */
  async run(blocks: readonly Block[]): Promise<number | undefined> {
    const { clock } = this.#options;
    const known = readWaiting(this.#options.store);
    const running = new Map(blocks.map((block) => [block.id, block]));
    const left: MailToHold[] = [];
    const counts = new Map<number, number>();
    let failed = false;
    for (const each of known) {
      const block = running.get(each.block);
      if (block === undefined) continue;
      // A command that hangs takes its time: new blocks must not wait for more than one.
      const isTurn: boolean = !failed && isOver(each.due, clock.now(), LONGEST_RETRY);
      const { messages, next }: HoldResult = isTurn
        ? await this.#hold(block, each)
        : { messages: 0, next: each };
      if (messages > 0) counts.set(block.id, messages);
      if (next !== undefined) left.push(next);
      failed ||= isTurn && next?.failure !== undefined;
    }
    this.#save(known, left, counts);
    return findSoonest(left.map(({ due }) => Math.max(0, due - clock.now())));
  }

  async #hold({ key }: Block, waiting: MailToHold): Promise<HoldResult> {
    const { store, queue, clock, log } = this.#options;
    if (queue === undefined || key.type === 'sender') return { messages: 0 };
    const { block, held, until } = waiting;
    const queued = store.state.findQueueIds({ type: key.type as SubmitterType, id: key.id });
    const known = new Set(held);
    const more = queued.filter((id) => !known.has(id));
    const { ids, failure } = more.length === 0 ? NOTHING : await queue.act('hold', more);
    if (failure !== undefined) return this.#noteFailure(waiting, failure.message);
    const now = clock.now();
    const messages = ids.length;
    if (messages > 0) log.info({ block, messages }, 'queued mail held');
    if (until !== undefined && isOver(until, now, LATE_LINES)) return { messages };
    const next = dropUndefined({ block, held: queued, due: until ?? now + LATE_LINES, until });
    return { messages, next };
  }

  #noteFailure(waiting: MailToHold, failure: string): HoldResult {
    const { clock, log } = this.#options;
    const { block, failingSince } = waiting;
    log.warn({ block, error: failure }, 'queued mail could not be held, will try again');
    const now = clock.now();
    const due = now + findRetryPause(failingSince, now);
    const next = { ...waiting, due, failure, failingSince: failingSince ?? now };
    return { messages: 0, next };
  }

  #save(before: readonly MailToHold[], now: readonly MailToHold[], counts = NO_COUNTS): void {
    const { store } = this.#options;
    if (JSON.stringify(now) === JSON.stringify(before)) return;
    store.commit(() => {
      store.state.write('queued mail to hold', now);
      for (const [block, more] of counts) {
        store.state.write(`held ${block}`, countHeld(store, block) + more);
      }
    });
  }
}

function readWaiting(store: Store): readonly MailToHold[] {
  return (store.state.read('queued mail to hold') ?? []) as readonly MailToHold[];
}

/** As soon as the mail server knows the block, its queued mail is due, and the time for late lines begins. */
function updateWaiting(waiting: MailToHold, pending: boolean, now: number): MailToHold {
  const { until, ...rest } = waiting;
  if (pending) return rest;
  if (until !== undefined) return waiting;
  return { ...rest, due: rest.failure === undefined ? now : rest.due, until: now + LATE_LINES };
}

/** Whether a time has come. If it is further away than it can have been set, the clock was set back. */
function isOver(time: number, now: number, furthest: number): boolean {
  return time <= now || time - now > furthest;
}
