/** The jobs of the milter: what the configuration switches on, in the order in which they are asked. */
import { chain } from '../../milter/chain.ts';
import { ACCEPT_ALL, type MilterHandler } from '../../milter/handler.ts';
import type { BuildJob, JobContext, MilterJob } from './job.ts';
import { buildReturnPathJob } from './return-path/job.ts';

/** One row a job. Recipients are checked before the return path is. */
const JOBS: readonly BuildJob[] = [buildReturnPathJob];

export function buildJobs(context: JobContext): MilterJob[] {
  return JOBS.map((build) => build(context)).filter((job) => job !== undefined);
}

/** All of them as one handler; without any, everything is accepted and counted. */
export function chainJobs(jobs: readonly MilterJob[]): MilterHandler {
  return jobs.length === 0 ? ACCEPT_ALL : chain(jobs.map(({ handler }) => handler));
}
