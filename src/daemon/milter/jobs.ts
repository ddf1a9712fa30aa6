/** The jobs of the milter: what the configuration switches on, in the order in which they are asked. */
import { chain } from '../../milter/chain.ts';
import { ACCEPT_ALL, type MilterHandler } from '../../milter/handler.ts';
import type { BuildJob, JobContext, MilterJob } from './job.ts';
import { buildRecipientsJob } from './recipients/job.ts';
import { buildReturnPathJob } from './return-path/job.ts';

/** One row a job. Recipients are checked before the return path is. */
const JOBS: readonly BuildJob[] = [buildRecipientsJob, buildReturnPathJob];

/** Throws what a job throws that cannot work; then none is left open. */
export function buildJobs(context: JobContext): MilterJob[] {
  const jobs: MilterJob[] = [];
  try {
    for (const build of JOBS) {
      const job = build(context);
      if (job !== undefined) jobs.push(job);
    }
  } catch (error) {
    for (const job of jobs) if (!context.before.includes(job)) void job.close?.();
    throw error;
  }
  return jobs;
}

/** All of them as one handler; without any, everything is accepted and counted. */
export function chainJobs(jobs: readonly MilterJob[]): MilterHandler {
  return jobs.length === 0 ? ACCEPT_ALL : chain(jobs.map(({ handler }) => handler));
}
