/**
 * The one loop's body: a batch of lines to events, verdicts and blocks, committed in one transaction with the
 * read position. Enforcing and telling come after it, from what the transaction wrote.
 */

import { getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MemorySaver } from '../base/memory-saver.ts';
import { type Clock, DAY, HOUR, SECOND } from '../base/time.ts';
import type { OpenMessage } from '../correlate/message.ts';
import { type BlockPolicy, type Decision, decide } from '../enforce/decide.ts';
import { Interpreter, type InterpreterOptions } from '../interpret/interpreter.ts';
import type { Judge } from '../judge/judge.ts';
import type { Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Line } from '../model/line.ts';
import { type OutageChange, withoutTakenBack } from '../model/outage.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { saveOutages } from '../store/outages.ts';
import type { NoticeKind } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { WITHOUT_BLOCK } from './assemble.ts';

/** Lines of one source, with the position behind them. */
interface Batch {
  /** the log as the operator named it */
  readonly path: string;
  readonly lines: readonly Line[];
  readonly position: unknown;
}

/** What a commit changed, for those who act on it. */
interface Committed {
  readonly events: readonly MailEvent[];
  readonly decisions: readonly Decision[];
  /** provider outages that began or ended */
  readonly outageChanges: readonly OutageChange[];
}

interface PipelineOptions {
  readonly store: Store;
  readonly judge: Judge;
  readonly policy: BlockPolicy;
  readonly interpreter: Omit<InterpreterOptions, 'store' | 'resuming'>;
  readonly clock: Clock;
  readonly log: Log;
  /** rules whose verdicts are told by mail; absent: nobody is told of anything */
  readonly told?: ReadonlySet<string>;
  readonly signal?: AbortSignal;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30 * SECOND;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #interpreter: Interpreter;
  readonly #thrift = new MemorySaver();
  #failing = false;

  /** Takes up the state that the last commit left. */
  constructor(options: PipelineOptions) {
    const { store } = options;
    this.#options = options;
    this.#interpreter = new Interpreter({
      ...options.interpreter,
      store: {
        load: (host, queueId) => store.state.loadMessage<OpenMessage>(host, queueId),
        recent: (age, most) => store.state.recentMessages(age, most),
      },
      resuming: store.state.messageCount() > 0,
    });
    this.#interpreter.correlator.load((name) => store.state.read(`correlator ${name}`));
  }

  /** Time of the newest line, ms; 0 before the first. */
  get newest(): number {
    return this.#interpreter.newest;
  }

  /** Whether the last commit failed and is tried again. */
  get isFailing(): boolean {
    return this.#failing;
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
    this.#thrift.look();
    const events: MailEvent[] = [];
    this.#interpreter.feedLines(envelope, batch.lines, events);
    const now = clock.now();
    const verdicts: Verdict[] = [];
    for (const event of events) {
      for (const verdict of judge.feed(event, now)) verdicts.push(verdict);
    }
    const outageChanges = judge.takeOutageChanges();
    const standing = withoutTakenBack(verdicts, outageChanges);
    const messages = this.#interpreter.correlator.takeChanges();
    const parts = this.#interpreter.correlator.takeParts();
    const committed = await this.#persist(() => {
      store.events.insert(events);
      if (outageChanges.length > 0) this.#endBlocks(outageChanges, now);
      const decisions = this.#decide(standing, now);
      store.state.saveMessages(messages.changed, messages.closed);
      for (const [name, value] of parts) store.state.write(`correlator ${name}`, value);
      store.state.write(`envelope ${batch.path}`, envelope.save());
      store.state.savePosition(batch.path, batch.position);
      this.#noteTaken(batch.lines, now);
      return { events, decisions, outageChanges };
    });
    for (const decision of committed?.decisions ?? []) this.#hold(decision);
    return committed;
  }

  /** What the judge could not know: whether its verdict shut anybody out, and until when. As after a restart. */
  #hold({ verdict, outcome, block }: Decision): void {
    const { judge } = this.#options;
    if (WITHOUT_BLOCK.has(outcome)) judge.hold(verdict.key, verdict.time + HOUR);
    else if (block !== undefined) judge.hold(block.key, block.end);
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

  /** Ends the blocks that rested on a provider outage, and puts a notice into the outbox; inside the transaction. */
  #endBlocks(changes: readonly OutageChange[], now: number): void {
    const { store } = this.#options;
    const newest = store.events.newest();
    for (const change of changes) {
      if (change.change === 'ended') continue;
      for (const verdict of change.takenBack) {
        const block = findBlock(store, verdict);
        if (block !== undefined) store.blocks.release(block.id, now, 'guard', newest);
      }
      if (now - change.outage.began < DAY) this.#tell('suspect', change.outage, now);
    }
    saveOutages(store, changes, now);
  }

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
    const isTold = told?.has(verdict.rule) === true;
    const id = store.verdicts.insert(verdict, outcome, newest);
    if (block !== undefined) {
      const started = store.blocks.start({ ...block, verdict: id });
      if (started !== undefined && isTold) {
        this.#tell('verdict', { verdict: id, block: started.id }, now);
      }
      return;
    }
    if (outcome === 'capped') this.#tell('capped', { verdict: id }, now);
    else if ((outcome === 'mode-observe' || outcome === 'observed') && isTold) {
      this.#tell('verdict', { verdict: id }, now);
    }
  }

  /** Without anybody to tell, notices would only pile up. */
  #tell(kind: NoticeKind, about: unknown, now: number): void {
    const { store, told } = this.#options;
    if (told !== undefined) store.outbox.tell(kind, about, now);
  }

  /**
   * A mail whose sending was cut short is known to be with the mail server when the log tells its Message-ID: nobody
   * outside knows that random name before. So a process that was killed just then does not announce a block again.
   */
  #noteTaken(lines: readonly Line[], now: number): void {
    const { outbox } = this.#options.store;
    for (const messageId of outbox.unclear()) {
      const name = messageId.slice(1, messageId.indexOf('@'));
      if (!lines.some(({ bytes }) => bytes.includes(name))) continue;
      if (outbox.taken(messageId, now)) {
        this.#options.log.info({ messageId }, 'notice is with the mail server, as its log tells');
      }
    }
  }

  /** `work` reads nothing but the store and what was computed before, so that it can run again. */
  async #persist<T>(work: () => T): Promise<T | undefined> {
    const { store, signal } = this.#options;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        const result = store.commit(work);
        if (this.#failing) this.#recovered();
        return result;
      } catch (error) {
        if (!store.isPassing(error)) throw error;
        this.#failed(getMessage(error), pause);
        await sleep(pause, signal);
        if (signal?.aborted === true) return undefined;
      }
    }
  }

  #failed(error: string, pause: number): void {
    const { store, log, clock } = this.#options;
    log.error({ error, again: pause }, 'cannot write to the database, will try again');
    const since = store.beside.read().failing?.since;
    const failing = { error, since: this.#failing ? (since ?? clock.now()) : clock.now() };
    this.#failing = true;
    store.beside.change({ failing });
  }

  #recovered(): void {
    const { store, log } = this.#options;
    this.#failing = false;
    store.beside.change({ failing: undefined });
    log.info({}, 'the database takes writes again');
  }
}

/** The block that runs because of this very verdict. */
function findBlock(store: Store, { key, rule, time }: Verdict): StoredBlock | undefined {
  const block = store.blocks.running(key as StoredBlock['key']);
  if (block?.cause !== rule || block.verdict === undefined) return undefined;
  return store.verdicts.get(block.verdict)?.verdict.time === time ? block : undefined;
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
