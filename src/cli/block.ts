/** `postern block` and `postern unblock`: by hand, and brought into force here when no service does it. */

import { sendSignal } from '../base/change-signal.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { escapeControls, quoteForShell } from '../base/escape.ts';
import { systemClock } from '../base/time.ts';
import { buildAllowList } from '../config/allow-list.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { findMissingTarget, loadInForce } from '../daemon/in-force.ts';
import { findRunning } from '../daemon/instance.ts';
import { findUnblockableReason } from '../enforce/decide.ts';
import type { Submitter } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import { blockedText, untilText } from './block-text.ts';
import { type BlockOptions, shown } from './blocks.ts';
import type { Io } from './io.ts';
import { parseLength, parseTypedBlockable } from './typed.ts';
import { withStore } from './with-store.ts';

/** `postern block ID [--for 1d] [--note TEXT]`. */
export async function runBlock(
  identity: string,
  options: BlockOptions & { readonly for?: string; readonly note?: string },
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = parseTypedBlockable(identity);
  const duration = parseLength(options.for);
  const refused =
    findUnblockableReason(key) ??
    buildAllowList(config).reason(key) ??
    findMissingTarget(config, key.type);
  if (refused !== undefined) {
    throw new PosternError('not-blockable', `${identity} cannot be blocked: ${refused}`, {
      exitStatus: EXIT.failed,
    });
  }
  return withStore(config, async (store) => {
    assertNoBlockNumber(identity, store);
    const start = systemClock.now();
    const end = duration === undefined ? undefined : start + duration;
    const block = store.commit(() =>
      store.blocks.start({ key, cause: 'manual', start, end, note: options.note }),
    );
    const change = new Change(store, config, options, io);
    if (block === undefined) {
      const running = store.blocks.running(key) as StoredBlock;
      change.say(`${formatIdentity(key)} is blocked already (block ${running.id}).`);
      change.print(running.id);
      return EXIT.done;
    }
    change.say(`${formatIdentity(key)} is blocked (block ${block.id}, ${untilText(block)}).`);
    return await change.carryOut(block.id);
  });
}

/** `postern unblock ID`: ends the block; what happened before does not count again. */
export async function runUnblock(
  identity: string,
  options: BlockOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = parseTypedBlockable(identity);
  return withStore(config, async (store) => {
    const block = store.blocks.running(key);
    if (block === undefined) {
      io.stderr(`${identity} is not blocked${numberHint(identity, store)}.\n`);
      return EXIT.failed;
    }
    const now = systemClock.now();
    store.commit(() => store.blocks.release(block.id, now, 'operator', store.events.newest()));
    const change = new Change(store, config, options, io);
    change.say(`${formatIdentity(key)} is no longer blocked (block ${block.id}).`);
    const held = store.state.findQueueIds(key as Submitter).length;
    if (held > 0)
      change.say(`What is held in the queue stays there: postern queue ${identity} --release`);
    return await change.carryOut(block.id);
  });
}

/** The block that a bare number may mean, because mails and `postern blocks` show numbers. */
function blockNumbered(typed: string, store: Store): StoredBlock | undefined {
  return /^\d{1,15}$/.test(typed) ? store.blocks.get(Number(typed)) : undefined;
}

/** Throws a PosternError (exit status 2) for a number of a block where a login is expected. */
function assertNoBlockNumber(typed: string, store: Store): void {
  const block = blockNumbered(typed, store);
  if (block === undefined) return;
  throw new PosternError(
    'usage',
    `${typed} is the number of a block (of ${blockedText(block)}); for the login: postern block user:${typed}`,
  );
}

function numberHint(typed: string, store: Store): string {
  const block = blockNumbered(typed, store);
  if (block === undefined) return '';
  const who = blockedText(block);
  return block.released === undefined
    ? ` (block ${block.id} is ${who}: postern unblock ${quoteForShell(who)})`
    : ` (block ${block.id}, of ${who}, has ended)`;
}

/** What is left to do when a block has begun or ended, and how it is told. */
class Change {
  readonly #store: Store;
  readonly #config: Config;
  readonly #options: BlockOptions;
  readonly #io: Io;

  constructor(store: Store, config: Config, options: BlockOptions, io: Io) {
    this.#store = store;
    this.#config = config;
    this.#options = options;
    this.#io = io;
  }

  /** A sentence for people; programs get the block instead. */
  say(sentence: string): void {
    if (this.#options.format !== 'json') this.#io.stdout(`${escapeControls(sentence)}\n`);
  }

  /** The block for programs, as `postern blocks` prints it; people got their sentences. */
  print(id: number): void {
    const block = this.#store.blocks.get(id);
    if (block === undefined || this.#options.format !== 'json') return;
    this.#io.stdout(shown(block, loadInForce(this.#store, this.#config)(block), 'json'));
  }

  /** Brings it into force and prints what the block is then. */
  async carryOut(id: number): Promise<ExitStatus> {
    if (this.#config.mode === 'observe') this.say('Observe mode: the mail server is not touched.');
    const status = await bringIntoForce(this.#store, this.#config, this.#io);
    this.print(id);
    return status;
  }
}

/** The running service does it within a second; without one it is done here. */
async function bringIntoForce(store: Store, config: Config, io: Io): Promise<ExitStatus> {
  if (config.mode === 'observe') return EXIT.done;
  if (config.enforcer === 'separate') {
    sendSignal(config.database);
    if (findRunning(store, 'enforcer') !== undefined) return EXIT.done;
    io.stderr('not in force yet: postern enforce is not running\n');
    return EXIT.failed;
  }
  if (findRunning(store) !== undefined) return EXIT.done;
  return await (await import('./enforce-here.ts')).enforceHere(store, config, io);
}
