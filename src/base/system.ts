/** What touches the operating system: replacing a file in one step, running commands by argument vector. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { errnoOf } from './errors.ts';

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

/**
 * Runs `argv` without a shell and waits for it; never throws for a command that fails.
 * Output beyond 1 MiB a stream is dropped. After `timeout` ms the process is killed.
 */
export function runCommand(
  argv: readonly string[],
  options: {
    timeout: number;
    input?: string;
    env?: NodeJS.ProcessEnv;
    account?: { readonly uid: number; readonly gid: number };
  },
): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined)
    return Promise.resolve({ status: 0, stdout: '', stderr: '', timedOut: false });
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: 'pipe',
      env: options.env ?? process.env,
      detached: true,
      ...(options.account === undefined
        ? {}
        : { uid: options.account.uid, gid: options.account.gid, cwd: '/' }),
    });
    const output = { stdout: '', stderr: '' };
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      // The whole group: a hanging script often waits for a child that holds the pipes open.
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        child.kill('SIGKILL');
      }
    }, options.timeout);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        if (output[stream].length < OUTPUT_LIMIT) output[stream] += text;
      });
    }
    const finish = (status: number | null, failure?: string) => {
      clearTimeout(timer);
      resolve({ status, ...output, timedOut, ...(failure === undefined ? {} : { failure }) });
    };
    child.on('error', (error) => finish(null, errnoOf(error) ?? error.message));
    child.on('close', (status) => finish(status));
    child.stdin.on('error', () => {}); // a command that does not read its input is no failure
    child.stdin.end(options.input ?? '');
  });
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
  kill(): void;
  /** resolves when it has ended, with how: `exit status 1`, `killed by SIGKILL`, `cannot be started: ENOENT` */
  readonly ended: Promise<{ readonly status: number | null; readonly how: string }>;
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
  const [input, , , output] = child.stdio as unknown as [Writable, null, null, Readable];
  input.on('error', () => {}); // it is gone; `ended` tells
  return {
    pid: child.pid,
    output,
    send: (line) => void input.write(`${line}\n`),
    close: () => void input.end(),
    kill: () => void child.kill('SIGKILL'),
    ended: new Promise((resolve) => {
      child.on('error', (error) =>
        resolve({ status: null, how: `cannot be started: ${errnoOf(error) ?? error.message}` }),
      );
      child.on('exit', (status, signal) =>
        resolve({
          status,
          how: status === null ? `killed by ${signal}` : `exit status ${status}`,
        }),
      );
    }),
  };
}

/**
 * Replaces `path` with `content` in one step: temporary file beside it, mode and owner of the old file
 * (else `mode`), sync, rename, sync of the folder. A reader sees the old or the new content, never a part.
 * Throws the system error; the old file is then untouched and no temporary file stays.
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

function keepOwner(fd: number, old: { uid: number; gid: number }): void {
  try {
    fchownSync(fd, old.uid, old.gid);
  } catch (error) {
    // Without root only our own files can be kept as they are, and those need no chown.
    if (errnoOf(error) !== 'EPERM') throw error;
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
