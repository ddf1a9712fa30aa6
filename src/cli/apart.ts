/**
 * Runs commands of this program in processes of their own, for the page: one that reads millions of events keeps nobody
 * waiting. Only commands that read: what they print is all that is left of them.
 */
import { runCommand } from '../base/commands.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { MINUTE } from '../base/time.ts';
import type { Ran } from '../web/desk.ts';

/** Processes at a time; the others wait. Each may take 200 MB for a report. */
const MOST = 2;
/** A report of some weeks takes a minute on a busy server. */
const TIMEOUT = 5 * MINUTE;

export class ApartCommands {
  readonly #program: readonly string[];
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `program`: this program as an argument vector, without the name of a command. */
  constructor(program: readonly string[]) {
    this.#program = program;
  }

  /** Never throws for a command that fails. */
  async run(words: readonly string[]): Promise<Ran> {
    if (this.#running >= MOST) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await this.#run(words);
    } finally {
      // The place passes to the next one.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #run(words: readonly string[]): Promise<Ran> {
    const parts: string[] = [];
    const { status, stderr, timedOut, failure } = await runCommand([...this.#program, ...words], {
      timeout: TIMEOUT,
      onOutput: (text) => void parts.push(text),
    });
    const trouble = timedOut
      ? 'postern: it took too long and was ended; ask for a shorter period\n'
      : failure === undefined
        ? ''
        : `postern: cannot start a process: ${failure}\n`;
    return {
      status: (status ?? EXIT.failed) as ExitStatus,
      out: parts.join(''),
      err: `${stderr}${trouble}`,
      deeds: [],
    };
  }
}
