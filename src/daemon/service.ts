/**
 * The service at work: follow the logs, enforce, tell, answer Postfix, look what operators changed, forget what is
 * old. Each is a loop of its own; they meet in the database. When one of them meets a bug all of them end.
 */

import { sendSignal } from '../base/change-signal.ts';
import { dropUndefined } from '../base/defined.ts';
import { getMessage } from '../base/errors.ts';
import { MINUTE, SECOND } from '../base/time.ts';
import { waitForAll } from '../base/wait.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Follower, LineBatch } from '../follow/follower.ts';
import { buildInterpreterOptions } from '../interpret/options.ts';
import type { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Block } from '../model/block.ts';
import { Blocklist } from '../policy/blocklist.ts';
import type { PolicyServer } from '../policy/server.ts';
import { endOtherOutages } from '../store/outages.ts';
import type { Health } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';
import {
  buildBlockPolicy,
  buildMtaControl,
  buildPolicyActions,
  rebuildJudge,
  release,
} from './assemble.ts';
import { Enforcer } from './enforcer.ts';
import type { Notices } from './notices.ts';
import { logOutages } from './outages.ts';
import { buildFollowers, buildNotices, buildPolicyServer, type ServiceOptions } from './parts.ts';
import { Pipeline } from './pipeline.ts';
import { keepPruned } from './prune.ts';

const LOOK_FOR_CHANGES = 500;
const IDLE_TARGET_CHECK = MINUTE;
const IDLE_OUTBOX_CHECK = 10 * MINUTE;
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
  /** they have changed, and the database could not be read since */
  #isBehind = false;
  /** batches that are read and not yet stored */
  #underWay = 0;

  constructor(store: Store, rules: readonly Rule[], options: ServiceOptions) {
    const { config, clock, log, signal } = options;
    this.#options = options;
    this.#store = store;
    const policy = buildBlockPolicy(config);
    this.#judge = rebuildJudge(store, rules, clock.now());
    endOtherOutages(store, this.#judge.outages(), clock.now());
    const told = new Set(rules.filter((rule) => rule.notify).map((rule) => rule.name));
    const interpreter = buildInterpreterOptions(config);
    this.#pipeline = new Pipeline(
      dropUndefined({
        store,
        judge: this.#judge,
        policy,
        interpreter,
        clock,
        log,
        told: config.notify === undefined ? undefined : told,
        signal,
      }),
    );
    if (config.enforcer === 'daemon')
      this.#enforcer = new Enforcer({ store, ...buildMtaControl(config), clock, log });
    this.#notices = buildNotices(store, rules, options, () => this.#isLogRead());
    this.#blocklist = new Blocklist(buildPolicyActions(config));
    this.#policyServer = buildPolicyServer(this.#blocklist, options);
    this.#syncBlocks();
    this.#followers = buildFollowers(store, options);
  }

  /**
   * Ends when the signal is aborted. When one part meets a bug, or the database is damaged, it ends all of them
   * and throws what that part threw.
   */
  async run(ending: AbortController): Promise<void> {
    const { signal, config, clock, log } = this.#options;
    const store = this.#store;
    const stop = () => {
      this.#enforceSoon.wake();
      this.#tellSoon.wake();
    };
    signal.addEventListener('abort', stop);
    try {
      await waitForAll(ending, [
        ...this.#followers.map((follower) => this.#follow(follower)),
        this.#policyServer?.run(signal),
        this.#enforce(),
        this.#tell(),
        this.#watchDatabase(),
        keepPruned({ store, retention: config.retention, clock, log, signal }),
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
    const { decisions, outageChanges } = committed;
    if (outageChanges.length > 0) logOutages(this.#options.log, outageChanges);
    if (outageChanges.length > 0 || decisions.some(({ outcome }) => outcome === 'blocked')) {
      this.#blocksChanged();
      this.#enforceSoon.wake();
    } else if (decisions.length > 0) this.#tellSoon.wake();
    for (const { verdict, outcome } of decisions) {
      const { rule, key, count } = verdict;
      this.#options.log.info({ rule, who: key, count, outcome }, 'verdict');
    }
    return true;
  }

  /**
   * Whoever has changed the blocks (a verdict, an operator's command, a line deleted by hand, their end): the judge
   * and the policy service go by what the database says now, without waiting for any file.
   */
  #syncBlocks(): void {
    const running = new Map(this.#store.blocks.allRunning().map((block) => [block.id, block]));
    const ended = [...this.#running.keys()].filter((id) => !running.has(id));
    // All is read before anything is changed: a read that fails is done again as a whole.
    for (const block of ended.map((id) => this.#store.blocks.get(id))) release(this.#judge, block);
    for (const [id, { key, end }] of running) {
      if (!this.#running.has(id)) this.#judge.hold(key, end);
    }
    this.#running = running;
    this.#blocklist.replace([...running.values()]);
    this.#isBehind = false;
  }

  /** Our own changes are committed. When they cannot be read now, `#watchDatabase` does it as soon as they can. */
  #blocksChanged(): void {
    this.#isBehind = true;
    try {
      this.#syncBlocks();
    } catch (error) {
      if (!this.#store.isPassing(error)) throw error;
    }
  }

  async #enforce(): Promise<void> {
    const enforcer = this.#enforcer;
    if (enforcer === undefined) return this.#ringForEnforcer();
    await this.#repeat(this.#enforceSoon, 'enforcing failed, will try again', async () => {
      this.#watchFolders(enforcer.files);
      await nextPoll(); // the policy service knows already, and its answers must not wait for files
      const { released, expired, again } = await enforcer.run();
      if (released.length + expired.length > 0) this.#blocksChanged();
      this.#tellSoon.wake();
      return Math.max(10, Math.min(again ?? IDLE_TARGET_CHECK, IDLE_TARGET_CHECK));
    });
  }

  #watchFolders(folders: readonly string[]): void {
    if (folders.length === 0) return;
    this.#enforceSoon.watch(folders, undefined, (reason) =>
      this.#options.log.warn({ reason }, 'block files are not watched'),
    );
  }

  /** Does the work again and again: after the ms that it asks for, or when woken, or for trouble that passes later. */
  async #repeat(soon: WakeUp, trouble: string, work: () => Promise<number>): Promise<void> {
    const { signal, log } = this.#options;
    let pause = SECOND;
    while (!signal.aborted) {
      let wait: number;
      try {
        wait = await work();
        pause = SECOND;
      } catch (error) {
        if (!this.#store.isPassing(error)) throw error;
        log.error({ error: getMessage(error) }, trouble);
        wait = pause;
        pause = Math.min(2 * pause, MINUTE);
      }
      if (!signal.aborted) await soon.wait(wait);
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
    const failure = sendSignal(config.database);
    if (failure !== undefined) log.warn({ error: failure }, 'postern enforce was not woken');
  }

  async #tell(): Promise<void> {
    const trouble = 'the outbox cannot be worked on, will try again';
    await this.#repeat(this.#tellSoon, trouble, async () => {
      const wait = await this.#notices?.run();
      return Math.max(100, Math.min(wait ?? IDLE_OUTBOX_CHECK, IDLE_OUTBOX_CHECK));
    });
  }

  /** Operators' commands write to the database: block, unblock. */
  async #watchDatabase(): Promise<void> {
    const { signal } = this.#options;
    const pause = new WakeUp();
    signal.addEventListener('abort', () => pause.wake());
    let version: number | undefined;
    await this.#repeat(pause, 'the database cannot be read, will try again', async () => {
      this.#publishHealth();
      const next = this.#store.dataVersion();
      if (next === version && !this.#isBehind) return LOOK_FOR_CHANGES;
      this.#syncBlocks();
      if (version !== undefined) this.#enforceSoon.wake();
      version = next;
      return LOOK_FOR_CHANGES;
    });
  }

  /** What `postern status` shows and the database does not tell otherwise; written when it changes. */
  #publishHealth(): void {
    const health = this.#health();
    const text = JSON.stringify(health);
    if (text === this.#lastHealth || this.#pipeline.isFailing) return;
    try {
      this.#store.state.write('health', health);
      this.#lastHealth = text;
    } catch (error) {
      if (!this.#store.isPassing(error)) throw error; // the next batch's commit says so
    }
  }

  #health(): Health {
    const policy = this.#policyServer?.failure;
    return dropUndefined({
      logs: this.#followers.map((follower) => {
        const { path, failure } = follower.status();
        return dropUndefined({ path, failure });
      }),
      losses: this.#pipeline.losses,
      policy,
    });
  }
}

/** Lets the event loop look at its sockets once. */
function nextPoll(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
