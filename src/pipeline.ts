/**
 * The one loop's body: a batch of lines to events, verdicts and blocks, committed in one transaction with the
 * read position. Enforcing and telling come after it, from what the transaction wrote.
 */
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { type Clock, HOUR, SECOND } from './base/time.ts';
import type { CorrelatorState } from './correlate/correlator.ts';
import type { OpenMessage } from './correlate/message.ts';
import { type Decision, decide, type Policy } from './enforce/desired.ts';
import { Interpreter, type InterpreterOptions } from './interpret.ts';
import type { Judge } from './judge/judge.ts';
import type { Verdict } from './model/block.ts';
import type { MailEvent } from './model/event.ts';
import type { Line } from './model/line.ts';
import type { Store } from './store/store.ts';

/** Lines of one source, with the position behind them. */
export interface Batch {
  /** the log as the operator named it */
  readonly path: string;
  readonly lines: readonly Line[];
  readonly position: unknown;
}

/** What a commit changed, for those who act on it. */
export interface Committed {
  readonly events: readonly MailEvent[];
  readonly decisions: readonly Decision[];
}

export interface PipelineOptions {
  readonly store: Store;
  readonly judge: Judge;
  readonly policy: Policy;
  readonly interpreter: Omit<InterpreterOptions, 'store' | 'resuming'>;
  readonly clock: Clock;
  readonly log: Log;
  /** rules whose verdicts are told by mail */
  readonly told: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

const LONGEST_PAUSE = 30 * SECOND;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #interpreter: Interpreter;
  /** why the last commit failed, while it is tried again */
  failure: string | undefined;

  /** Takes up the state that the last commit left. */
  constructor(options: PipelineOptions) {
    const { store } = options;
    this.#options = options;
    this.#interpreter = new Interpreter({
      ...options.interpreter,
      store: { load: (host, queueId) => store.state.loadMessage<OpenMessage>(host, queueId) },
      resuming: store.state.messageCount() > 0,
    });
    const saved = store.state.read('correlator') as CorrelatorState | undefined;
    if (saved?.version === 1) this.#interpreter.correlator.load(saved);
  }

  /** Time of the newest line, ms; 0 before the first. */
  get newest(): number {
    return this.#interpreter.newest;
  }

  /** How often the log said that it lost lines. */
  get losses(): number {
    return this.#interpreter.correlator.losses;
  }

  /**
   * Takes a batch through all stages and commits it. While the commit fails (disk full, database locked) it is
   * tried again with growing pauses: nothing is lost, the log waits. Undefined when told to stop meanwhile.
   */
  async handle(batch: Batch): Promise<Committed | undefined> {
    const { judge, clock, store } = this.#options;
    const envelope = this.#envelope(batch.path);
    envelope.advance(this.#options.clock.now());
    const events: MailEvent[] = [];
    this.#interpreter.feedLines(envelope, batch.lines, events);
    const now = clock.now();
    const verdicts: Verdict[] = [];
    for (const event of events) {
      for (const verdict of judge.feed(event, now)) verdicts.push(verdict);
    }
    const messages = this.#interpreter.correlator.takeChanges();
    const correlator = this.#interpreter.correlator.save();
    return await this.#persist(() => {
      store.events.insert(events);
      const decisions = this.#decide(verdicts, now);
      store.state.saveMessages(messages.changed, messages.closed);
      store.state.write('correlator', correlator);
      store.state.write(`envelope ${batch.path}`, envelope.save());
      store.state.savePosition(batch.path, batch.position);
      return { events, decisions };
    });
  }

  #envelope(path: string) {
    const known = this.#interpreter.envelope(path, this.#options.clock.now());
    if (!this.#opened.has(path)) {
      this.#opened.add(path);
      const saved = this.#options.store.state.read(`envelope ${path}`);
      if (saved !== undefined) known.load(saved);
    }
    return known;
  }
  readonly #opened = new Set<string>();

  /** Verdicts to blocks, and what is to be told; inside the transaction. */
  #decide(verdicts: readonly Verdict[], now: number): readonly Decision[] {
    if (verdicts.length === 0) return [];
    const { store, policy } = this.#options;
    const running = store.blocks.allRunning();
    const recentStarts = store.blocks.ruleStartsSince(now - HOUR);
    const decisions = decide(verdicts, { running, recentStarts, now }, policy);
    const newest = store.events.newest();
    for (const decision of decisions) this.#record(decision, newest, now);
    return decisions;
  }

  #record({ verdict, outcome, block }: Decision, newest: number, now: number): void {
    const { store, told } = this.#options;
    const id = store.verdicts.insert(verdict, outcome, newest);
    if (block !== undefined) {
      const started = store.blocks.start({ ...block, verdict: id });
      if (started !== undefined && told.has(verdict.rule)) {
        store.outbox.tell('verdict', { verdict: id, block: started.id }, now);
      }
      return;
    }
    if (outcome === 'capped') store.outbox.tell('capped', { verdict: id }, now);
    else if ((outcome === 'mode-observe' || outcome === 'observed') && told.has(verdict.rule)) {
      store.outbox.tell('verdict', { verdict: id }, now);
    }
  }

  async #persist<T>(work: () => T): Promise<T | undefined> {
    const { store, log, signal } = this.#options;
    for (let pause = SECOND; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const result = store.commit(work);
        if (this.failure !== undefined) log.info({}, 'the database takes writes again');
        this.failure = undefined;
        return result;
      } catch (error) {
        if (!store.isPassing(error)) throw error;
        this.failure = messageOf(error);
        log.error(
          { error: this.failure, again: pause },
          'cannot write to the database, will try again',
        );
        await sleep(pause, signal);
        if (signal?.aborted === true) return undefined;
      }
    }
  }
}

/** Waits `ms`, or until told to stop. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
