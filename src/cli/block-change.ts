/** What `postern block` and `postern unblock` have in common: carrying out a change that is in the database. */
import { sendSignal } from '../base/change-signal.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import type { Config } from '../config/load.ts';
import { loadInForce } from '../daemon/in-force.ts';
import { findRunning } from '../daemon/instance.ts';
import { withSpellings } from '../daemon/spellings.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import { blockText } from './block-text.ts';
import type { CommonOptions, Io } from './io.ts';

/** The block that a bare number may mean: mails and `postern blocks` print numbers. */
export function findNumbered(typed: string, store: Store): StoredBlock | undefined {
  return /^\d{1,15}$/.test(typed) ? store.blocks.get(Number(typed)) : undefined;
}

/** A block that has begun or ended. */
export class BlockChange {
  readonly #store: Store;
  readonly #config: Config;
  readonly #options: CommonOptions;
  readonly #io: Io;

  constructor(store: Store, config: Config, options: CommonOptions, io: Io) {
    this.#store = store;
    this.#config = config;
    this.#options = options;
    this.#io = io;
  }

  /** Prints a sentence for people; programs get the block instead. */
  say(sentence: string): void {
    if (this.#options.format !== 'json') this.#io.stdout(`${escapeControls(sentence)}\n`);
  }

  /** Prints the block for programs, as `postern blocks` does; people got their sentences. */
  print(id: number): void {
    const block = this.#store.blocks.get(id);
    if (block === undefined || this.#options.format !== 'json') return;
    const shown = withSpellings(this.#store, this.#config, block);
    this.#io.stdout(blockText(shown, loadInForce(this.#store, this.#config)(block), 'json'));
  }

  /** Brings it into force and prints the block as it is then. */
  async carryOut(id: number): Promise<ExitStatus> {
    if (this.#config.mode === 'observe') this.say('Observe mode: the mail server is not changed.');
    const status = await bringIntoForce(this.#store, this.#config, this.#io);
    this.print(id);
    return status;
  }
}

/** The running service does it within a second; if there is none, it is done here. */
async function bringIntoForce(store: Store, config: Config, io: Io): Promise<ExitStatus> {
  if (config.mode === 'observe') return EXIT.done;
  if (config.enforcer === 'separate') {
    sendSignal(config.database);
    if (findRunning(store, 'enforcer') !== undefined) return EXIT.done;
    io.stderr('not in force yet: postern enforce is not running\n');
    return EXIT.failed;
  }
  if (findRunning(store) !== undefined) return EXIT.done;
  const { enforceOnce } = await import('../daemon/enforce-once.ts');
  const failures = await enforceOnce(store, config);
  for (const failure of failures) io.stderr(`${failure}\n`);
  return failures.length === 0 ? EXIT.done : EXIT.failed;
}
