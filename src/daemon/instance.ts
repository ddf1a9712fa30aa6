/**
 * Which process serves a database: at most one may, and `postern status` asks whether it still lives. A process is
 * known by its number and by when it started, because numbers are given out again.
 */
import { readFileSync } from 'node:fs';
import { PosternError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { Process, ServiceProcess } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';

/** What may run at most once for a database: `postern run`, and the reader of `postern enforce`. */
type Role = 'daemon' | 'enforcer';

/** One service for one database. */
export function takeOver(
  store: Store,
  { clock, version }: { readonly clock: Clock; readonly version: string },
  role: Role = 'daemon',
): void {
  const state: ServiceProcess = {
    pid: process.pid,
    ticks: startTicks(process.pid) ?? '',
    started: clock.now(),
    version,
  };
  // In one transaction: of two that start at once, the second sees the first.
  store.commit(() => {
    const other = runningDaemon(store, role);
    if (other !== undefined && other.pid !== process.pid) throw alreadyRunning(store.path, other);
    store.state.write(role, state);
  });
  if (role === 'daemon') store.beside.change({ daemon: state, failing: undefined });
}

function alreadyRunning(database: string, { pid }: ServiceProcess): PosternError {
  const message = `${database}: postern already runs with this database, as process ${pid}`;
  return new PosternError('already-running', message, { exitStatus: 1 });
}

/** The service that runs on this database, if one does. */
export function runningDaemon(store: Store, role: Role = 'daemon'): ServiceProcess | undefined {
  const state = store.state.read(role);
  return state !== undefined && state !== null && isAlive(state) ? state : undefined;
}

/** Whether the process that describes itself so still lives; another one with its number does not count. */
export function isAlive(state: Process | undefined): boolean {
  const ticks = state === undefined ? undefined : startTicks(state.pid);
  return ticks !== undefined && ticks === state?.ticks;
}

/** Field 22 of /proc/PID/stat (proc(5)); without /proc only whether the process lives. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name in parentheses may hold anything: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    try {
      process.kill(pid, 0);
      return 'alive';
    } catch {
      return undefined;
    }
  }
}
