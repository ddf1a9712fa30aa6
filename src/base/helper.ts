/** A process of ours beside this one, perhaps of another account. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import type { Account } from './account.ts';
import { getErrno } from './errors.ts';
import { killGroup } from './process-group.ts';

/** A process of ours that runs beside us until we end it, with lines of text in both directions. */
export interface Helper {
  readonly pid: number | undefined;
  /** what it writes to its file descriptor 3 */
  readonly output: Readable;
  /** Writes one line to its standard input. If the process has ended, the line is dropped. */
  send(line: string): void;
  /** Closes its standard input, which tells it to end. */
  close(): void;
  /** Kills it and its children, and ends `output` at once even if another process holds the other end. */
  kill(): void;
  /** resolves when it has ended, with the cause: `exit status 1`, `killed by SIGKILL`, `cannot be started: ENOENT` */
  readonly ended: Promise<HelperEnd>;
}

interface HelperEnd {
  readonly status: number | null;
  readonly how: string;
}

/**
 * Starts `argv`, as another account if one is given: then with no group but its own. The process has its own session,
 * so it has no access to our terminal, and shares only standard error with us. Throws the system error if it cannot be
 * started at all.
 */
export function startHelper(argv: readonly string[], account: Account | undefined): Helper {
  const [file = '', ...args] = argv;
  const child = spawn(file, args, {
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    cwd: '/',
    stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
    detached: true,
  });
  // If there are no file descriptors left, there are no pipes either.
  const input = child.stdin;
  const output = child.stdio?.[3] as Readable | undefined;
  input?.on('error', () => {}); // the process has ended, see `ended`
  return {
    pid: child.pid,
    output: output ?? Readable.from([]),
    send: (line) => void input?.write(`${line}\n`),
    close: () => void input?.end(),
    kill() {
      if (child.pid !== undefined) killGroup(child.pid, account);
      output?.destroy();
    },
    ended: waitForHelper(child),
  };
}

function waitForHelper(child: ChildProcess): Promise<HelperEnd> {
  return new Promise((resolve) => {
    child.on('error', (error) =>
      resolve({ status: null, how: `cannot be started: ${getErrno(error) ?? error.message}` }),
    );
    child.on('exit', (status, signal) =>
      resolve({ status, how: status === null ? `killed by ${signal}` : `exit status ${status}` }),
    );
  });
}
