/**
 * Judges the events of a replay: here, or in a second thread when there are many. That takes 0.2 s of processor time to
 * begin and to become fast, so it does not pay for a short log.
 */
import { availableParallelism } from 'node:os';
import type { CountedEvent } from '../judge/counted-event.ts';
import { BATCH } from '../judge/event-batch.ts';
import { TrialThread } from './trial-thread.ts';
import { type Findings, Trials, type TrialTask } from './trials.ts';

/** Bytes of a log with which a thread pays. */
export const LONG_LOG = 32 * 1024 * 1024;
/** Events of some 100,000 lines. */
const FEW = 32 * BATCH;

export class Judging {
  readonly #task: TrialTask;
  readonly #few: number;
  /** the first events, until it is known whether there are more than a few */
  #first: CountedEvent[] = [];
  /** a machine with one processor judges here, however many events there are */
  readonly #here: Trials | undefined;
  #thread: TrialThread | undefined;

  /** `few`: up to so many events do without a thread. 0: it is known that there are many. */
  constructor(task: TrialTask, few = FEW, processors = availableParallelism()) {
    this.#task = task;
    this.#few = few;
    this.#here = processors > 1 ? undefined : new Trials(task);
  }

  /** Takes the next events. Waits when the thread is far behind; throws what made it fail. */
  async feed(events: readonly CountedEvent[]): Promise<void> {
    if (this.#here !== undefined) {
      feedAll(this.#here, events);
    } else if (this.#thread !== undefined) {
      await this.#thread.feed(events);
    } else {
      for (const event of events) this.#first.push(event);
      if (this.#first.length > this.#few) await this.#startThread();
    }
  }

  /** What was found out, once there are no more events. Throws what made the thread fail. */
  async end(): Promise<Findings> {
    if (this.#thread !== undefined) return await this.#thread.end();
    const trials = this.#here ?? new Trials(this.#task);
    feedAll(trials, this.#first);
    return trials.findings;
  }

  /** Call it in any case, also when something has failed: a thread keeps the process running. */
  async stop(): Promise<void> {
    await this.#thread?.stop();
  }

  async #startThread(): Promise<void> {
    this.#thread = new TrialThread(this.#task);
    const first = this.#first;
    this.#first = [];
    await this.#thread.feed(first);
  }
}

function feedAll(trials: Trials, events: readonly CountedEvent[]): void {
  for (const event of events) trials.feed(event);
}
