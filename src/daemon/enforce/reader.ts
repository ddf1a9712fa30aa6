/**
 * The half of `postern enforce` that knows the database and has no rights: which blocks are to be in force, what
 * became of them, whose time is over. Runs as the owner of the database and asks the other half for what takes
 * rights. Never makes a database, and waits until `postern run` has used the one there is: a new one is empty, and
 * would free everybody before the service has filled it again.
 */
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { openSignal } from '../../base/change-signal.ts';
import { EXIT, getMessage, PosternError } from '../../base/errors.ts';
import { createLog, type Log } from '../../base/log.ts';
import { type Clock, MINUTE, SECOND } from '../../base/time.ts';
import { WakeUp } from '../../base/wake-up.ts';
import type { QueueResult } from '../../enforce/queue.ts';
import type { Reconciliation } from '../../enforce/reconcile.ts';
import { Store } from '../../store/store.ts';
import { Enforcer, type MtaControl } from '../enforcer.ts';
import { takeOver } from '../instance.ts';
import {
  type Opening,
  type Reply,
  type Request,
  reconcileRequest,
  splitLines,
} from './protocol.ts';

interface ReaderOptions {
  readonly input: Readable;
  /** Writes a line to the half with the rights. */
  readonly send: (line: string) => void;
  readonly clock: Clock;
  readonly version: string;
}

const LOOK_FOR_CHANGES = 500;
const CHECK_FILES = MINUTE;
const RETRY = 5 * SECOND;
/** What the service is about to change. */
const NOT_YET: readonly string[] = ['database-missing', 'database-older'];

/** Runs until its input ends, or once. Throws a PosternError for what is wrong with the database. */
export async function runReader(options: ReaderOptions): Promise<void> {
  const lines = splitLines(options.input, Number.MAX_SAFE_INTEGER);
  const first = await lines.next();
  if (first.done === true) return;
  const opening = JSON.parse(first.value) as Opening;
  const log = createLog(opening.logLevel);
  const remote = new Remote(opening, options.send);
  const listening = remote.listen(lines);
  if (opening.once) await once(opening, remote, options, log);
  else if (await isInUse(opening.database, remote, log)) {
    const store = openStore(opening.database, options, log);
    try {
      await new Watch(store, opening, remote, options.clock, log).run();
      store.state.write('enforcer', null);
    } finally {
      store.close();
    }
  }
  if (remote.ended) await listening;
}

async function once(
  opening: Opening,
  remote: Remote,
  options: ReaderOptions,
  log: Log,
): Promise<void> {
  if (!isFilled(opening.database)) {
    throw new PosternError(
      'database-missing',
      `${opening.database}: nothing to enforce yet; has \`postern run\` been started?`,
      { exitStatus: EXIT.failed },
    );
  }
  const store = openStore(opening.database, options, log);
  try {
    await new Enforcer({ store, ...remote.hands(), clock: options.clock, log }).run();
    store.state.write('enforcer', null);
    store.state.write('enforced once', options.clock.now());
    const failing = opening.targets.filter(({ name }) => {
      const state = store.state.target(name);
      return state?.failure !== undefined || state?.pending === true;
    });
    if (failing.length === 0) return;
    const names = failing.map(({ name }) => name).join(', ');
    throw new PosternError('not-in-force', `not in force: ${names}`, { exitStatus: EXIT.failed });
  } finally {
    store.close();
  }
}

function openStore(database: string, { clock, version }: ReaderOptions, log: Log): Store {
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

/** Waits for a database that the service has taken over; false when told to end meanwhile. */
async function isInUse(database: string, remote: Remote, log: Log): Promise<boolean> {
  let said = false;
  while (!remote.ended) {
    if (isFilled(database)) return true;
    if (!said) log.info({ database }, 'waiting for postern run to start');
    said = true;
    await remote.wake.wait(LOOK_FOR_CHANGES);
  }
  return false;
}

/** Whether the service has begun with this database, and brought it up to date. */
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

/** Sees what changes, and runs the enforcer when it has to. */
class Watch {
  readonly #store: Store;
  readonly #database: string;
  readonly #remote: Remote;
  readonly #enforcer: Enforcer;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #file: string;

  constructor(store: Store, opening: Opening, remote: Remote, clock: Clock, log: Log) {
    this.#store = store;
    this.#database = opening.database;
    this.#remote = remote;
    this.#clock = clock;
    this.#log = log;
    this.#file = getFileIdentity(opening.database);
    this.#enforcer = new Enforcer({ store, ...remote.hands(), clock, log });
  }

  async run(): Promise<void> {
    const { wake } = this.#remote;
    wake.watch([openSignal(this.#database)], 'bell', (reason) =>
      this.#log.warn({ reason }, 'the service cannot wake us, looking twice a second'),
    );
    let last = 0;
    let pause = 0;
    let version = -1;
    let blocks = '';
    while (!this.#remote.ended) {
      if (getFileIdentity(this.#database) !== this.#file) throw replaced(this.#database);
      const seen = this.#store.dataVersion();
      const wanted = seen === version ? blocks : this.#wanted();
      version = seen;
      const passed = this.#clock.now() - last;
      // Less than none: the clock was set back, and must not make us wait for the old time.
      const isDue = passed >= pause || passed < 0;
      if (wanted !== blocks || this.#remote.takeChange() || isDue) {
        pause = await this.#enforce();
        last = this.#clock.now();
        blocks = wanted;
      }
      if (!this.#remote.ended) {
        const left = pause - (this.#clock.now() - last);
        await wake.wait(Math.max(10, Math.min(LOOK_FOR_CHANGES, left)));
      }
    }
    await wake.close();
  }

  #wanted(): string {
    return this.#store.blocks
      .allRunning()
      .map(({ id, end }) => `${id} ${end}`)
      .join('\n');
  }

  /** Gives the ms until it has to run again, whatever happens. */
  async #enforce(): Promise<number> {
    try {
      const { again } = await this.#enforcer.run();
      return Math.min(again ?? CHECK_FILES, CHECK_FILES);
    } catch (error) {
      if (this.#remote.ended) return 0;
      if (!this.#store.isPassing(error)) throw error;
      this.#log.error({ error: getMessage(error) }, 'enforcing failed, will try again');
      return RETRY;
    }
  }
}

/** The other half, as seen from here. */
class Remote {
  readonly wake = new WakeUp();
  ended = false;
  #changed = false;
  readonly #opening: Opening;
  readonly #send: (line: string) => void;
  #answer: { resolve(word: Reply): void; reject(error: Error): void } | undefined;

  constructor(opening: Opening, send: (line: string) => void) {
    this.#opening = opening;
    this.#send = send;
  }

  hands(): MtaControl {
    const { targets, configured, hold } = this.#opening;
    return {
      targets,
      configured,
      reconcile: async (wanted) =>
        (await this.#ask(reconcileRequest(wanted), 'reconciled')) as Reconciliation,
      queue: hold
        ? { act: async (_hold, ids) => (await this.#ask(holdRequest(ids), 'held')) as QueueResult }
        : undefined,
    };
  }

  /** Whether a target's file was touched since the last call. */
  takeChange(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Takes in what the other half says until it says no more. */
  async listen(lines: AsyncIterable<string>): Promise<void> {
    for await (const line of lines) {
      const word = JSON.parse(line) as Reply;
      if (word.say === 'changed') {
        this.#changed = true;
        this.wake.wake();
      } else {
        this.#answer?.resolve(word);
      }
    }
    this.ended = true;
    this.#answer?.reject(new PosternError('ended', 'postern enforce has ended', { exitStatus: 1 }));
    this.wake.wake();
  }

  async #ask(request: Request, expected: 'reconciled' | 'held'): Promise<unknown> {
    const word = await new Promise<Reply>((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.#send(JSON.stringify(request));
    });
    this.#answer = undefined;
    if (word.say === expected) return word.result;
    const why = word.say === 'refused' ? word.why : `an answer to another question (${word.say})`;
    throw new PosternError('refused', `postern enforce refused: ${why}`, { exitStatus: 1 });
  }
}

function holdRequest(ids: readonly string[]): Request {
  return { ask: 'hold', ids: [...ids] };
}

/** Which file it is, as text. */
function getFileIdentity(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 'gone' : `${stats.dev} ${stats.ino}`;
}

function replaced(database: string): PosternError {
  return new PosternError('database-replaced', `${database}: is another file than before`, {
    exitStatus: EXIT.failed,
  });
}
