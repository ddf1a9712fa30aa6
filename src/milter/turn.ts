/**
 * Runs the handlers of one connection, one at a time. A handler that throws, rejects or does not answer within its budget
 * has failed; its result is then the one that was named for that. Knows no protocol.
 */
import { SECOND } from '../base/time.ts';
import type { Command } from './command.ts';

export interface TurnOptions {
  readonly noteFailure: (error: unknown) => void;
  /** A handler has answered after a while, and its answer was used. */
  readonly resume: () => void;
}

/** A question to a handler. */
export interface Question<T> {
  /** what it is about */
  readonly command: Command;
  /** ms */
  readonly budget: number;
  readonly ask: () => T | Promise<T>;
  /** result of a failure */
  readonly failed: T;
  /** Takes the result, unless nobody waits for it any more. */
  readonly done: (result: T) => void;
}

export class Turn {
  readonly #options: TurnOptions;
  #busy: { readonly command: Command; isOver: boolean } | undefined;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** The command whose handler works. */
  get command(): Command | undefined {
    return this.#busy?.command;
  }

  /** Nobody waits for the answer any more. */
  cancel(): void {
    if (this.#busy !== undefined) this.#busy.isOver = true;
    this.#busy = undefined;
  }

  /** Takes an answer at once where there is one. */
  run<T>(question: Question<T>): void {
    let result: T | Promise<T>;
    try {
      result = question.ask();
    } catch (error) {
      this.#options.noteFailure(error);
      result = question.failed;
    }
    if (result instanceof Promise) this.#wait(result, question);
    else question.done(result);
  }

  #wait<T>(result: Promise<T>, { command, budget, failed, done }: Question<T>): void {
    const busy = { command, isOver: false };
    this.#busy = busy;
    const finish = (value: T) => {
      clearTimeout(timer);
      if (busy.isOver) return;
      this.cancel();
      done(value);
      this.#options.resume();
    };
    const fail = (error: unknown) => {
      if (!busy.isOver) this.#options.noteFailure(error);
      finish(failed);
    };
    const late = () => fail(new Error(`no answer within ${budget / SECOND} s`));
    const timer = setTimeout(late, budget).unref();
    result.then(finish, fail);
  }
}
