/** Reads all logs through the pipeline, one batch at a time. */
import { dropUndefined } from '../base/defined.ts';
import type { Decision } from '../enforce/decide.ts';
import type { FollowedBatch, FollowedLog } from '../follow/followed-log.ts';
import type { MailEvent } from '../model/event.ts';
import type { LogHealth } from '../store/saved-state.ts';
import type { Committed, Pipeline } from './pipeline.ts';

export class LogReader {
  readonly #pipeline: Pipeline;
  readonly #followers: readonly FollowedLog[];
  readonly #onCommitted: (committed: Committed) => Promise<void> | undefined;
  /** ends when the batch before is stored */
  #turn: Promise<unknown> = Promise.resolve();
  /** batches that are read and not yet stored */
  #underWay = 0;

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

  /** One loop for each log; each ends when its follower is aborted. */
  start(): Promise<void>[] {
    return this.#followers.map((follower) => this.#follow(follower));
  }

  /** Counts events that no log holds, between two batches. False if aborted before the commit. */
  async add(events: readonly MailEvent[]): Promise<boolean> {
    const done = this.#turn.then(() => this.#finish(this.#pipeline.add(events)));
    this.#turn = done;
    return await done;
  }

  /** Commits what other servers decided, between two batches. False if aborted before the commit. */
  async decide(decide: (now: number) => readonly Decision[]): Promise<boolean> {
    const done = this.#turn.then(() => this.#finish(this.#pipeline.decide(decide)));
    this.#turn = done;
    return await done;
  }

  /** Whether everything that was in the logs a moment ago is in the database. */
  isCaughtUp(): boolean {
    if (this.#underWay > 0) return false;
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
      const done = this.#turn.then(() => this.#handle(follower, batch));
      this.#turn = done;
      if (!(await done)) return;
      this.#underWay--;
    }
  }

  /** False if aborted before the commit. */
  async #handle(follower: FollowedLog, { lines, position }: FollowedBatch): Promise<boolean> {
    const { path } = follower.status();
    return this.#finish(this.#pipeline.handle({ path, lines, position }));
  }

  async #finish(committing: Promise<Committed | undefined>): Promise<boolean> {
    const committed = await committing;
    if (committed === undefined) return false;
    await this.#onCommitted(committed);
    return true;
  }
}
