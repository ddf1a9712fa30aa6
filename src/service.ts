/**
 * The service at work: follow the logs, enforce, tell, answer Postfix, look what operators changed, forget what is
 * old. Each is a loop of its own; they meet in the database. When one of them meets a bug all of them end.
 */
import {
  handsOf,
  interpreterOptionsOf,
  policyActionsOf,
  policyOf,
  rebuildJudge,
  release,
} from './assemble.ts';
import { messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from './base/time.ts';
import { ringBell } from './bell.ts';
import type { Config } from './config.ts';
import { Enforcer } from './enforcer.ts';
import { Follower, type LineBatch } from './follow/follower.ts';
import { noticeText } from './follow/notice.ts';
import { isFollowPosition } from './follow/position.ts';
import { WakeUp } from './follow/watch.ts';
import type { SuspectChange } from './judge/guard-watch.ts';
import type { Judge } from './judge/judge.ts';
import type { Rule } from './judge/rule.ts';
import type { Block } from './model/block.ts';
import { Notices } from './notices.ts';
import { mailNotifier, type Notifier } from './notify/mail.ts';
import { Pipeline } from './pipeline.ts';
import { Blocklist } from './policy/blocklist.ts';
import type { PolicyRequest } from './policy/request.ts';
import { PolicyServer } from './policy/server.ts';
import type { Store } from './store/store.ts';
import { settleSuspects } from './suspects.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** how notices leave instead of as configured */
  readonly notifier?: Notifier;
  /** ends the service */
  readonly signal: AbortSignal;
}

const LOOK_FOR_CHANGES = 500;
const PRUNE_STEP = 2000;
const IDLE_TARGET_CHECK = MINUTE;
/** As long people are not told of a block that another process is bringing into force. */
const ENFORCER_ANSWERS = 2 * SECOND;

export class Service {
  readonly #options: ServiceOptions;
  readonly #store: Store;
  readonly #judge: Judge;
  readonly #pipeline: Pipeline;
  /** absent: a process of its own enforces, and is told of changes */
  readonly #enforcer: Enforcer | undefined;
  readonly #notices: Notices | undefined;
  readonly #blocklist: Blocklist;
  readonly #policyServer: PolicyServer | undefined;
  readonly #followers: Follower[];
  readonly #enforceSoon = new WakeUp();
  readonly #tellSoon = new WakeUp();
  #turn: Promise<unknown> = Promise.resolve();
  #lastHealth = '';
  /** blocks in force, as the judge knows them */
  #running: ReadonlyMap<number, Block> = new Map();
  /** batches that are read and not yet stored */
  #underWay = 0;

  constructor(store: Store, rules: readonly Rule[], options: ServiceOptions) {
    const { config, clock, log, signal } = options;
    this.#options = options;
    this.#store = store;
    const policy = policyOf(config);
    this.#judge = rebuildJudge(store, rules, clock.now());
    settleSuspects(store, this.#judge.suspects(), clock.now());
    const told = new Set(rules.filter((rule) => rule.notify).map((rule) => rule.name));
    const interpreter = interpreterOptionsOf(config);
    this.#pipeline = new Pipeline({
      store,
      judge: this.#judge,
      policy,
      interpreter,
      clock,
      log,
      told,
      signal,
    });
    if (config.enforcer === 'daemon')
      this.#enforcer = new Enforcer({ store, ...handsOf(config), clock, log });
    this.#notices = noticesOf(store, rules, options, () => this.#isLogRead());
    this.#blocklist = new Blocklist(policyActionsOf(config));
    this.#policyServer = policyServerOf(this.#blocklist, options);
    this.#syncBlocks();
    const positions = store.state.positions();
    this.#followers = config.logs.map((path) => {
      const position = positions.get(path);
      return new Follower({
        path,
        from: config.startAt,
        signal,
        clock,
        onNotice: (notice) => {
          const serious = notice.kind !== 'rotated' && notice.kind !== 'resumed';
          log[serious ? 'warn' : 'info']({ log: path }, noticeText(notice));
        },
        ...(isFollowPosition(position) ? { position } : {}),
      });
    });
  }

  /**
   * Ends when the signal is aborted. When one part meets a bug, or the database is damaged, it ends all of them
   * and throws what that part threw.
   */
  async run(ending: AbortController): Promise<void> {
    const { signal } = this.#options;
    const stop = () => {
      this.#enforceSoon.wake();
      this.#tellSoon.wake();
    };
    signal.addEventListener('abort', stop);
    try {
      await allOrNone(ending, [
        ...this.#followers.map((follower) => this.#follow(follower)),
        this.#policyServer?.run(signal),
        this.#enforce(),
        this.#tell(),
        this.#watchDatabase(),
        this.#prune(),
      ]);
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#enforceSoon.close();
    }
  }

  async #follow(follower: Follower): Promise<void> {
    for await (const batch of follower) {
      // One batch at a time over all logs: each commit holds the whole state that its lines have led to.
      this.#underWay++;
      const done = this.#turn.then(() => this.#take(follower, batch));
      this.#turn = done;
      if (!(await done)) return;
      this.#underWay--;
    }
  }

  /** Whether all that stood in the logs a moment ago is in the database. */
  #isLogRead(): boolean {
    if (this.#underWay > 0) return false;
    return this.#followers.every((follower) => {
      const { reading, present, behind } = follower.status();
      return reading === undefined ? !present : behind === 0;
    });
  }

  async #take(follower: Follower, batch: LineBatch): Promise<boolean> {
    const { path } = follower.status();
    const committed = await this.#pipeline.handle({
      path,
      lines: batch.lines,
      position: batch.position,
    });
    if (committed === undefined) return false;
    const { decisions, suspicions } = committed;
    if (suspicions.length > 0) this.#saySuspicions(suspicions);
    if (suspicions.length > 0 || decisions.some(({ outcome }) => outcome === 'blocked')) {
      this.#syncBlocks();
      this.#enforceSoon.wake();
    } else if (decisions.length > 0) this.#tellSoon.wake();
    for (const { verdict, outcome } of decisions) {
      const { rule, key, count } = verdict;
      this.#options.log.info({ rule, who: key, count, outcome }, 'verdict');
    }
    return true;
  }

  #saySuspicions(suspicions: readonly SuspectChange[]): void {
    const { log } = this.#options;
    for (const change of suspicions) {
      const { provider, refused, active } = change.suspect;
      if (change.change === 'ended') {
        log.info({ provider }, 'refusals of this provider count again');
        continue;
      }
      const released = change.withdrawn.map(({ key }) => key);
      const seen = { provider, refused, active, released };
      log.warn(seen, 'provider is suspect, its refusals do not count');
    }
  }

  /**
   * Whoever has changed the blocks (a verdict, an operator's command, a line deleted by hand, their end): the judge
   * and the policy service go by what the database says now, without waiting for any file.
   */
  #syncBlocks(): void {
    const running = new Map(this.#store.blocks.allRunning().map((block) => [block.id, block]));
    for (const id of this.#running.keys()) {
      if (!running.has(id)) release(this.#judge, this.#store.blocks.get(id));
    }
    for (const [id, { key, end }] of running) {
      if (!this.#running.has(id)) this.#judge.hold(key, end);
    }
    this.#running = running;
    this.#blocklist.replace([...running.values()]);
  }

  async #enforce(): Promise<void> {
    const { signal, log } = this.#options;
    const enforcer = this.#enforcer;
    if (enforcer === undefined) return this.#ringForEnforcer();
    let pause = SECOND;
    while (!signal.aborted) {
      const folders = enforcer.files;
      if (folders.length > 0) {
        this.#enforceSoon.watch(folders, undefined, (reason) =>
          log.warn({ reason }, 'block files are not watched'),
        );
      }
      let wait = IDLE_TARGET_CHECK;
      try {
        const { released, expired, again } = await enforcer.run();
        pause = SECOND;
        if (released.length + expired.length > 0) this.#syncBlocks();
        wait = Math.min(again ?? wait, wait);
        this.#tellSoon.wake();
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.error({ error: messageOf(error) }, 'enforcing failed, will try again');
        wait = pause;
        pause = Math.min(2 * pause, MINUTE);
      }
      if (!signal.aborted) await this.#enforceSoon.wait(Math.max(wait, 10));
    }
  }

  /** Another process enforces. It looks at the database by itself, only not as soon as when it is told. */
  async #ringForEnforcer(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      this.#ring();
      // What it did is a change of the database, which wakes us: people are told where a block is in force.
      await this.#enforceSoon.wait(ENFORCER_ANSWERS);
      this.#ring();
      this.#tellSoon.wake();
      if (!signal.aborted) await this.#enforceSoon.wait(IDLE_TARGET_CHECK);
    }
  }

  #ring(): void {
    const { log, config } = this.#options;
    const failure = ringBell(config.database);
    if (failure !== undefined) log.warn({ error: failure }, 'postern enforce was not woken');
  }

  async #tell(): Promise<void> {
    const { signal, log } = this.#options;
    let pause = SECOND;
    while (!signal.aborted) {
      let wait = 10 * MINUTE;
      try {
        wait = Math.min((await this.#notices?.run()) ?? wait, wait);
        pause = SECOND;
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.error({ error: messageOf(error) }, 'the outbox cannot be worked on, will try again');
        wait = pause;
        pause = Math.min(2 * pause, MINUTE);
      }
      if (!signal.aborted) await this.#tellSoon.wait(Math.max(wait, 100));
    }
  }

  /** Operators' commands write to the database: block, unblock. */
  async #watchDatabase(): Promise<void> {
    const { signal } = this.#options;
    const pause = new WakeUp();
    signal.addEventListener('abort', () => pause.wake());
    let version = this.#store.dataVersion();
    while (!signal.aborted) {
      this.#publishHealth();
      await pause.wait(LOOK_FOR_CHANGES);
      const next = this.#store.dataVersion();
      if (next === version) continue;
      version = next;
      this.#syncBlocks();
      this.#enforceSoon.wake();
    }
  }

  /** What `postern status` shows and the database does not tell otherwise; written when it changes. */
  #publishHealth(): void {
    const logs = this.#followers.map((follower) => {
      const { path, present, errors, lastError } = follower.status();
      return { path, present, errors, ...(lastError === undefined ? {} : { lastError }) };
    });
    const policy = this.#policyServer?.failure; // undefined is left out
    const health = JSON.stringify({ logs, losses: this.#pipeline.losses, policy });
    if (health === this.#lastHealth || this.#pipeline.isFailing) return;
    try {
      this.#store.state.write('health', JSON.parse(health));
      this.#lastHealth = health;
    } catch (error) {
      if (!this.#store.isPassing(error)) throw error; // the next batch's commit says so
    }
  }

  /** Deletes what is older than the retention, in steps that never hold the database long. */
  async #prune(): Promise<void> {
    const { signal, clock, config, log } = this.#options;
    const pause = new WakeUp();
    signal.addEventListener('abort', () => pause.wake());
    while (!signal.aborted) {
      let wait = HOUR;
      try {
        // Not by a clock alone that may have been set years ahead.
        const now = Math.min(clock.now(), this.#store.events.newestTime());
        const before = now - config.retention;
        const gone =
          this.#store.events.prune(before, PRUNE_STEP) +
          this.#store.verdicts.prune(before, PRUNE_STEP) +
          this.#store.state.pruneMessages(now - 30 * DAY, PRUNE_STEP);
        this.#store.outbox.prune(before);
        if (gone > 0) wait = 50;
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.warn({ error: messageOf(error) }, 'old events not deleted, will try again');
      }
      await pause.wait(wait);
    }
  }
}

function policyServerOf(
  blocklist: Blocklist,
  { config, clock, log }: ServiceOptions,
): PolicyServer | undefined {
  if (config.policy === undefined) return undefined;
  const decide = (request: PolicyRequest) => blocklist.answer(request, clock.now());
  return new PolicyServer({ ...config.policy, decide, log });
}

function noticesOf(
  store: Store,
  rules: readonly Rule[],
  options: ServiceOptions,
  isLogRead: () => boolean,
): Notices | undefined {
  const { config, clock, log } = options;
  if (config.notify === undefined) return undefined;
  const { transport, from, to, digest } = config.notify;
  return new Notices({
    store,
    notifier: options.notifier ?? mailNotifier(transport, from),
    from,
    to,
    digest,
    cap: config.caps.blocksPerHour,
    rules: new Map(rules.map((rule) => [rule.name, rule.description])),
    clock,
    log,
    isLogRead,
  });
}

/** Waits for all parts; the first that fails ends the others, and its error is thrown when they have ended. */
async function allOrNone(
  ending: AbortController,
  parts: readonly (Promise<void> | undefined)[],
): Promise<void> {
  const failures: unknown[] = [];
  const settled = parts.map((part) =>
    part?.catch((error: unknown) => {
      failures.push(error);
      ending.abort();
    }),
  );
  await Promise.all(settled);
  if (failures.length > 0) throw failures[0];
}
