/**
 * Life of the service: open everything, follow, enforce and tell until told to stop. SIGHUP reads configuration
 * and rules again; when those are wrong it says so and goes on with the old ones.
 */
import { readFileSync } from 'node:fs';
import {
  interpreterOptionsOf,
  policyActionsOf,
  policyOf,
  queueOf,
  rebuildJudge,
  targetsOf,
  WITHOUT_BLOCK,
} from './assemble.ts';
import { messageOf, PosternError } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from './base/time.ts';
import type { Config } from './config.ts';
import { Enforcer } from './enforcer.ts';
import { Follower, type LineBatch } from './follow/follower.ts';
import { noticeText } from './follow/notice.ts';
import { isFollowPosition } from './follow/position.ts';
import { WakeUp } from './follow/watch.ts';
import type { Judge } from './judge/judge.ts';
import { loadRules, type Rule } from './judge/rule.ts';
import { Notices } from './notices.ts';
import { mailNotifier, type Notifier } from './notify/mail.ts';
import { Pipeline } from './pipeline.ts';
import { Blocklist } from './policy/blocklist.ts';
import type { PolicyRequest } from './policy/request.ts';
import { PolicyServer } from './policy/server.ts';
import { Store } from './store/store.ts';

/** What `postern status` reads: who runs, and how it is. */
export interface DaemonState {
  readonly pid: number;
  /** ticks since boot at which that process started: a pid alone may belong to another by now */
  readonly ticks: string;
  readonly started: number;
  readonly version: string;
}

export interface DaemonOptions {
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

/** Runs until the signal is aborted. Throws a PosternError for what makes starting impossible. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { config, log } = options;
  const rules = loadRules(config.rules);
  const store = new Store(config.database);
  try {
    takeOver(store, options);
    const service = new Service(store, rules, options);
    log.info(
      { version: options.version, mta: config.mta, mode: config.mode, rules: rules.length },
      'started',
    );
    await service.run();
    store.state.write('daemon', null);
    log.info({}, 'stopped');
  } finally {
    store.close();
  }
}

/** One service for one database. */
function takeOver(store: Store, { clock, version }: DaemonOptions): void {
  const other = runningDaemon(store);
  if (other !== undefined && other.pid !== process.pid) {
    throw new PosternError(
      'already-running',
      `${store.path}: postern already runs with this database, as process ${other.pid}`,
      {
        exitStatus: 1,
      },
    );
  }
  const state: DaemonState = {
    pid: process.pid,
    ticks: startTicks(process.pid) ?? '',
    started: clock.now(),
    version,
  };
  store.state.write('daemon', state);
}

/** The service that runs on this database, if one does. */
export function runningDaemon(store: Store): DaemonState | undefined {
  const state = store.state.read('daemon') as DaemonState | null | undefined;
  if (state === undefined || state === null) return undefined;
  const ticks = startTicks(state.pid);
  return ticks !== undefined && ticks === state.ticks ? state : undefined;
}

/** Field 22 of /proc/PID/stat (proc(5)); without /proc only whether the process lives. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name in parentheses may hold anything: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch {
      return undefined;
    }
  }
}

class Service {
  readonly #options: DaemonOptions;
  readonly #store: Store;
  readonly #judge: Judge;
  readonly #pipeline: Pipeline;
  readonly #enforcer: Enforcer;
  readonly #notices: Notices | undefined;
  readonly #blocklist: Blocklist;
  readonly #policyServer: PolicyServer | undefined;
  readonly #followers: Follower[];
  readonly #enforceSoon = new WakeUp();
  readonly #tellSoon = new WakeUp();
  #turn: Promise<unknown> = Promise.resolve();
  #lastHealth = '';

  constructor(store: Store, rules: readonly Rule[], options: DaemonOptions) {
    const { config, clock, log, signal } = options;
    this.#options = options;
    this.#store = store;
    const policy = policyOf(config);
    this.#judge = rebuildJudge(store, rules);
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
    const targets = config.mode === 'enforce' ? targetsOf(config) : [];
    const queue = config.queue.hold ? queueOf(config) : undefined;
    this.#enforcer = new Enforcer({ store, targets, queue, clock, log });
    this.#notices = noticesOf(store, rules, options);
    this.#blocklist = new Blocklist(policyActionsOf(config));
    this.#policyServer = policyServerOf(this.#blocklist, options);
    this.#refreshBlocklist();
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

  /** Ends when the signal is aborted, or throws when one part met a bug or the database is gone. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const stop = () => {
      this.#enforceSoon.wake();
      this.#tellSoon.wake();
    };
    signal.addEventListener('abort', stop);
    try {
      await Promise.all([
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
      const done = this.#turn.then(() => this.#take(follower, batch));
      this.#turn = done;
      if (!(await done)) return;
    }
  }

  async #take(follower: Follower, batch: LineBatch): Promise<boolean> {
    const { path } = follower.status();
    const committed = await this.#pipeline.handle({
      path,
      lines: batch.lines,
      position: batch.position,
    });
    if (committed === undefined) return false;
    const { decisions } = committed;
    if (decisions.some(({ outcome }) => outcome === 'blocked')) {
      this.#refreshBlocklist();
      this.#enforceSoon.wake();
    } else if (decisions.length > 0) this.#tellSoon.wake();
    for (const { verdict, outcome } of decisions) {
      const { rule, key, count, time } = verdict;
      if (WITHOUT_BLOCK.has(outcome)) this.#judge.hold(key, time + HOUR);
      this.#options.log.info({ rule, who: key, count, outcome }, 'verdict');
    }
    return true;
  }

  /** What the policy service answers from is what the database says, without waiting for any file. */
  #refreshBlocklist(): void {
    this.#blocklist.replace(this.#store.blocks.allRunning());
  }

  async #enforce(): Promise<void> {
    const { signal, log } = this.#options;
    while (!signal.aborted) {
      const folders = this.#enforcer.files;
      if (folders.length > 0) {
        this.#enforceSoon.watch(folders, undefined, (reason) =>
          log.warn({ reason }, 'block files are not watched'),
        );
      }
      let wait = IDLE_TARGET_CHECK;
      try {
        const { released, expired, again } = await this.#enforcer.run();
        const now = this.#options.clock.now();
        for (const { key } of [...released, ...expired]) this.#judge.release(key, now);
        if (released.length + expired.length > 0) this.#refreshBlocklist();
        wait = Math.min(again ?? wait, wait);
        this.#tellSoon.wake();
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.error({ error: messageOf(error) }, 'enforcing failed, will try again');
        wait = 5 * SECOND;
      }
      if (!signal.aborted) await this.#enforceSoon.wait(Math.max(wait, 10));
    }
  }

  async #tell(): Promise<void> {
    const { signal, log } = this.#options;
    while (!signal.aborted) {
      let wait = 10 * MINUTE;
      try {
        wait = Math.min((await this.#notices?.run()) ?? wait, wait);
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.error({ error: messageOf(error) }, 'the outbox cannot be worked on, will try again');
        wait = 5 * SECOND;
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
    let known = new Map(this.#store.blocks.allRunning().map((block) => [block.id, block]));
    while (!signal.aborted) {
      this.#publishHealth();
      await pause.wait(LOOK_FOR_CHANGES);
      const next = this.#store.dataVersion();
      if (next === version) continue;
      version = next;
      const running = new Map(this.#store.blocks.allRunning().map((block) => [block.id, block]));
      for (const [id, { key }] of known) {
        const released = running.has(id) ? undefined : this.#store.blocks.get(id)?.released;
        if (released !== undefined) this.#judge.release(key, released);
      }
      for (const [id, { key, end }] of running) if (!known.has(id)) this.#judge.hold(key, end);
      known = running;
      this.#blocklist.replace([...running.values()]);
      this.#enforceSoon.wake();
    }
  }

  /** What `postern status` shows and the database does not tell otherwise; written when it changes. */
  #publishHealth(): void {
    const logs = this.#followers.map((follower) => {
      const { path, present, errors, lastError } = follower.status();
      return { path, present, errors, ...(lastError === undefined ? {} : { lastError }) };
    });
    const health = JSON.stringify({ logs, losses: this.#pipeline.losses });
    if (health === this.#lastHealth || this.#pipeline.failure !== undefined) return;
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
        const before = clock.now() - config.retention;
        const gone =
          this.#store.events.prune(before, PRUNE_STEP) +
          this.#store.verdicts.prune(before, PRUNE_STEP) +
          this.#store.state.pruneMessages(clock.now() - 30 * DAY, PRUNE_STEP);
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
  { config, clock, log }: DaemonOptions,
): PolicyServer | undefined {
  if (config.policy === undefined) return undefined;
  const decide = (request: PolicyRequest) => blocklist.answer(request, clock.now());
  return new PolicyServer({ ...config.policy, decide, log });
}

function noticesOf(
  store: Store,
  rules: readonly Rule[],
  options: DaemonOptions,
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
  });
}
