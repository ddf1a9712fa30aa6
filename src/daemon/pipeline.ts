/**
 * The way of lines through all stages: to events, verdicts and blocks, committed in one transaction with the read position.
 * Several batches may go into one transaction. Enforcing and notifying come after it, and work from what it wrote.
 */

import type { Log } from '../base/log.ts';
import { MemorySaver } from '../base/memory-saver.ts';
import { type Clock, formatTime } from '../base/time.ts';
import type { OpenMessage } from '../correlate/message.ts';
import type { Decision } from '../enforce/decide.ts';
import { Interpreter, type InterpreterOptions } from '../interpret/interpreter.ts';
import type { LogSource } from '../interpret/log-source.ts';
import type { Judge } from '../judge/judge.ts';
import type { MailEvent } from '../model/event.ts';
import type { Lines } from '../model/lines.ts';
import { type OutageChange, withoutTakenBack } from '../model/outage.ts';
import type { Health } from '../store/saved-state.ts';
import { type DecisionOptions, recordOutages, recordVerdicts } from './decisions.ts';
import { tellOutcome } from './outcome.ts';
import { Committer } from './retry.ts';
import { Uncommitted } from './uncommitted.ts';
import { saveUsual } from './usual.ts';

/** Lines of one source, with the position behind them. */
interface Batch {
  /** the log as the operator named it */
  readonly path: string;
  readonly lines: Lines;
  readonly position: unknown;
}

/** What a commit changed, for those who act on it. */
export interface Committed {
  readonly decisions: readonly Decision[];
  /** provider outages that began or ended */
  readonly outageChanges: readonly OutageChange[];
  /** somebody who is blocked logged in by a name that the block did not list yet */
  readonly newSpellings: boolean;
}

interface PipelineOptions extends DecisionOptions {
  readonly judge: Judge;
  /** writes down what other servers are to know */
  readonly sharing?: SharedWriter;
  readonly interpreter: Omit<InterpreterOptions, 'store' | 'resuming'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal?: AbortSignal;
  /** called with the events of each batch when they are judged, before they are committed: do not keep them */
  readonly onEvents?: (events: readonly MailEvent[]) => void;
}

interface SharedWriter {
  /** What is to be written, in the transaction of the events that were judged last. `now` in ms. */
  take(): (now: number) => void;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #interpreter: Interpreter;
  readonly #committer: Committer;
  readonly #memorySaver = new MemorySaver();
  readonly #uncommitted: Uncommitted;
  /** logs by their paths; each takes up the envelope that the last commit before the start left */
  readonly #sources = new Map<string, LogSource>();
  /** when the last line from the future was read, ms */
  #futureSeen = 0;

  /** Takes up the state that the last commit left. */
  constructor(options: PipelineOptions) {
    const { store } = options;
    this.#options = options;
    this.#uncommitted = new Uncommitted(store.events.newPacker());
    this.#committer = new Committer(options);
    this.#interpreter = new Interpreter({
      ...options.interpreter,
      live: true,
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

  /** Lines of the mail server since the start. */
  get lines(): { readonly read: number; readonly unread: number } {
    return this.#interpreter.lines;
  }

  /** Whether the last commit failed and is tried again. */
  get isFailing(): boolean {
    return this.#committer.isFailing;
  }

  /** How often the log reported that it lost lines. */
  get losses(): number {
    return this.#interpreter.correlator.losses;
  }

  /** Lines from the future, and when the last of them was read (ms); undefined if there were none. */
  get future(): Health['future'] {
    const { future } = this.#interpreter;
    return future && { ...future, seen: this.#futureSeen };
  }

  /** How many messages counted for nobody, because their line does not say which login it was. */
  get ambiguousLogins(): number {
    return this.#interpreter.correlator.ambiguousLogins;
  }

  /** Some of these logins. */
  get ambiguousNames(): readonly string[] {
    return [...this.#interpreter.correlator.ambiguousNames];
  }

  /** Takes a batch through all stages up to the commit; what it leads to waits. Not while a commit runs. */
  take({ path, lines, position }: Batch): void {
    const { clock } = this.#options;
    const source = this.#source(path);
    source.envelope.advance(clock.now());
    const events: MailEvent[] = [];
    const before = this.#interpreter.future;
    this.#interpreter.feed(source, lines, events);
    const now = clock.now();
    if (before !== this.#interpreter.future) this.#noteFuture(path, now, before === undefined);
    this.#judge(events, now);
    this.#noteAccepted(lines);
    this.#uncommitted.addLines(path, lines, position);
  }

  /** Bytes of log that wait for a commit, about. */
  get waiting(): number {
    return this.#uncommitted.bytes;
  }

  /** Takes events that no log holds to verdicts and blocks, and commits them with what waits. Not while a commit runs. */
  add(events: readonly MailEvent[]): Promise<Committed | undefined> {
    this.#judge(events, this.#options.clock.now());
    return this.commit();
  }

  /** Commits what other servers decided. `decide` is called inside the transaction. Not while a commit runs. */
  async decide(decide: (now: number) => readonly Decision[]): Promise<Committed | undefined> {
    const now = this.#options.clock.now();
    const committed = await this.#committer.commit(() => {
      return { decisions: decide(now), outageChanges: [], newSpellings: false };
    });
    for (const decision of committed?.decisions ?? []) {
      tellOutcome(this.#options.judge, decision, false);
    }
    return committed;
  }

  /**
   * Commits all that waits, in one transaction. While that fails it is tried again: nothing is lost, the log waits.
   * Undefined if aborted before it succeeded.
   */
  async commit(): Promise<Committed | undefined> {
    this.#memorySaver.look();
    const { judge, store, clock, sharing } = this.#options;
    const now = clock.now();
    const saveLines = this.#takeLines();
    const { events, logins, verdicts, notices, positions } = this.#uncommitted.take();
    const shared = sharing?.take();
    const outageChanges = judge.takeOutageChanges();
    const standing = withoutTakenBack(verdicts, outageChanges);
    const isUsualDue = judge.usual.isDue(now);
    const committed = await this.#committer.commit(() => {
      store.events.insertPacked(events);
      const persons = store.logins.note(logins);
      recordOutages(this.#options, outageChanges, now);
      const decisions = recordVerdicts(this.#options, standing, now);
      shared?.(now);
      saveLines(positions);
      this.#recordAccepted(notices, now);
      if (isUsualDue) saveUsual(store, judge.usual);
      const newSpellings = [...persons].some(
        (id) => store.blocks.running({ type: 'user', id }) !== undefined,
      );
      return { decisions, outageChanges, newSpellings };
    });
    if (committed !== undefined && isUsualDue) judge.usual.saved(now);
    for (const decision of committed?.decisions ?? []) tellOutcome(judge, decision, true);
    return committed;
  }

  /** What the interpreter has to save for its next start, as a function that runs inside the transaction. */
  #takeLines(): (positions: ReadonlyMap<string, unknown>) => void {
    const { state } = this.#options.store;
    const { correlator } = this.#interpreter;
    const messages = correlator.takeChanges();
    const parts = correlator.takeParts();
    return (positions) => {
      state.saveMessages(messages.changed, messages.closed);
      for (const [name, value] of parts) state.write(`correlator ${name}`, value);
      for (const [path, position] of positions) {
        state.write(`envelope ${path}`, this.#source(path).envelope.save());
        state.savePosition(path, position);
      }
    };
  }

  #noteFuture(path: string, now: number, isFirst: boolean): void {
    this.#futureSeen = now;
    if (!isFirst) return;
    const time = formatTime(this.#interpreter.future?.newest ?? 0);
    this.#options.log.warn({ log: path, time }, 'lines from the future do not count');
  }

  #judge(events: readonly MailEvent[], now: number): void {
    const { judge, onEvents } = this.#options;
    for (const event of events) {
      const verdicts = judge.feed(event, now);
      if (verdicts.length > 0) this.#uncommitted.addVerdicts(verdicts);
    }
    this.#uncommitted.addEvents(events);
    onEvents?.(events);
  }

  #source(path: string): LogSource {
    const known = this.#sources.get(path);
    if (known !== undefined) return known;
    const source = this.#interpreter.openSource(this.#options.clock.now());
    const saved = this.#options.store.state.read(`envelope ${path}`);
    if (saved !== undefined) source.envelope.load(saved);
    this.#sources.set(path, source);
    return source;
  }

  /**
   * If sending a mail was interrupted, the log shows by its Message-ID that the mail server has accepted it: nobody else
   * knows that random name. So a process that was killed just then does not announce a block twice.
   */
  #noteAccepted(lines: Lines): void {
    for (const messageId of this.#options.store.outbox.unclear()) {
      const name = messageId.slice(1, messageId.indexOf('@'));
      if (lines.include(name)) this.#uncommitted.addNotice(messageId);
    }
  }

  #recordAccepted(notices: readonly string[], now: number): void {
    const { store, log } = this.#options;
    for (const messageId of notices) {
      if (!store.outbox.taken(messageId, now)) continue;
      log.info({ messageId }, 'the log shows that the mail server has this notice');
    }
  }
}
