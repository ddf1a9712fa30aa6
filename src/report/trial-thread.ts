/**
 * Judging in a thread of its own, beside the one that reads the log: of a replay, judging takes two fifths of the time.
 * The events go one way, packed (judge/event-batch.ts), and the findings come back at the end.
 */
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BatchPacker } from '../judge/batch-packer.ts';
import type { CountedEvent } from '../judge/counted-event.ts';
import type { EventBatch } from '../judge/event-batch.ts';
import { type FromThread, TAKEN, type ToThread } from './trial-messages.ts';
import type { Findings, TrialTask } from './trials.ts';

/** The file beside this one: a source, or one of the bundle (scripts/build.mjs). */
const WORKER = join(import.meta.dirname, `trial-worker${extname(import.meta.filename)}`);
/**
 * Batches on their way: with more of them, whoever reads the log waits. Some 200 KB each. More than wait for the decision
 * to begin a thread (judging.ts), so that nobody waits for its beginning.
 */
const MOST_AHEAD = 64;

export class TrialThread {
  readonly #worker: Worker;
  readonly #packer = new BatchPacker();
  readonly #findings: Promise<Findings>;
  #ahead = 0;

  constructor(task: TrialTask) {
    this.#worker = new Worker(WORKER, { workerData: task });
    this.#findings = this.#listen();
    // Whoever waits next learns of a failure.
    this.#findings.catch(() => {});
  }

  /** Hands over events. Waits while too many are on their way. Throws what made the thread fail. */
  async feed(events: readonly CountedEvent[]): Promise<void> {
    for (const event of events) {
      this.#packer.add(event);
      if (!this.#packer.isFull) continue;
      this.#post(this.#packer.take());
      while (this.#ahead >= MOST_AHEAD) await this.#hear();
    }
  }

  /** No more events come. Resolves to what the thread has found out; rejects with what made it fail. */
  async end(): Promise<Findings> {
    if (!this.#packer.isEmpty) this.#post(this.#packer.take());
    this.#say(undefined);
    return await this.#findings;
  }

  /** Ends the thread, whatever it is doing. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Waits for the next message, or throws what made the thread fail. */
  async #hear(): Promise<void> {
    await Promise.race([once(this.#worker, 'message'), this.#findings]);
  }

  #listen(): Promise<Findings> {
    return new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromThread) => {
        if (message === TAKEN) this.#ahead--;
        else resolve(message);
      });
      this.#worker.once('error', reject);
      this.#worker.once('exit', () => reject(new Error('the thread that judges ended too early')));
    });
  }

  #post(batch: EventBatch): void {
    this.#ahead++;
    this.#say(batch);
  }

  #say(message: ToThread): void {
    const buffers = message === undefined ? [] : [message.numbers.buffer, message.marks.buffer];
    this.#worker.postMessage(message, buffers as ArrayBuffer[]);
  }
}
