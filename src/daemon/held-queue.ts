/**
 * Holds the mail that a newly blocked submitter already has in the queue: when the block is in force, and again some
 * seconds later, because mail that was being accepted just before reaches the queue after that. While the mail server
 * does not use the block file yet, mail is held as it arrives. What an operator has released is not held again.
 * What is still to do is kept in the database, so that it survives a kill. What fails is tried again, and reported by
 * `listUnheld`.
 */
import type { Log } from '../base/log.ts';
import { counted } from '../base/text.ts';
import { type Clock, MINUTE, SECOND } from '../base/time.ts';
import { findRetryPause, findSoonest, LONGEST_RETRY } from '../base/wait.ts';
import { listEffective, type QueueResult } from '../enforce/queue/queue.ts';
import type { MailOwner } from '../enforce/queue/selection.ts';
import type { TargetResult } from '../enforce/target.ts';
import type { Block } from '../model/block.ts';
import type { MailToHold } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import {
  type FindRequest,
  type FindResult,
  findOwner,
  type HeldQueue,
  listKnown,
} from './queue-access.ts';

interface HolderOptions {
  readonly store: Store;
  /** undefined: queued mail is left alone */
  readonly queue?: HeldQueue | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface HoldResult {
  /** number of messages held just now */
  readonly messages: number;
  /** what is left to do for the block, if anything */
  readonly next?: MailToHold;
}

/** How long after a block is in force messages accepted before may still reach the queue. */
const LATE_LINES = 10 * SECOND;
/** How much earlier than a block the log may say that a message of it was held, ms: clocks differ. */
const CLOCK_DIFFERENCE = MINUTE;

const NOTHING: QueueResult = { outcomes: [], refused: [] };
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

  async #hold(block: Block, waiting: MailToHold): Promise<HoldResult> {
    const { store, queue, clock, log } = this.#options;
    if (queue === undefined) return { messages: 0 };
    const owner = findOwner(block);
    const request = { owner, known: listKnown(store, owner) };
    const found = this.#leaveUsers(owner, await queue.find(request));
    const more = this.#selectUnheld(block, waiting, found, request);
    const result = more.length === 0 ? NOTHING : await queue.hold(more);
    const messages = listEffective(result).length;
    if (messages > 0) log.info({ block: block.id, messages }, 'queued mail held');
    const next = { ...waiting, held: listSeen(waiting, found, result), again: true };
    const failure = describeFailure(found, result);
    if (failure !== undefined) return { messages, next: this.#noteFailure(next, failure) };
    const now = clock.now();
    if (waiting.until !== undefined && isOver(waiting.until, now, LATE_LINES)) return { messages };
    const { failure: _failure, failingSince: _since, ...rest } = next;
    return { messages, next: { ...rest, due: waiting.until ?? now + LATE_LINES } };
  }

  /**
   * Without the mail of users, if the block is on a host or an account: it may be a content filter, which hands back
   * the mail of everybody.
   */
  #leaveUsers({ type }: MailOwner, found: FindResult): FindResult {
    if (type !== 'client' && type !== 'uid') return found;
    const ids = found.messages.map(({ queueId }) => queueId);
    const users = this.#options.store.state.findUsers(ids);
    return { ...found, messages: found.messages.filter(({ queueId }) => !users.has(queueId)) };
  }

  /** Messages to hold now. If the queue cannot be listed, those that the log names. */
  #selectUnheld(
    block: Block,
    waiting: MailToHold,
    found: FindResult,
    { known }: FindRequest,
  ): string[] {
    const seen = new Set(waiting.held);
    const ids = found.messages
      .filter(({ held, released }) => !held && !(waiting.again === true && released === true))
      .map(({ queueId }) => queueId);
    const logged = found.failure !== undefined && block.key.type === 'user' ? known : [];
    const all = new Set([...ids, ...logged.map(({ queueId }) => queueId)]);
    const released = waiting.again === true ? this.#listReleased(block) : new Set();
    return [...all].filter((id) => !seen.has(id) && !released.has(id));
  }

  /** Messages that were held since the block began. One of them that is not on hold was released by an operator. */
  #listReleased({ start }: Block): ReadonlySet<string | undefined> {
    const { store } = this.#options;
    const events = store.events.query({ since: start - CLOCK_DIFFERENCE, kinds: ['held'] });
    return new Set([...events].map(({ event }) => event.queueId));
  }

  #noteFailure(waiting: MailToHold, failure: string): MailToHold {
    const { clock, log } = this.#options;
    const { block, failingSince } = waiting;
    log.warn({ block, error: failure }, 'queued mail could not be held, will try again');
    const now = clock.now();
    const due = now + findRetryPause(failingSince, now);
    return { ...waiting, due, failure, failingSince: failingSince ?? now };
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

/** Queue IDs that need no further look: all that was found, but not what is still to be held. */
function listSeen(waiting: MailToHold, found: FindResult, result: QueueResult): string[] {
  const known = new Set(waiting.held);
  const isWhole = found.failure === undefined && found.unread === 0;
  const left = found.messages.filter(({ queueId, held }) => held || known.has(queueId));
  const before = isWhole ? left.map(({ queueId }) => queueId) : [...known];
  return [...new Set([...before, ...listEffective(result)])];
}

/** Why mail of the block may be left unheld; undefined if none is. */
function describeFailure(
  { unread, failure: unlisted }: FindResult,
  { outcomes, failure }: QueueResult,
): string | undefined {
  const reason = failure?.message ?? unlisted?.message;
  if (reason !== undefined) return reason;
  const failed = outcomes.find(({ outcome }) => outcome === 'failed');
  if (failed !== undefined) return failed.text ?? `${failed.queueId} could not be held`;
  const busy = outcomes.filter(({ outcome }) => outcome === 'busy').length;
  if (busy > 0) return `${counted(busy, 'message')} being delivered just now`;
  if (unread > 0) return `no time to look at ${counted(unread, 'message')} of the queue`;
  return undefined;
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
