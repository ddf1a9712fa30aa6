/** Times whole processes from outside, in turn, and takes medians. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** One run of a command. Seconds. */
export interface Run {
  /** user and system time of the process and its children */
  readonly cpu: number;
  readonly wall: number;
}

export interface Contestant {
  readonly name: string;
  readonly argv: readonly string[];
  /** standard input comes from this file */
  readonly input?: string;
}

/**
 * Runs all of them in turn, `rounds` times and once more to warm up: whatever the machine does besides hits all of
 * them. Gives each one's medians in the same order. Throws when one fails.
 */
export function inTurn(contestants: readonly Contestant[], rounds: number): Run[] {
  const runs: Run[][] = contestants.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    contestants.forEach((contestant, index) => {
      const run = runOnce(contestant);
      if (round > 0) (runs[index] as Run[]).push(run);
    });
  }
  return runs.map((list) => ({
    cpu: median(list.map((run) => run.cpu)),
    wall: median(list.map((run) => run.wall)),
  }));
}

/** bash's `time` has milliseconds and counts children; no other tool has to be there. */
function runOnce({ name, argv, input }: Contestant): Run {
  const script = 'TIMEFORMAT="bench %U %S %R"; time "$@" < "$BENCH_INPUT" > /dev/null';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bench', ...argv], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', BENCH_INPUT: input ?? '/dev/null' },
    maxBuffer: 1 << 28,
  });
  const found = /^bench ([\d.]+) ([\d.]+) ([\d.]+)$/m.exec(stderr ?? '');
  if (status !== 0 || found === null) throw new Error(`${name} failed: ${stderr?.slice(-500)}`);
  return { cpu: Number(found[1]) + Number(found[2]), wall: Number(found[3]) };
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** Median, lowest and highest. */
export function spread(ratios: readonly number[]): string {
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  return `${median(ratios).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}

export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** CPU seconds that a process has used so far, proc(5). */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Resident memory of a process in MiB, and its highest. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
