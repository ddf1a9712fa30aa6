/**
 * `postern enforce`: the process with the rights to change the MTA, apart from the service (docs/privileges.md).
 *
 * This process never opens the database, since its owner could answer with anything. It starts a reader as the owner
 * of the database's folder (reader.ts), which requests what is to be in force, and does three things: it makes the
 * configured files list the blocks, has the MTA read them, and finds and holds queued mail. Files and commands come from the
 * configuration, which must belong to root. A reader that ends, or sends anything else, is replaced after a pause.
 */
import { getMessage } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, SECOND } from '../../base/time.ts';
import { waitOrAbort } from '../../base/wait.ts';
import { WakeUp } from '../../base/wake-up.ts';
import type { Config } from '../../config/load.ts';
import type { MtaControl } from '../mta-control.ts';
import {
  decodeReconcile,
  LONGEST_STEP_REQUEST,
  type Opening,
  parseRequest,
  type Reply,
  splitLines,
} from './protocol.ts';
import { ReaderProcess } from './reader-process.ts';
import { buildTrustedControl } from './trusted-control.ts';

interface StepOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** argument vector that runs the reader */
  readonly reader: readonly string[];
  /** bring into force what should be now, and end */
  readonly once: boolean;
  /** ms that a reader has to end after it was told to; default 5 s */
  readonly patience?: number;
  readonly signal: AbortSignal;
}

const PAUSE = 5 * SECOND;
const FILE_CHECK = 60 * SECOND;
const PATIENCE = 5 * SECOND;

/**
 * Runs until the signal is aborted, or once; returns whether everything is in force. Throws a PosternError (exit
 * status 2) if another account than root could change where this process writes.
 */
export async function runStep(options: StepOptions): Promise<boolean> {
  const { config, log, signal, once } = options;
  const control = buildTrustedControl(config);
  log.info({ mta: config.mta, mode: config.mode, once }, 'enforcing');
  while (!signal.aborted) {
    const failure = await new Session(control, options).run();
    if (once) return failure === undefined;
    if (signal.aborted) break;
    log.error({ error: failure }, 'the reader of the database has ended, starting another one');
    await waitOrAbort(PAUSE, signal);
  }
  return true;
}

/** One reader from its start to its end: the step serves its requests. */
class Session {
  readonly #control: MtaControl;
  readonly #options: StepOptions;
  readonly #files = new WakeUp();

  constructor(control: MtaControl, options: StepOptions) {
    this.#control = control;
    this.#options = options;
  }

  /** Returns how it failed; undefined if the reader did what it was started for. Never throws. */
  async run(): Promise<string | undefined> {
    const { config, reader: argv, patience = PATIENCE, signal } = this.#options;
    let reader: ReaderProcess;
    try {
      reader = new ReaderProcess(argv, config.database, patience);
    } catch (error) {
      return getMessage(error);
    }
    const stop = () => reader.stop();
    signal.addEventListener('abort', stop);
    reader.send(this.#buildOpening());
    if (signal.aborted) stop();
    try {
      return await this.#serve(reader);
    } finally {
      signal.removeEventListener('abort', stop);
      reader.dispose();
      await this.#files.close();
    }
  }

  async #serve(reader: ReaderProcess): Promise<string | undefined> {
    const over = new AbortController();
    const watching = this.#watchFiles(reader, over.signal);
    const problem = await this.#replyToAll(reader);
    if (problem === undefined) reader.limitEnd();
    else void reader.kill();
    const { status, how } = await reader.ended;
    over.abort();
    await watching;
    return problem ?? (status === 0 ? undefined : how);
  }

  #buildOpening(): Opening {
    const { config, once } = this.#options;
    return {
      database: config.database,
      targets: this.#control.targets.map(({ name, file }) => ({ name, file })),
      configured: this.#control.configured,
      hold: this.#control.queue !== undefined,
      policy: this.#control.hasPolicy === true,
      once,
      logLevel: config.logLevel,
    };
  }

  /** Serves one request after the other, until there are no more. Returns what was wrong with the last one. */
  async #replyToAll(reader: ReaderProcess): Promise<string | undefined> {
    try {
      for await (const line of splitLines(reader.output, LONGEST_STEP_REQUEST)) {
        const reply = await this.#carryOut(line);
        reader.send(reply);
        if (reply.kind === 'refused') return `refused a request of the reader: ${reply.reason}`;
      }
      return undefined;
    } catch (error) {
      return getMessage(error);
    }
  }

  async #carryOut(line: string): Promise<Reply> {
    const request = parseRequest(line);
    if ('error' in request) return { kind: 'refused', reason: request.error };
    const { queue, reconcile } = this.#control;
    if (request.kind === 'reconcile') {
      const result = await reconcile(decodeReconcile(request, this.#options.clock.now()));
      return { kind: 'reconciled', result };
    }
    if (queue === undefined) return { kind: 'refused', reason: 'queued mail is not held here' };
    if (request.kind === 'find') return { kind: 'found', result: await queue.find(request) };
    return { kind: 'held', result: await queue.hold(request.ids) };
  }

  /** Notifies the reader when somebody touches a target's file: a line deleted by hand is an unblock. */
  async #watchFiles(reader: ReaderProcess, over: AbortSignal): Promise<void> {
    const files = this.#control.targets.map(({ file }) => file);
    if (files.length === 0 || this.#options.once) return;
    while (!over.aborted) {
      this.#files.watch(files, undefined, (reason) =>
        this.#options.log.warn({ reason }, 'block files are not watched'),
      );
      await this.#files.wait(FILE_CHECK, over);
      if (!over.aborted) reader.send({ kind: 'changed' });
    }
  }
}
