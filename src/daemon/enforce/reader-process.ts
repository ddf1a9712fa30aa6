/**
 * The reader of the database as the step sees it: a process that runs as the owner of the database's folder, and is
 * made to end.
 */
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { type Account, ownerToBecome } from '../../base/account.ts';
import { runCommand } from '../../base/commands.ts';
import { dropUndefined } from '../../base/defined.ts';
import { type Helper, startHelper } from '../../base/helper.ts';
import { assertPackageReadable } from '../../base/package-access.ts';
import { SECOND } from '../../base/time.ts';
import type { Opening, Reply } from './protocol.ts';

const KILL_TIMEOUT = 5 * SECOND;

export class ReaderProcess {
  readonly #helper: Helper;
  readonly #account: Account | undefined;
  readonly #patience: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Starts it. `patience`: ms that it has to end after it was told to. Throws an error if the folder of the database
   * does not exist, if its owner cannot read this program, or if there is no descriptor left.
   */
  constructor(argv: readonly string[], database: string, patience: number) {
    this.#account = ownerToBecome(dirname(database));
    if (this.#account !== undefined) assertPackageReadable(this.#account);
    this.#helper = startHelper(argv, this.#account);
    this.#patience = patience;
    // It may have left its end of the pipe to another process.
    void this.#helper.ended.then(() => this.limitEnd());
  }

  get output(): Readable {
    return this.#helper.output;
  }

  /** Resolves when it has ended. */
  get ended(): Helper['ended'] {
    return this.#helper.ended;
  }

  send(message: Opening | Reply): void {
    this.#helper.send(JSON.stringify(message));
  }

  /** Tells it to end. */
  stop(): void {
    this.#helper.close();
    this.limitEnd();
  }

  /** From now on it has `patience` ms to end by itself. */
  limitEnd(): void {
    this.#timer ??= setTimeout(() => void this.kill(), this.#patience);
  }

  /**
   * Ends it with its children: as their account, because root may lack the right to (CAP_KILL). Its output no longer
   * counts, whatever process still has its end of the pipe.
   */
  async kill(): Promise<void> {
    this.#helper.output.destroy();
    const argv = ['/bin/sh', '-c', 'kill -s KILL -- "-$0"', String(this.#helper.pid)];
    const options = dropUndefined({ timeout: KILL_TIMEOUT, account: this.#account });
    const { status } = await runCommand(argv, options);
    if (status !== 0) this.#helper.kill();
  }

  /** Call when it has ended. */
  dispose(): void {
    clearTimeout(this.#timer);
  }
}
