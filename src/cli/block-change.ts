/**
 * What `postern block` and `postern unblock` have in common: a change that is in the database is carried out, and the
 * mail server's own files are asked whether it is in force.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { sendSignal } from '../base/change-signal.ts';
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { escapeControls } from '../base/escape.ts';
import { SECOND } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { loadInForce } from '../daemon/in-force.ts';
import { findRunning } from '../daemon/instance.ts';
import { buildTargets } from '../daemon/mta-control.ts';
import {
  describePlaces,
  type Listing,
  type Lookup,
  lookUpBlock,
  shouldList,
} from '../daemon/real-force.ts';
import { withSpellings } from '../daemon/spellings.ts';
import { formatTarget } from '../model/identity.ts';
import { buildStyle } from '../model/style.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { blockText, untilText } from './block-text.ts';
import type { CommonOptions, Io } from './io.ts';

/** How long to wait for the process that changes the mail server. It reloads and builds tables, so not only a moment. */
const PATIENCE = 15 * SECOND;
const LEAST_PATIENCE = 3 * SECOND;
const PAUSE = 50;

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

  /** Brings a block into force and prints the outcome. `has`: `is` or `is already`. */
  async begin(block: StoredBlock, has: string): Promise<ExitStatus> {
    const who = formatTarget(block);
    const about = `block ${block.id}, ${untilText(block, buildStyle({ zone: this.#config.zone }))}`;
    if (this.#config.mode === 'observe') {
      this.say(`${who} ${has} blocked (${about}).`);
      this.say('Observe mode: the mail server is not changed.');
      this.#print(block);
      return EXIT.done;
    }
    const failures = await this.#carryOut(() => this.#hasBegun(block));
    const lookup = await lookUpBlock(this.#store, this.#config, block);
    const why = this.#findObstacle(block, lookup) ?? (await this.#findUnused(block));
    if (this.#isOver(block)) {
      this.say(`${who} was blocked, and the time of block ${block.id} is over.`);
      this.#print(block);
      return EXIT.done;
    }
    if (why === undefined) this.say(`${who} ${has} blocked (${about}).`);
    else this.#fail(`${who} is NOT blocked yet (${about}): ${why}`);
    const { enforcer } = this.#config;
    if (block.end !== undefined && enforcer === 'daemon' && findRunning(this.#store) === undefined)
      this.say('postern run is not running: without it, the block does not end by itself.');
    for (const failure of failures) this.#fail(failure);
    this.#print(block, why);
    return why === undefined && failures.length === 0 ? EXIT.done : EXIT.failed;
  }

  /** Takes a block out of force and prints the outcome. */
  async end(block: StoredBlock): Promise<ExitStatus> {
    const who = formatTarget(block);
    const isObserving = this.#config.mode === 'observe';
    const failures = isObserving ? [] : await this.#carryOut(() => this.#isGone(block));
    const { listings, failures: unread } = await lookUpBlock(this.#store, this.#config, block);
    const still = listings.filter(({ blocks }) => blocks);
    const isGone = still.length === 0 && this.#isGone(block).inForce;
    if (isGone) this.say(`${who} is no longer blocked (block ${block.id}).`);
    else this.say(`Block ${block.id} has ended.`);
    if (still.length > 0) this.#fail(`${who} is STILL blocked: ${this.#describeStill(still)}`);
    else if (!isGone) this.#fail(`${who} may still be blocked: ${this.#describeWaiting()}`);
    for (const failure of [...failures, ...(isGone ? unread : [])]) this.#fail(failure);
    this.#print(block, undefined, still);
    return isGone && failures.length === 0 ? EXIT.done : EXIT.failed;
  }

  #hasBegun(block: StoredBlock): { readonly inForce: boolean } {
    if (this.#isOver(block)) return { inForce: true };
    const force = loadInForce(this.#store, this.#config)(block);
    // Where there is a reason, waiting does not help.
    return { inForce: force.inForce || force.why !== undefined };
  }

  /** A block can be shorter than what this command takes. */
  #isOver({ id }: StoredBlock): boolean {
    return this.#store.blocks.get(id)?.releasedBy === 'expiry';
  }

  #fail(sentence: string): void {
    this.#io.stderr(`${escapeControls(sentence)}\n`);
  }

  /** Prints the block for programs, as `postern blocks` does; people got their sentences. */
  #print({ id }: StoredBlock, why?: string, still: readonly Listing[] = []): void {
    const block = this.#store.blocks.get(id);
    if (block === undefined || this.#options.format !== 'json') return;
    const shown = withSpellings(this.#store, this.#config, block);
    const force =
      why === undefined
        ? loadInForce(this.#store, this.#config)(block)
        : { inForce: false as const, why };
    this.#io.stdout(blockText(shown, force, 'json', { still }));
  }

  /**
   * The running service does it within a second; if there is none, it is done here. Returns what failed beside the block
   * itself.
   */
  async #carryOut(state: () => { readonly inForce: boolean }): Promise<string[]> {
    const config = this.#config;
    if (config.enforcer === 'separate') sendSignal(config.database);
    if (findRunning(this.#store, config.enforcer === 'separate' ? 'enforcer' : 'daemon')) {
      const start = performance.now();
      while (!state().inForce) {
        const waited = performance.now() - start;
        // A failure that is known at the start may be an old one.
        const hasFailed = waited > LEAST_PATIENCE && this.#findTargetFailure() !== undefined;
        if (hasFailed || waited > PATIENCE) break;
        await wait(PAUSE);
      }
      return [];
    }
    if (config.enforcer === 'separate') return [];
    const { enforceOnce } = await import('../daemon/enforce-once.ts');
    return (await enforceOnce(this.#store, config)).filter((text) => !text.startsWith(NOT_YET));
  }

  /** Whether no file that the mail server uses lists the block any more. */
  #isGone({ id }: StoredBlock): { inForce: boolean } {
    const { state } = this.#store;
    const listed = state.enforced();
    const isListed = buildTargets(this.#config).some(
      ({ name }) => listed.get(name)?.has(id) === true || state.target(name)?.pending === true,
    );
    return { inForce: !isListed };
  }

  #findTargetFailure(): string | undefined {
    const { state } = this.#store;
    return buildTargets(this.#config)
      .map(({ name }) => state.target(name)?.failure)
      .find((failure) => failure !== undefined);
  }

  /** Why a block is not in force, as the end of a sentence; undefined if it is. */
  #findObstacle(block: StoredBlock, { listings, missing }: Lookup): string | undefined {
    const force = loadInForce(this.#store, this.#config)(block);
    if (!force.inForce) return force.why ?? this.#describeWaiting();
    const passing = listings.filter(({ blocks }) => !blocks);
    const [first] = passing;
    if (first !== undefined)
      return `${describePlaces(passing)} lets ${first.key.id} pass (${first.text})`;
    return missing.length === 0 ? undefined : `nothing is found in ${missing.join(', ')}`;
  }

  /** Why the mail server does not see the files that list the block; undefined if it looks into one of them. */
  async #findUnused({ key }: StoredBlock): Promise<string | undefined> {
    const { findUnused } = await import('../setup/unused.ts');
    const listing = buildTargets(this.#config).filter((target) => shouldList(target, key));
    return await findUnused(
      this.#config,
      listing.map(({ file }) => file),
    );
  }

  /** What the change waits for. */
  #describeWaiting(): string {
    const { enforcer } = this.#config;
    const failure = this.#findTargetFailure();
    if (failure !== undefined) return failure;
    if (enforcer === 'separate' && findRunning(this.#store, 'enforcer') === undefined)
      return 'it is written down, but postern enforce is not running (systemctl start postern-enforce)';
    return `postern ${enforcer === 'separate' ? 'enforce' : 'run'} has not done it yet (postern status)`;
  }

  #describeStill(still: readonly Listing[]): string {
    const places = describePlaces(still);
    const isOurs = still.every(({ block }) => block !== undefined);
    if (!isOurs) return `${places}; delete it there`;
    if (this.#config.mode === 'observe') return `${places}; observe mode changes no file`;
    const others = new Set(still.map(({ block }) => block));
    const running = [...others].flatMap((id) => this.#store.blocks.get(id as number) ?? []);
    const other = running.find(({ released }) => released === undefined);
    return other === undefined
      ? `${places}; ${this.#describeWaiting()}`
      : `${places}, which is ${formatTarget(other)}`;
  }
}

/** How `enforceOnce` begins what the state of the targets says as well. */
const NOT_YET = 'not in force yet: ';
