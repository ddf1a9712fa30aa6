/**
 * Reads all logs through the pipeline, one batch at a time. Each batch is committed before the next one is read, unless
 * there is more to read already: then several small ones are committed together.
 */
import { dropUndefined } from '../base/defined.ts';
import type { Decision } from '../enforce/decide.ts';
import type { FollowedBatch, FollowedLog } from '../follow/followed-log.ts';
import type { MailEvent } from '../model/event.ts';
import type { LogHealth } from '../store/saved-state.ts';
import type { Committed, Pipeline } from './pipeline.ts';

/** Bytes that one read takes: what becomes of them is packed for the store before the next read. */
export const READ_SIZE = 65_536;
/** Bytes of log that one commit has at most while more is to be read: each commit waits for the disk. */
const MOST_WAITING = 4 * 1_048_576;
/** Nothing waits longer than this for its commit, ms; what is left in the log may be no whole line. */
const LONGEST_WAIT = 100;

export class LogReader {
  readonly #pipeline: Pipeline;
  readonly #followers: readonly FollowedLog[];
  readonly #onCommitted: (committed: Committed) => Promise<void> | undefined;
  /** ends when the batch before is stored */
  #turn: Promise<unknown> = Promise.resolve();
  /** batches that are read and not yet stored */
  #underWay = 0;
  #commitLater: NodeJS.Timeout | undefined;
  /** ends the loops with the error of a commit that no batch waits for */
  #fail: (error: unknown) => void = () => {};

  /** `onCommitted` is called after the commit of each batch; the next batch waits for it. */
  constructor(
    pipeline: Pipeline,
    followers: readonly FollowedLog[],
    onCommitted: (committed: Committed) => Promise<void> | undefined,
  ) {
    this.#pipeline = pipeline;
    this.#followers = followers;
    this.#onCommitted = onCommitted;
  }

  /** A loop for each log, and one that ends with them; each ends when its follower is aborted. */
  start(): Promise<void>[] {
    const failure = new Promise<void>((_, reject) => {
      this.#fail = reject;
    });
    const loops = this.#followers.map((follower) => this.#follow(follower));
    return [...loops, Promise.race([failure, Promise.all(loops).then(() => {})])];
  }

  /** Counts events that no log holds, between two batches. False if aborted before the commit. */
  async add(events: readonly MailEvent[]): Promise<boolean> {
    return this.#inTurn(() => this.#finish(this.#pipeline.add(events)));
  }

  /** Commits what other servers decided, between two batches. False if aborted before the commit. */
  async decide(decide: (now: number) => readonly Decision[]): Promise<boolean> {
    return this.#inTurn(
      async () =>
        (await this.#commitWaiting()) && (await this.#finish(this.#pipeline.decide(decide))),
    );
  }

  /** Whether everything that was in the logs a moment ago is in the database. */
  isCaughtUp(): boolean {
    if (this.#underWay > 0 || this.#pipeline.waiting > 0) return false;
    return this.#followers.every((follower) => {
      const { reading, present, behind } = follower.status();
      return reading === undefined ? !present : behind === 0;
    });
  }

  health(): LogHealth[] {
    return this.#followers.map((follower) => {
      const { path, failure, present } = follower.status();
      return dropUndefined({ path, failure, missing: present ? undefined : (true as const) });
    });
  }

  async #follow(follower: FollowedLog): Promise<void> {
    for await (const batch of follower) {
      // One batch at a time over all logs: each commit contains the whole state that its lines have led to.
      this.#underWay++;
      if (!(await this.#inTurn(() => this.#handle(follower, batch)))) return;
      this.#underWay--;
    }
    await this.#inTurn(() => this.#commitWaiting());
  }

  /** Does the work after all that is under way, and before what comes later. Gives what it gives. */
  async #inTurn(work: () => Promise<boolean>): Promise<boolean> {
    const done = this.#turn.then(work);
    this.#turn = done;
    return await done;
  }

  /** False if aborted before the commit. */
  async #handle(follower: FollowedLog, { lines, position }: FollowedBatch): Promise<boolean> {
    const { path, behind } = follower.status();
    this.#pipeline.take({ path, lines, position });
    const mayWait = behind >= READ_SIZE && lines.length > 0;
    if (!mayWait || this.#pipeline.waiting >= MOST_WAITING) return this.#commit();
    this.#commitLater ??= setTimeout(() => {
      this.#commitLater = undefined;
      this.#inTurn(() => this.#commitWaiting()).catch(this.#fail);
    }, LONGEST_WAIT);
    return true;
  }

  /** Commits what waits, if there is anything. False if aborted before the commit. */
  async #commitWaiting(): Promise<boolean> {
    return this.#pipeline.waiting === 0 || (await this.#commit());
  }

  async #commit(): Promise<boolean> {
    clearTimeout(this.#commitLater);
    this.#commitLater = undefined;
    return this.#finish(this.#pipeline.commit());
  }

  async #finish(committing: Promise<Committed | undefined>): Promise<boolean> {
    const committed = await committing;
    if (committed === undefined) return false;
    await this.#onCommitted(committed);
    return true;
  }
}
