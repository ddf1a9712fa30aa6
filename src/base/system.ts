/** What touches the operating system: replacing a file in one step, running a command by argument vector. */
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
  options: { timeout: number; input?: string; env?: NodeJS.ProcessEnv },
): Promise<CommandResult> {
  const [file, ...args] = argv;
  if (file === undefined)
    return Promise.resolve({ status: 0, stdout: '', stderr: '', timedOut: false });
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: 'pipe',
      env: options.env ?? process.env,
      detached: true,
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
