/** What the page has of the program: its configuration, its database, and its commands, which do all that changes something. */
import type { ExitStatus } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { WebConfig } from '../config/web.ts';
import type { Block } from '../model/block.ts';
import type { Period } from '../report/calendar.ts';
import type { Store } from '../store/store.ts';

/** A command that has run. */
export interface Ran {
  readonly status: ExitStatus;
  readonly out: string;
  readonly err: string;
  /** what it did, if the command itself knows better than its arguments say: how much mail, and whether it succeeded */
  readonly deeds: readonly { readonly what: string; readonly done: boolean }[];
}

export interface Desk {
  readonly config: Config & { readonly web: WebConfig };
  readonly store: Store;
  readonly log: Log;
  readonly version: string;
  /**
   * Runs a command of `postern` with this configuration; `words`: its name, options and arguments, `operator`: who asked
   * for it, for a command that notes it.
   */
  run(words: readonly string[], operator?: string): Promise<Ran>;
  /** The same in a process of its own, for a command that only reads, and may read much: other pages do not wait for it. */
  read(words: readonly string[]): Promise<Ran>;
  /** An identity as it is typed. Throws a PosternError (exit status 2). */
  readIdentity(text: string): Block['key'];
  /** A time as it is typed, ms. Throws a PosternError (exit status 2). */
  readTime(option: string, text: string): number;
  /** The period of a report, by the options that name it. Throws a PosternError (exit status 2). */
  readPeriod(options: Readonly<Record<string, string>>): Period;
}
