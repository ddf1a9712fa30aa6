/**
 * Which process serves a database: at most one may, and `postern status` checks whether it still lives. A process is
 * known by its number and its start time, because the system uses numbers again.
 */
import { readFileSync } from 'node:fs';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, PosternError } from '../base/errors.ts';
import type { Clock } from '../base/time.ts';
import type { Process, ServiceProcess } from '../store/saved-state.ts';
import type { Store } from '../store/store.ts';

/** What may run at most once for a database: `postern run`, and the reader of `postern enforce`. */
type Role = 'daemon' | 'enforcer';

/** Registers this process as the one that serves the database. Throws a PosternError if another one does. */
export function takeOver(
  store: Store,
  {
    clock,
    version,
    kept,
  }: {
    readonly clock: Clock;
    readonly version: string;
    readonly kept?: ServiceProcess['kept'];
  },
  role: Role = 'daemon',
): void {
  const state = dropUndefined({ ...describeSelf(clock, version), kept });
  // In one transaction: of two that start at once, the second sees the first.
  store.commit(() => {
    const other = findRunning(store, role);
    if (other !== undefined && other.pid !== process.pid) throw alreadyRunning(store.path, other);
    store.state.write(role, state);
  });
  if (role === 'daemon') store.beside.change({ daemon: state, failing: undefined });
}

/** No process serves the database any more. */
export function signOff(store: Store): void {
  try {
    store.state.write('daemon', null);
  } catch (error) {
    // Whoever reads the state finds that the process is gone.
    if (!store.isPassing(error)) throw error;
  }
}

/** This process, as it is known to others; `started` is now. */
export function describeSelf(clock: Clock, version: string): ServiceProcess {
  const ticks = readStartTicks(process.pid) ?? '';
  return { pid: process.pid, ticks, started: clock.now(), version };
}

function alreadyRunning(database: string, { pid }: ServiceProcess): PosternError {
  const message = `${database}: postern already runs with this database, as process ${pid}`;
  return new PosternError('environment', message, { code: 'already-running' });
}

/** The process that serves this database in that role; undefined if none runs. */
export function findRunning(store: Store, role: Role = 'daemon'): ServiceProcess | undefined {
  const state = store.state.read(role) as ServiceProcess | null | undefined;
  return state !== undefined && state !== null && isAlive(state) ? state : undefined;
}

/** Whether that process still lives; another process with the same number does not count. */
export function isAlive(state: Process | undefined): boolean {
  const ticks = state === undefined ? undefined : readStartTicks(state.pid);
  return ticks !== undefined && (ticks === HIDDEN || ticks === state?.ticks);
}

/** The process is there, and the system does not say since when: no /proc, or one that hides other accounts. */
const HIDDEN = 'alive';

/** Field 22 of /proc/PID/stat (proc(5)). Without /proc the same text for every process that lives. */
function readStartTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name in parentheses may contain anything: count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    try {
      process.kill(pid, 0);
      return HIDDEN;
    } catch (error) {
      return getErrno(error) === 'EPERM' ? HIDDEN : undefined;
    }
  }
}
