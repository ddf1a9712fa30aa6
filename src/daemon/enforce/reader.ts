/**
 * The half of `postern enforce` that knows the database and has no rights: which blocks are to be in force, whether
 * they are, whose time is over. Runs as the owner of the database, and requests from the step what takes rights. Never
 * makes a database, and waits until `postern run` has used the one there is: a new one is empty, and would release
 * everybody before the service has filled it again.
 */
import type { Readable } from 'node:stream';
import { PosternError } from '../../base/errors.ts';
import { createLog, type Log } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import { Store } from '../../store/store.ts';
import { Enforcer } from '../enforcer.ts';
import { takeOver } from '../instance.ts';
import { DatabaseWatch } from './database-watch.ts';
import { type Opening, splitLines } from './protocol.ts';
import { RemoteControl } from './remote-control.ts';

interface ReaderOptions {
  /** lines of the step */
  readonly input: Readable;
  /** writes a line to the step */
  readonly send: (line: string) => void;
  readonly clock: Clock;
  readonly version: string;
}

/** What a run needs, whether it is once or until the step ends. */
interface ReaderContext extends ReaderOptions {
  readonly opening: Opening;
  readonly remote: RemoteControl;
  readonly log: Log;
}

const DATABASE_CHECK = 500;
/** Errors of opening that the service is about to remove. */
const NOT_YET: readonly string[] = ['database-missing', 'database-older'];

/** Runs until its input ends, or once. Throws a PosternError if the database cannot be used. */
export async function runReader(options: ReaderOptions): Promise<void> {
  const lines = splitLines(options.input, Number.MAX_SAFE_INTEGER);
  const first = await lines.next();
  if (first.done === true) return;
  const opening = JSON.parse(first.value) as Opening;
  const remote = new RemoteControl(opening, options.send);
  const listening = remote.listen(lines);
  const context = { ...options, opening, remote, log: createLog(opening.logLevel) };
  if (opening.once) await runOnce(context);
  else await runUntilEnd(context);
  if (remote.hasEnded) await listening;
}

async function runUntilEnd(context: ReaderContext): Promise<void> {
  if (!(await waitUntilFilled(context))) return;
  const store = openStore(context);
  try {
    await new DatabaseWatch({ ...context, store }).run();
    store.state.write('enforcer', null);
  } finally {
    store.close();
  }
}

async function runOnce(context: ReaderContext): Promise<void> {
  const { opening, remote, clock, log } = context;
  if (!isFilled(opening.database)) {
    throw new PosternError(
      'environment',
      `${opening.database}: nothing to enforce yet; has \`postern run\` been started?`,
      { code: 'database-missing' },
    );
  }
  const store = openStore(context);
  try {
    await new Enforcer({ store, ...remote.buildControl(), clock, log }).run();
    store.state.write('enforcer', null);
    store.state.write('enforced once', clock.now());
    assertInForce(store, opening);
  } finally {
    store.close();
  }
}

function assertInForce(store: Store, { targets }: Opening): void {
  const failing = targets.filter(({ name }) => {
    const state = store.state.target(name);
    return state?.failure !== undefined || state?.pending === true;
  });
  if (failing.length === 0) return;
  const names = failing.map(({ name }) => name).join(', ');
  throw new PosternError('environment', `not in force: ${names}`, { code: 'not-in-force' });
}

function openStore({ opening, clock, version, log }: ReaderContext): Store {
  const { database } = opening;
  const store = new Store(database, { readonly: true });
  try {
    takeOver(store, { clock, version }, 'enforcer');
    log.info({ database }, 'reading the database');
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Waits for a database that the service has taken over; false if told to end before that. */
async function waitUntilFilled({ opening, remote, log }: ReaderContext): Promise<boolean> {
  const { database } = opening;
  let isLogged = false;
  while (!remote.hasEnded) {
    if (isFilled(database)) return true;
    if (!isLogged) log.info({ database }, 'waiting for postern run to start');
    isLogged = true;
    await remote.wakeUp.wait(DATABASE_CHECK);
  }
  return false;
}

/** Whether the service has begun to use this database, and brought it up to date. */
function isFilled(database: string): boolean {
  let store: Store | undefined;
  try {
    store = new Store(database, { readonly: true });
    return store.state.read('daemon') !== undefined;
  } catch (error) {
    if (error instanceof PosternError && NOT_YET.includes(error.code)) return false;
    throw error;
  } finally {
    store?.close();
  }
}
