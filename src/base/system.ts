/** What touches the operating system: replacing a file in one step, running commands by argument vector. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { dropUndefined } from './defined.ts';
import { getErrno, getMessage } from './errors.ts';
import { HOUR } from './time.ts';

/** How a command ended. `status` is null when it was killed or could not be started. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  /** why it could not be started, for instance `ENOENT` */
  readonly failure?: string;
}

const OUTPUT_LIMIT = 1_048_576;
/** As long what a command has written is waited for when it has ended, and its end when it was killed, ms. */
const LAST_WORDS = 1000;

interface CommandOptions {
  readonly timeout: number;
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly account?: { readonly uid: number; readonly gid: number };
  /** kills it, like the timeout */
  readonly signal?: AbortSignal;
}

/**
 * Runs `argv` without a shell and waits for it; never throws for a command that fails or cannot be started.
 * Output beyond 1 MiB a stream is dropped. After `timeout` ms the process is killed. What an ended command leaves
 * running lives on, but is not waited for, and its output goes nowhere.
 */
export function runCommand(
  argv: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const [file, ...args] = argv;
  const output = { stdout: '', stderr: '' };
  if (file === undefined) return Promise.resolve({ status: 0, ...output, timedOut: false });
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = started(file, args, options);
    } catch (error) {
      const failure = getErrno(error) ?? getMessage(error);
      return resolve({ status: null, ...output, timedOut: false, failure });
    }
    let timedOut = false;
    const finish = (status: number | null, failure?: string) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', stop);
      letGo(child);
      resolve(dropUndefined({ status, ...output, timedOut, failure }));
    };
    const stop = () => {
      clearTimeout(timer);
      if (child.pid !== undefined) killGroup(child.pid, options.account);
      timer = setTimeout(finish, LAST_WORDS, null); // a process that hangs in the kernel is not killed
    };
    let timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, options.timeout);
    if (options.signal?.aborted === true) stop();
    options.signal?.addEventListener('abort', stop);
    child.on('error', (error) => finish(null, getErrno(error) ?? error.message));
    child.on('exit', (status) => {
      clearTimeout(timer);
      timer = setTimeout(finish, LAST_WORDS, status); // somebody else holds the pipes
    });
    child.on('close', (status) => finish(status));
    converse(child, output, options.input ?? '');
  });
}

/** Throws what cannot be told by an event of the child. */
function started(file: string, args: string[], { env, account }: CommandOptions): ChildProcess {
  return spawn(file, args, {
    stdio: 'pipe',
    env: env ?? process.env,
    detached: true,
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid, cwd: '/' }),
  });
}

/** Without a free descriptor there is no process and there are no pipes; the event `error` follows. */
function converse(child: ChildProcess, output: Record<'stdout' | 'stderr', string>, input: string) {
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      if (output[stream].length < OUTPUT_LIMIT) output[stream] += text;
    });
  }
  child.stdin?.on('error', () => {}); // a command that does not read its input is no failure
  child.stdin?.end(input);
}

/**
 * Kills a session of processes: a hanging script often waits for a child. Those of another account as that account,
 * because root may lack the right to.
 */
function killGroup(pid: number, account: CommandOptions['account']): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (getErrno(error) !== 'EPERM' || account === undefined) return; // it is gone
    const { uid, gid } = account;
    const argv = ['-c', 'kill -s KILL -- "-$0"', String(pid)];
    const killer = spawn('/bin/sh', argv, { uid, gid, cwd: '/', stdio: 'ignore', detached: true });
    killer.on('error', () => {}); // nothing more can be done; nobody listens to what is left
  }
}

/** Nothing of it keeps us from ending or uses up our descriptors. */
function letGo(child: ChildProcess): void {
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  child.unref();
}

/** A process of ours beside us that lives as long as we want: lines of text in both directions. */
export interface Helper {
  readonly pid: number | undefined;
  /** what it writes to its descriptor 3 */
  readonly output: Readable;
  /** Writes one line to its standard input; what a dead process does not read is dropped. */
  send(line: string): void;
  /** Closes its standard input, which is how it learns that it is to end. */
  close(): void;
  /** Ends it and its children, and `output` at once: whom it has given its end of that to may live on. */
  kill(): void;
  /** resolves when it has ended, with how: `exit status 1`, `killed by SIGKILL`, `cannot be started: ENOENT` */
  readonly ended: Promise<HowItEnded>;
}

interface HowItEnded {
  readonly status: number | null;
  readonly how: string;
}

/**
 * Starts `argv` without a shell, as another account if one is given: then without any group but its own, and in a
 * session of its own, so that it has no hold on our terminal. It shares nothing with us but standard error.
 */
export function startHelper(
  argv: readonly string[],
  account: { readonly uid: number; readonly gid: number } | undefined,
): Helper {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    cwd: '/',
    stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
    detached: true,
  });
  const ended = new Promise<HowItEnded>((resolve) => {
    child.on('error', (error) =>
      resolve({ status: null, how: `cannot be started: ${getErrno(error) ?? error.message}` }),
    );
    child.on('exit', (status, signal) =>
      resolve({ status, how: status === null ? `killed by ${signal}` : `exit status ${status}` }),
    );
  });
  // Without a free descriptor there are no pipes either.
  const input = child.stdin;
  const output = child.stdio?.[3] as Readable | undefined;
  input?.on('error', () => {}); // it is gone; `ended` tells
  return {
    pid: child.pid,
    output: output ?? Readable.from([]),
    send: (line) => void input?.write(`${line}\n`),
    close: () => void input?.end(),
    kill() {
      if (child.pid !== undefined) killGroup(child.pid, account);
      output?.destroy();
    },
    ended,
  };
}

/**
 * Replaces `path` with `content` in one step: temporary file beside it, mode and owner of the old file
 * (else `mode`), sync, rename, sync of the folder. A reader sees the old or the new content, never a part.
 * Throws the system error; the old file is then untouched and no temporary file stays. One that a kill left behind is
 * removed by a later call for the same `path`, when it is an hour old.
 * `check` runs in the last moment before the rename; what it throws leaves the old file in place, too.
 */
export function replaceFile(
  path: string,
  content: string | Uint8Array,
  mode = 0o640,
  check?: () => void,
): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  const old = statSync(path, { throwIfNoEntry: false });
  const fd = openSync(temporary, 'wx', 0o600);
  try {
    removeLeftovers(path, fstatSync(fd).mtimeMs - HOUR);
    const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
    if (old !== undefined) keepOwner(fd, old);
    fchmodSync(fd, old === undefined ? mode : old.mode & 0o7777);
    fsyncSync(fd);
    closeSync(fd);
    check?.();
    renameSync(temporary, path);
  } catch (error) {
    try {
      closeSync(fd);
    } catch {}
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/** Temporary files of `path` last written to before `before` (ms, by the clock of the file system). */
function removeLeftovers(path: string, before: number): void {
  const start = `.${basename(path)}.`;
  const isOurs = (name: string) =>
    name.startsWith(start) && /^[0-9a-f]{12}$/.test(name.slice(start.length));
  try {
    for (const name of readdirSync(dirname(path)).filter(isOurs)) {
      const leftover = join(dirname(path), name);
      const stats = lstatSync(leftover);
      if (stats.isFile() && stats.mtimeMs < before) rmSync(leftover, { force: true });
    }
  } catch {
    // A folder that cannot be listed, a file of somebody else: the new content goes before tidiness.
  }
}

function keepOwner(fd: number, { uid, gid }: { uid: number; gid: number }): void {
  // Without root only our own files can be kept as they are, and others at most in their group.
  if (!chowned(fd, uid, gid)) chowned(fd, -1, gid);
}

/** False when it is not permitted; -1 leaves the owner as it is. Throws any other system error. */
function chowned(fd: number, uid: number, gid: number): boolean {
  try {
    fchownSync(fd, uid, gid);
    return true;
  } catch (error) {
    if (getErrno(error) !== 'EPERM') throw error;
    return false;
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
