/** Runs other programs, always by argument vector and never through a shell. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Account } from './account.ts';
import { dropUndefined } from './defined.ts';
import { getErrno, getMessage } from './errors.ts';
import { killGroup } from './process-group.ts';

/** How a command ended. `status` is null if it was killed or could not be started. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** why it could not be started, for instance `ENOENT` */
  readonly failure?: string;
}

/** Bytes kept of each output stream. */
const OUTPUT_LIMIT = 1_048_576;
/** How long to wait for the rest of the output after the command ended, and for its end after it was killed, ms. */
const LAST_OUTPUT = 1000;

interface CommandOptions {
  /** ms */
  readonly timeout: number;
  /** written to its standard input */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly account?: Account;
  /** kills it, like the timeout */
  readonly signal?: AbortSignal;
  /** receives each line of standard output as it comes, of any number of lines; then `stdout` stays empty */
  readonly onLine?: (line: string) => void;
  /** instead, receives standard output as it comes, whatever its length; then `stdout` stays empty */
  readonly onOutput?: (text: string) => void;
  /** receives all of standard error so far, whenever there is more */
  readonly onError?: (text: string) => void;
}

/**
 * Runs `argv` and waits until it ends. Never throws for a command that fails or cannot be started.
 * Output beyond 1 MiB a stream is dropped. After `timeout` ms the command is killed. Processes that the command leaves
 * behind live on, but nobody waits for them and their output is lost.
 */
export async function runCommand(
  argv: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const [file, ...args] = argv;
  const output = { stdout: '', stderr: '' };
  if (file === undefined) return { status: 0, ...output, timedOut: false };
  let child: ChildProcess;
  try {
    child = startCommand(file, args, options);
  } catch (error) {
    const failure = getErrno(error) ?? getMessage(error);
    return { status: null, ...output, timedOut: false, failure };
  }
  converse(child, output, options);
  const end = await waitForEnd(child, options);
  release(child);
  return dropUndefined({ ...end, ...output });
}

/**
 * Runs a program that answers at once, and waits for it without letting anything else happen. Returns its exit status
 * and standard output; status null if it was killed after 5 s or could not be started.
 */
export function runAtOnce(argv: readonly string[]): { status: number | null; stdout: string } {
  const [file = '', ...args] = argv;
  const { status, stdout } = spawnSync(file, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
    timeout: 5000,
    cwd: '/',
  });
  return { status, stdout: stdout ?? '' };
}

/** Throws if the system refuses so early that the child gives no event. */
function startCommand(
  file: string,
  args: string[],
  { env, account }: CommandOptions,
): ChildProcess {
  return spawn(file, args, {
    stdio: 'pipe',
    env: env ?? process.env,
    detached: true,
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid, cwd: '/' }),
  });
}

/** If there are no file descriptors left, there is no process and there are no pipes; the event `error` follows. */
function converse(
  child: ChildProcess,
  output: Record<'stdout' | 'stderr', string>,
  { input = '', onLine, onOutput, onError }: CommandOptions,
) {
  for (const stream of ['stdout', 'stderr'] as const) {
    const keep = (text: string) => {
      if (output[stream].length < OUTPUT_LIMIT) output[stream] += text;
      if (stream === 'stderr') onError?.(output.stderr);
    };
    const readable = child[stream]?.setEncoding('utf8');
    if (stream === 'stderr') readable?.on('data', keep);
    else if (onLine === undefined) readable?.on('data', onOutput ?? keep);
    else if (readable != null) passLines(readable, onLine);
  }
  child.stdin?.on('error', () => {}); // a command need not read its input
  child.stdin?.end(input);
}

/** Lines without their end. A line that grows beyond the limit of the output is passed on in parts. */
function passLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length < OUTPUT_LIMIT) return;
    onLine(rest);
    rest = '';
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

/**
 * Starts `argv` and leaves it: nobody waits for it, kills it or reads what it prints. Returns why it cannot be started,
 * undefined if it runs. For deliveries, which must never be cut short.
 */
export async function launchCommand(argv: readonly string[]): Promise<string | undefined> {
  const [file = '', ...args] = argv;
  try {
    const child = spawn(file, args, { stdio: 'ignore', detached: true, cwd: '/' });
    return await new Promise((resolve) => {
      child.on('error', (error) => resolve(getErrno(error) ?? error.message));
      child.on('spawn', () => {
        child.unref();
        resolve(undefined);
      });
    });
  } catch (error) {
    return getErrno(error) ?? getMessage(error);
  }
}

interface CommandEnd extends Pick<CommandResult, 'status' | 'timedOut'> {
  readonly failure: string | undefined;
}

function waitForEnd(
  child: ChildProcess,
  { timeout, signal, account }: CommandOptions,
): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let timedOut = false;
    const finish = (status: number | null, failure?: string) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      resolve({ status, timedOut, failure });
    };
    const stop = () => {
      clearTimeout(timer);
      if (child.pid !== undefined) killGroup(child.pid, account);
      timer = setTimeout(finish, LAST_OUTPUT, null); // SIGKILL does not end a process that hangs in the kernel
    };
    let timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, timeout);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop);
    child.on('error', (error) => finish(null, getErrno(error) ?? error.message));
    child.on('exit', (status) => {
      clearTimeout(timer);
      timer = setTimeout(finish, LAST_OUTPUT, status); // another process may hold the pipes open
    });
    child.on('close', (status) => finish(status));
  });
}

/** Closes our ends of the pipes, so that the child neither keeps us alive nor uses our file descriptors. */
function release(child: ChildProcess): void {
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  child.unref();
}
