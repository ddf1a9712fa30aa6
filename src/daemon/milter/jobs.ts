/** The jobs of the milter: what the configuration switches on, in the order in which they are asked. */
import type { Log } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { Config } from '../../config/load.ts';
import { chain } from '../../milter/chain.ts';
import { ACCEPT_ALL, type MilterHandler } from '../../milter/handler.ts';

/** What a job is made of. */
export interface JobContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
}

/** One job, as long as its configuration is in use. */
export interface MilterJob {
  readonly handler: MilterHandler;
  /** figures for `postern status` */
  counters?(): Readonly<Record<string, number>>;
  /** what is wrong with it now, one line each */
  problems?(): readonly string[];
  /** Writes what must be kept and frees what it holds. Its handler is not called any more. */
  close?(): void | Promise<void>;
}

/** Makes a job; undefined if the configuration does not want it. Throws a PosternError if it cannot work. */
type BuildJob = (context: JobContext) => MilterJob | undefined;

/** One row a job. Recipients are checked before the return path is. */
const JOBS: readonly BuildJob[] = [];

export function buildJobs(context: JobContext): MilterJob[] {
  return JOBS.map((build) => build(context)).filter((job) => job !== undefined);
}

/** All of them as one handler; without any, everything is accepted and counted. */
export function chainJobs(jobs: readonly MilterJob[]): MilterHandler {
  return jobs.length === 0 ? ACCEPT_ALL : chain(jobs.map(({ handler }) => handler));
}
