/** Starts a program that lives on when this one ends. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** A program that was started as a service. */
export interface StartedService {
  readonly pid: number;
  /** exit status, or the signal that ended it; undefined while it runs */
  ended(): number | string | undefined;
  kill(): void;
  /** Lets it live on when this process ends. */
  leave(): void;
}

/**
 * Starts `argv` in a session of its own, without a terminal; what it prints on standard error goes to the command `log`,
 * which ends with it. Throws an error if one of them cannot be started.
 */
export async function startService(
  argv: readonly string[],
  options: { readonly log: readonly string[]; readonly env: NodeJS.ProcessEnv },
): Promise<StartedService> {
  const log = spawnDetached(options.log, { stdio: ['pipe', 'ignore', 'ignore'] });
  await untilSpawned(log);
  const stdio = ['ignore', 'ignore', log.stdin] as never;
  const child = spawnDetached(argv, { stdio, env: options.env });
  await untilSpawned(child);
  // The service has the only other end of the pipe now: when it ends, so does the log command.
  log.stdin?.destroy();
  let end: number | string | undefined;
  child.once('exit', (status, signal) => {
    end = status ?? signal ?? 0;
  });
  const leave = () => {
    for (const one of [log, child]) one.unref();
  };
  return {
    pid: child.pid as number,
    ended: () => end,
    kill: () => void child.kill('SIGKILL'),
    leave,
  };
}

function spawnDetached([file = '', ...args]: readonly string[], options: SpawnOptions) {
  return spawn(file, args, { ...options, detached: true, cwd: '/' });
}

function untilSpawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', resolve);
  });
}
