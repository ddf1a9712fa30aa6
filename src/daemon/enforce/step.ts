/**
 * `postern enforce`: the part that has the rights to change the MTA, in a process of its own (docs/privileges.md).
 *
 * This process never opens the database: whoever owns it could answer with anything. It starts a reader as the owner
 * of the database's folder (src/step/reader.ts), which says which blocks are to be in force, and does three things:
 * it makes the configured files list them, has the MTA read them, and holds queued mail. Files and commands come from
 * the configuration, which must belong to root. A reader that ends or talks nonsense is replaced after a pause.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Helper, runCommand, startHelper } from '../../base/commands.ts';
import { getMessage, PosternError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type Clock, SECOND } from '../../base/time.ts';
import { WakeUp } from '../../base/wake-up.ts';
import type { Config } from '../../config/load.ts';
import { buildMtaControl } from '../assemble.ts';
import type { MtaControl } from '../enforcer.ts';
import { distrust } from './path-trust.ts';
import {
  LONGEST_STEP_REQUEST,
  type Opening,
  parseRequest,
  type Reply,
  splitLines,
} from './protocol.ts';

interface StepOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** argument vector that runs the reader */
  readonly reader: readonly string[];
  /** bring into force what is wanted now, and end */
  readonly once: boolean;
  /** ms that a reader has to end after it was told to; default 5 s */
  readonly patience?: number;
  readonly signal: AbortSignal;
}

const PAUSE = 5 * SECOND;
const LOOK_AT_FILES = 60 * SECOND;
const PATIENCE = 5 * SECOND;

/**
 * Runs until the signal is aborted, or once. Gives whether all went well; throws a PosternError (exit status 2) when
 * others than root could tell this process where to write.
 */
export async function runStep(options: StepOptions): Promise<boolean> {
  const { config, log, signal, once } = options;
  const hands = buildTrustedControl(config);
  const pause = new WakeUp();
  signal.addEventListener('abort', () => pause.wake());
  log.info({ mta: config.mta, mode: config.mode, once }, 'enforcing');
  while (!signal.aborted) {
    const failure = await new Session(hands, options).run();
    if (once) return failure === undefined;
    if (signal.aborted) break;
    log.error({ error: failure }, 'the reader of the database has ended, starting another one');
    await pause.wait(PAUSE);
  }
  return true;
}

/** What the configuration lets this process do; throws what `runStep` throws of it. */
export function buildTrustedControl(config: Config): MtaControl {
  if (process.geteuid?.() === 0) assertTrusted(config);
  return buildMtaControl(config);
}

/** Throws a PosternError that names every part of a path which others than root can change. */
export function assertTrusted(config: Config): void {
  const problems = trustProblems(config);
  if (problems.length === 0) return;
  const list = problems.map((problem) => `\n  ${problem}`).join('');
  throw new PosternError('untrusted', `postern enforce will not write as root:${list}`);
}

/** Parts of paths through which others than root could tell root where to write, each as a sentence. */
export function trustProblems(config: Config): string[] {
  const files = buildMtaControl(config).targets.map(({ file }) => file);
  const problems = [
    distrust(config.file),
    ...files.map((file) => distrust(dirname(file))),
    ...files.map((file) => linkProblem(file)),
    distrust(dirname(dirname(config.database))),
  ].filter((problem) => problem !== undefined);
  return [...new Set(problems)];
}

/** A target may be a link: then the folder it leads into counts as well. */
function linkProblem(file: string): string | undefined {
  const problem = distrust(file);
  // The file itself may belong to anybody: it is replaced, never written to.
  return problem?.startsWith(`${file} `) === true ? undefined : problem;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Who reads the database: the owner of its folder, so that no file there is ever opened with our rights. */
function readerAccount(database: string): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const folder = statSync(dirname(database), { throwIfNoEntry: false });
  if (folder === undefined) throw new Error(`${dirname(database)}: there is no such folder`);
  const { uid, gid } = folder;
  return uid === 0 ? undefined : { uid, gid };
}

/**
 * Ends the reader with its children: as their account, because root may lack the right to (CAP_KILL). What it says no
 * longer counts, whoever else holds its end of the pipe.
 */
async function kill(helper: Helper, account: Account | undefined): Promise<void> {
  helper.output.destroy();
  const argv = ['/bin/sh', '-c', 'kill -s KILL -- "-$0"', String(helper.pid)];
  const as = account === undefined ? {} : { account };
  const { status } = await runCommand(argv, { timeout: PATIENCE, ...as });
  if (status !== 0) helper.kill();
}

/** One reader from its start to its end. */
class Session {
  readonly #hands: MtaControl;
  readonly #options: StepOptions;
  readonly #files = new WakeUp();

  constructor(hands: MtaControl, options: StepOptions) {
    this.#hands = hands;
    this.#options = options;
  }

  /** Gives how it failed; undefined when it did what it was started for. */
  async run(): Promise<string | undefined> {
    const { config, reader, signal } = this.#options;
    let helper: Helper;
    let account: Account | undefined;
    try {
      account = readerAccount(config.database);
      helper = startHelper(reader, account);
    } catch (error) {
      return getMessage(error);
    }
    let impatience: NodeJS.Timeout | undefined;
    const end = () => void kill(helper, account);
    const hurry = () => {
      impatience ??= setTimeout(end, this.#options.patience ?? PATIENCE);
    };
    const stop = () => {
      helper.close();
      hurry();
    };
    // It may have left its end of the pipe to somebody.
    void helper.ended.then(hurry);
    signal.addEventListener('abort', stop);
    helper.send(JSON.stringify(this.#opening()));
    if (signal.aborted) stop();
    try {
      const over = { ended: false };
      const watching = this.#watch(helper, over);
      const wrong = await this.#serve(helper);
      if (wrong === undefined) hurry();
      else end();
      const { status, how } = await helper.ended;
      over.ended = true;
      this.#files.wake();
      await watching;
      return wrong ?? (status === 0 ? undefined : how);
    } finally {
      signal.removeEventListener('abort', stop);
      clearTimeout(impatience);
      await this.#files.close();
    }
  }

  #opening(): Opening {
    const { config, once } = this.#options;
    return {
      database: config.database,
      targets: this.#hands.targets.map(({ name, file }) => ({ name, file })),
      configured: this.#hands.configured,
      hold: this.#hands.queue !== undefined,
      once,
      logLevel: config.logLevel,
    };
  }

  /** Answers one request after the other, until there are no more. Gives what was wrong with the last one. */
  async #serve(helper: Helper): Promise<string | undefined> {
    try {
      for await (const line of splitLines(helper.output, LONGEST_STEP_REQUEST)) {
        const word = await this.#answer(line);
        helper.send(JSON.stringify(word));
        if (word.say === 'refused') return `refused a request of the reader: ${word.why}`;
      }
      return undefined;
    } catch (error) {
      return getMessage(error);
    }
  }

  async #answer(line: string): Promise<Reply> {
    const request = parseRequest(line);
    if ('wrong' in request) return { say: 'refused', why: request.wrong };
    if (request.ask === 'reconcile') {
      const result = await this.#hands.reconcile({
        blocks: request.blocks.map(({ end, ...block }) =>
          end === undefined ? block : { ...block, end },
        ),
        written: new Map(
          Object.entries(request.written).map(([name, ids]) => [name, new Set(ids)]),
        ),
        pending: new Set(request.pending),
        now: this.#options.clock.now(),
      });
      return { say: 'reconciled', result };
    }
    const { queue } = this.#hands;
    if (queue === undefined) return { say: 'refused', why: 'queued mail is not held here' };
    return { say: 'held', result: await queue.act('hold', request.ids) };
  }

  /** Tells the reader when somebody touches a target's file: a line deleted by hand is an unblock. */
  async #watch(helper: Helper, over: { readonly ended: boolean }): Promise<void> {
    const files = this.#hands.targets.map(({ file }) => file);
    if (files.length === 0 || this.#options.once) return;
    const { log } = this.#options;
    while (!over.ended) {
      this.#files.watch(files, undefined, (reason) =>
        log.warn({ reason }, 'block files are not watched'),
      );
      await this.#files.wait(LOOK_AT_FILES);
      if (!over.ended) helper.send(JSON.stringify({ say: 'changed' } satisfies Reply));
    }
  }
}
