/**
 * The running service: follows the logs, enforces, notifies, answers Postfix, notices what operators change, asks
 * blocklists, deletes what is old. Each is a loop of its own; they share the database. If one of them fails, all of them end.
 */

import { formatDuration, MINUTE } from '../base/time.ts';
import { finishInTurns, giveWay, waitForAll } from '../base/wait.ts';
import { WakeUp } from '../base/wake-up.ts';
import type { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { MetricsServer } from '../metrics/server.ts';
import type { MailEvent } from '../model/event.ts';
import type { RecipientRates } from '../policy/recipient-rates.ts';
import type { PolicyServer } from '../policy/server.ts';
import { endOtherOutages } from '../store/outages.ts';
import type { Store } from '../store/store.ts';
import {
  buildBlocklist,
  buildFollowers,
  buildListingWatch,
  buildMetricsServer,
  buildNotices,
  buildPipeline,
  buildPolicy,
  buildPolicyServer,
  buildSharing,
  listNotifying,
  type ServiceOptions,
} from './assemble.ts';
import { BlindWatch } from './blind-watch.ts';
import { keepComplaints } from './complaints.ts';
import { buildRecipientRates, recordDeferrals, resumeRates, seedRates } from './deferrals.ts';
import { EnforceLoop } from './enforce-loop.ts';
import { forgetAsAsked } from './forget.ts';
import { HealthRecord } from './health.ts';
import { rebuildJudge } from './history.ts';
import { Hooks } from './hooks.ts';
import { canShutOutSenders } from './in-force.ts';
import type { Lasting } from './lasting.ts';
import type { ListingWatch } from './listing-watch.ts';
import { LogReader } from './log-reader.ts';
import type { ServiceMetrics } from './metrics.ts';
import type { Notices } from './notices.ts';
import { logOutages } from './outages.ts';
import { keepPacked } from './pack.ts';
import type { Committed, Pipeline } from './pipeline.ts';
import { keepPruned } from './prune.ts';
import { keepPseudonyms } from './pseudonyms.ts';
import { repeat } from './retry.ts';
import { RunningBlocks } from './running-blocks.ts';
import type { Sharing } from './share/sharing.ts';

const DATABASE_CHECK = 500;
const IDLE_OUTBOX_CHECK = 10 * MINUTE;
const SHORTEST_OUTBOX_PAUSE = 100;

type LastingOptions = ServiceOptions & { readonly lasting: Lasting };
type BuiltOptions = LastingOptions & {
  readonly judge: Judge;
  readonly sharing: Sharing | undefined;
};

export class Service {
  readonly #options: LastingOptions;
  readonly #store: Store;
  readonly #blocks: RunningBlocks;
  readonly #judge: Judge;
  readonly #pipeline: Pipeline;
  readonly #logReader: LogReader;
  readonly #enforceLoop: EnforceLoop;
  readonly #notices: Notices | undefined;
  readonly #notifySoon = new WakeUp();
  readonly #hooks: Hooks;
  readonly #metrics: ServiceMetrics;
  readonly #metricsServer: MetricsServer | undefined;
  readonly #policyServer: PolicyServer | undefined;
  readonly #listingWatch: ListingWatch | undefined;
  /** undefined if no rule puts recipients off, or nobody asks */
  readonly #rates: RecipientRates | undefined;
  readonly #recording: Parameters<typeof recordDeferrals>[0];
  /** ms */
  readonly #started: number;
  readonly #sharing: Sharing | undefined;
  readonly #health: HealthRecord;

  /** Judges the past again, in turns, and makes all parts; then `run` starts them. */
  static async build(
    store: Store,
    rules: readonly Rule[],
    options: LastingOptions,
  ): Promise<Service> {
    const { config, clock } = options;
    forgetAsAsked(store);
    const sharing = buildSharing(store, rules, options);
    const rebuilding = rebuildJudge(store, rules, clock.now(), {
      policy: buildPolicy(options),
      canShutOutAt: ({ type }) => canShutOutSenders(config, type),
      ...(sharing === undefined ? {} : { onCounted: sharing.onCounted }),
    });
    const judge = await finishInTurns(rebuilding);
    return new Service(store, rules, { ...options, judge, sharing });
  }

  private constructor(store: Store, rules: readonly Rule[], options: BuiltOptions) {
    const { config, clock, lasting, judge, sharing } = options;
    this.#options = options;
    this.#store = store;
    this.#sharing = sharing;
    this.#judge = judge;
    this.#metrics = lasting.metrics;
    endOtherOutages(store, judge.outages(), clock.now());
    this.#pipeline = buildPipeline(store, judge, rules, options, {
      sharing,
      onEvents: (events) => this.#noteEvents(events),
    });
    this.#enforceLoop = new EnforceLoop(store, options, {
      onEnded: () => {
        this.#blocks.trySync();
        this.#hooks.wake();
      },
      onDone: () => this.#wakeNotifiers(),
    });
    const blocklist = buildBlocklist(config);
    this.#rates = config.policy === undefined ? undefined : buildRecipientRates(rules, config);
    this.#started = clock.now();
    if (this.#rates !== undefined) resumeRates(this.#rates, store, this.#started);
    this.#recording = { store, notifyRules: listNotifying(rules, config), mode: config.mode };
    this.#blocks = new RunningBlocks(store, judge, blocklist);
    this.#blocks.sync();
    this.#policyServer = lasting.serve(buildPolicyServer(blocklist, this.#rates, options));
    this.#logReader = new LogReader(this.#pipeline, buildFollowers(store, options), (committed) =>
      this.#handleCommitted(committed),
    );
    this.#notices = buildNotices(store, rules, options, () => this.#logReader.isCaughtUp());
    this.#hooks = new Hooks({
      ...options,
      store,
      onOccurrence: (occurrence) => this.#metrics.countBlock(occurrence, store),
    });
    this.#metricsServer = buildMetricsServer(
      this.#metrics.list({
        ...options,
        store,
        lines: () => this.#pipeline.lines,
        newest: () => this.#pipeline.newest,
      }),
      options,
    );
    this.#listingWatch = buildListingWatch(store, options, () => this.#wakeNotifiers());
    this.#health = new HealthRecord({
      ...{ store, judge, sharing, clock, networksUnknown: options.networksUnknown },
      ...{ pipeline: this.#pipeline, logReader: this.#logReader, rates: this.#rates },
      ...{ policyServer: this.#policyServer, metricsServer: this.#metricsServer },
    });
  }

  /**
   * Ends when the signal is aborted. If one loop fails, or the database is damaged, aborts `ending` and throws the error
   * of that loop.
   */
  async run(ending: AbortController): Promise<void> {
    const { signal, config, clock, log } = this.#options;
    const loops = [
      ...this.#logReader.start(),
      this.#enforceLoop.run(),
      this.#notify(),
      ...this.#hooks.run(),
      this.#metricsServer?.run(signal),
      this.#watchBlindness(),
      this.#watchDatabase(),
      this.#listingWatch?.run(),
      this.#keepComplaints(),
      this.#keepPseudonyms(),
      keepPacked({ store: this.#store, log, signal }),
      this.#sharing?.run({
        judge: this.#judge,
        logReader: this.#logReader,
        onChanged: () => {
          this.#blocks.trySync();
          this.#enforceLoop.wake();
        },
      }),
      keepPruned({ store: this.#store, retention: config.retention, clock, log, signal }),
    ];
    try {
      await waitForAll(ending, loops);
    } finally {
      this.#metrics.keepLines(this.#pipeline.lines);
    }
  }

  #keepPseudonyms(): Promise<void> | undefined {
    const { config, clock, log, signal } = this.#options;
    const { pseudonyms } = config.privacy;
    if (pseudonyms === undefined) return undefined;
    return keepPseudonyms({ store: this.#store, age: pseudonyms, clock, log, signal });
  }

  #watchBlindness(): Promise<void> {
    const lines = () => this.#pipeline.lines;
    const onChange = () => this.#wakeNotifiers();
    return new BlindWatch({ ...this.#options, store: this.#store, lines, onChange }).run();
  }

  #keepComplaints(): Promise<void> | undefined {
    const { config, clock, log, signal } = this.#options;
    if (config.complaints === undefined) return undefined;
    const add = (events: readonly MailEvent[]) => this.#logReader.add(events);
    const { folder } = config.complaints;
    return keepComplaints({ folder, store: this.#store, clock, log, signal, add });
  }

  #noteEvents(events: readonly MailEvent[]): void {
    if (this.#rates !== undefined) seedRates(this.#rates, events, this.#started);
    this.#metrics.countEvents(events);
  }

  /** The next lines wait for what it returns. */
  #handleCommitted(committed: Committed): Promise<void> | undefined {
    const { decisions, outageChanges, newSpellings } = committed;
    const { log } = this.#options;
    this.#metrics.countVerdicts(decisions);
    this.#sharing?.wake(); // first of all, so that the other servers do not wait for our files
    if (outageChanges.length > 0) logOutages(log, outageChanges);
    const isChanged =
      outageChanges.length > 0 || decisions.some(({ outcome }) => outcome === 'blocked');
    if (isChanged) {
      this.#blocks.trySync();
      this.#enforceLoop.wake();
      this.#hooks.wake();
    } else if (decisions.length > 0) this.#wakeNotifiers();
    if (newSpellings) this.#enforceLoop.wake();
    for (const { verdict, outcome } of decisions) {
      const { rule, key, count } = verdict;
      log.info({ rule, who: key, count, outcome }, 'verdict');
    }
    // The block files come before the next lines. The policy service has its own turn.
    return isChanged && this.#policyServer === undefined ? giveWay() : undefined;
  }

  #wakeNotifiers(): void {
    this.#notifySoon.wake();
    this.#hooks.wake();
  }

  async #notify(): Promise<void> {
    const trouble = 'the outbox cannot be used, will try again';
    const context = { ...this.#options, store: this.#store };
    await repeat(context, this.#notifySoon, trouble, async () => {
      const wait = (await this.#notices?.run()) ?? IDLE_OUTBOX_CHECK;
      return Math.max(SHORTEST_OUTBOX_PAUSE, Math.min(wait, IDLE_OUTBOX_CHECK));
    });
  }

  /** Commands of operators write to the database: block, unblock. */
  async #watchDatabase(): Promise<void> {
    const context = { ...this.#options, store: this.#store };
    let version: number | undefined;
    await repeat(context, new WakeUp(), 'the database cannot be read, will try again', async () => {
      this.#recordDeferrals();
      this.#health.update();
      const next = this.#store.dataVersion();
      if (next === version && !this.#blocks.isBehind) return DATABASE_CHECK;
      this.#blocks.sync();
      if (version !== undefined) {
        this.#enforceLoop.wake();
        this.#hooks.wake();
      }
      this.#sharing?.wake();
      version = next;
      return DATABASE_CHECK;
    });
  }

  #recordDeferrals(): void {
    if (this.#rates === undefined) return;
    const { clock, log } = this.#options;
    const deferrals = recordDeferrals(this.#recording, this.#rates, clock.now());
    for (const { rule, user, limit, period } of deferrals)
      log.warn({ rule, user, limit, period: formatDuration(period) }, 'recipients are put off');
    if (deferrals.length > 0) this.#notifySoon.wake();
  }
}
