/** A program that runs beside us and whose output is read as it comes: by argument vector, never through a shell. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { getErrno, getMessage } from './errors.ts';

/** Bytes of standard error that are kept, the last ones. */
const ERROR_LIMIT = 4096;

/** How the program ended. `failure` says why it could not be started, `status` is null if it was killed. */
export interface StreamEnd {
  readonly status: number | null;
  readonly stderr: string;
  readonly failure?: string;
}

export interface OutputStream {
  /** its standard output; read no faster than you take it */
  readonly chunks: AsyncIterable<Buffer>;
  readonly ended: Promise<StreamEnd>;
  /** Kills it. What it has already written can still be read. */
  kill(): void;
}

/** Starts `argv` in the folder `/`, with messages in English. Never throws: a failure is in `ended`. */
export function streamOutput(argv: readonly string[]): OutputStream {
  const [file = '', ...args] = argv;
  try {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0' },
      cwd: '/',
    });
    // If there are no file descriptors left, there are no pipes; the event `error` follows.
    const chunks = (child.stdout as Readable | null) ?? Readable.from([]);
    return { chunks, ended: waitForEnd(child), kill: () => void child.kill('SIGKILL') };
  } catch (error) {
    const end = { status: null, stderr: '', failure: getErrno(error) ?? getMessage(error) };
    return { chunks: Readable.from([]), ended: Promise.resolve(end), kill: () => {} };
  }
}

function waitForEnd(child: ChildProcess): Promise<StreamEnd> {
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-ERROR_LIMIT);
  });
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve({ status: null, stderr, failure: getErrno(error) ?? error.message });
    });
    child.on('close', (status) => resolve({ status, stderr }));
  });
}
