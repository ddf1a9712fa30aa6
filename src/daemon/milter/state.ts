/**
 * The state of `postern milter`, in a file of its own: it has no database in common with the daemon, and runs without it.
 * `postern status` reads it.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../base/files.ts';
import type { MilterCounters } from '../../milter/counters.ts';
import type { MilterPlaceState } from '../../milter/server.ts';
import type { ServiceProcess } from '../../store/saved-state.ts';
import { isAlive } from '../instance.ts';

export interface MilterState extends ServiceProcess {
  readonly places: readonly MilterPlaceState[];
  /** names of the jobs in use */
  readonly jobs: readonly string[];
  readonly counters: MilterCounters;
  /** figures of the jobs, by name of the job */
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** of the jobs, one line each */
  readonly problems: readonly string[];
  /** it listens no more, and serves the sessions that are open */
  readonly isEnding: boolean;
}

/** The file of a milter that runs with a scam.conf, beside its pid file. */
export function findStateFile(pidFile: string): string {
  return `${pidFile.replace(/\.pid$/, '')}.state`;
}

/** Everybody may read it: it holds figures only. */
const READABLE = 0o644;

/** Throws the system error. */
export function writeMilterState(file: string, state: MilterState): void {
  // Under systemd the folder is there (RuntimeDirectory=).
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  replaceFile(file, `${JSON.stringify(state)}\n`, READABLE);
}

/** What the process that runs now has written; undefined if none runs. */
export function readMilterState(file: string): MilterState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, 'utf8')) as MilterState;
    return isAlive(state) ? state : undefined;
  } catch {
    // No file, or not one of ours: nobody runs who would have written it.
    return undefined;
  }
}

/** Removes the file, unless another process has written it meanwhile. */
export function removeMilterState(file: string): void {
  const state = readMilterState(file);
  if (state === undefined || state.pid === process.pid) rmSync(file, { force: true });
}
