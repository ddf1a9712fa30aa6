/** What a job of the milter is to the service that runs it. Types only. */
import type { Log } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import type { MilterConfig } from '../../config/config.ts';
import type { MilterHandler } from '../../milter/handler.ts';
import type { Shared } from './shared.ts';

/** What a job is made of. */
export interface JobContext {
  readonly config: MilterConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** what several configurations use at a time, while open sessions end with an older one */
  readonly shared: Shared;
  /** the jobs of the configuration before; one that needs no change may be given again */
  readonly before: readonly MilterJob[];
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
export type BuildJob = (context: JobContext) => MilterJob | undefined;
