/**
 * The running milter: its server, its jobs, and the state for `postern status`. A new configuration is taken over without
 * touching open sessions. It does not need the daemon or its database.
 */
import { getMessage } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../../base/time.ts';
import { waitOrAbort } from '../../base/wait.ts';
import type { MilterConfig } from '../../config/config.ts';
import { MetricsServer } from '../../metrics/server.ts';
import { MilterServer } from '../../milter/server.ts';
import { describeSelf } from '../instance.ts';
import type { MilterJob } from './job.ts';
import { buildJobs, chainJobs } from './jobs.ts';
import { listMilterFamilies } from './metrics.ts';
import { Shared } from './shared.ts';
import { type MilterState, removeMilterState, writeMilterState } from './state.ts';

interface MilterServiceOptions {
  readonly config: MilterConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** ms, default five minutes: how long open sessions are served at the end */
  readonly patience?: number;
  /** one that listens already; default: a new one */
  readonly server?: MilterServer;
}

const PATIENCE = 5 * MINUTE;
/** How often the state is written, if it has changed, ms. */
const STATE_PAUSE = 2 * SECOND;
/** How long a message may go on with the jobs of an older configuration, ms. */
const OLD_JOBS = 10 * MINUTE;

export class MilterService {
  readonly #options: MilterServiceOptions;
  readonly #self;
  readonly #server: MilterServer;
  readonly #shared = new Shared();
  #config: MilterConfig;
  #jobs: readonly MilterJob[];
  readonly #oldJobs = new Map<MilterJob, NodeJS.Timeout>();
  #isEnding = false;
  #written = '';
  #writeFailure: string | undefined;

  /** Throws a PosternError if a job cannot work as it is configured. */
  constructor(options: MilterServiceOptions) {
    const { config, clock, log, version } = options;
    this.#options = options;
    this.#config = config;
    this.#self = describeSelf(clock, version);
    this.#jobs = buildJobs({ config, clock, log, shared: this.#shared, before: [] });
    const handler = chainJobs(this.#jobs);
    this.#server = options.server ?? new MilterServer({ handler, log });
    this.#server.setHandler(handler);
  }

  /** Serves until `signal` is aborted, then the sessions that are open. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, version } = this.#options;
    await this.#server.listen(places(this.#config));
    const measuring = this.#serveMetrics(signal);
    log.info({ version, jobs: this.#listNames() }, 'milter started');
    while (!signal.aborted) {
      this.#writeState();
      await waitOrAbort(STATE_PAUSE, signal);
    }
    await measuring;
    await this.#end();
  }

  /** Where they are served changes with a restart only. */
  async #serveMetrics(signal: AbortSignal): Promise<void> {
    const { metrics } = this.#config;
    if (metrics === undefined) return;
    const families = listMilterFamilies({
      started: this.#self.started,
      counters: () => this.#server.counters,
      figures: () => this.#describe().figures,
      problems: () => this.#describe().problems.length,
    });
    const { log } = this.#options;
    await new MetricsServer({ ...metrics, setting: 'milter.metrics', families, log }).run(signal);
  }

  /** Takes over a configuration. Throws a PosternError if it cannot be used; then nothing has changed. */
  reload(config: MilterConfig): void {
    const { clock, log } = this.#options;
    const before = this.#jobs;
    const jobs = buildJobs({ config, clock, log, shared: this.#shared, before });
    const stateFile = this.#config.state;
    for (const job of before) if (!jobs.includes(job)) this.#retire(job);
    this.#jobs = jobs;
    this.#config = config;
    this.#server.setHandler(chainJobs(jobs));
    void this.#server.listen(places(config));
    if (stateFile !== config.state) removeMilterState(stateFile);
    log.info({ jobs: this.#listNames() }, 'milter reloaded');
    this.#writeState();
  }

  #retire(job: MilterJob): void {
    const timer = setTimeout(() => {
      this.#oldJobs.delete(job);
      void this.#closeJob(job);
    }, OLD_JOBS);
    this.#oldJobs.set(job, timer.unref());
  }

  async #closeJob(job: MilterJob): Promise<void> {
    try {
      await job.close?.();
    } catch (error) {
      this.#options.log.error({ error: getMessage(error) }, `milter: ${job.handler.name}`);
    }
  }

  async #end(): Promise<void> {
    const { log, patience = PATIENCE } = this.#options;
    const { open } = this.#server.counters;
    this.#isEnding = true;
    this.#writeState();
    if (open > 0) log.info({ open }, 'milter: listens no more, serves the open sessions');
    await this.#server.end(patience);
    for (const timer of this.#oldJobs.values()) clearTimeout(timer);
    for (const job of [...this.#oldJobs.keys(), ...this.#jobs]) await this.#closeJob(job);
    removeMilterState(this.#config.state);
    log.info({ ...this.#server.counters }, 'milter ended');
  }

  #listNames(): string[] {
    return this.#jobs.map(({ handler }) => handler.name);
  }

  /** Writes the state if it has changed. */
  #writeState(): void {
    const state = this.#describe();
    const text = JSON.stringify(state);
    if (text === this.#written) return;
    const { log } = this.#options;
    try {
      writeMilterState(this.#config.state, state);
      this.#written = text;
      this.#writeFailure = undefined;
    } catch (error) {
      const failure = getMessage(error);
      if (failure !== this.#writeFailure)
        log.warn({ error: failure }, 'milter: cannot tell postern status how it is');
      this.#writeFailure = failure;
    }
  }

  #describe(): MilterState {
    const figures = this.#jobs.map((job) => [job.handler.name, job.counters?.() ?? {}]);
    return {
      ...this.#self,
      places: this.#server.listPlaces(),
      jobs: this.#listNames(),
      counters: { ...this.#server.counters },
      figures: Object.fromEntries(figures),
      problems: this.#jobs.flatMap((job) => job.problems?.() ?? []),
      isEnding: this.#isEnding,
    };
  }
}

function places({ listen, access }: MilterConfig) {
  return { listen, access };
}
