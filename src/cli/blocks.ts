/** Commands about blocks: blocks, block, unblock, explain, queue. */

import { allowListOf, handsOf, queueOf } from '../assemble.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { formatDuration, formatTime, parseDuration, systemClock } from '../base/time.ts';
import { ringBell } from '../bell.ts';
import { type Config, loadConfig } from '../config.ts';
import { unblockableReason } from '../enforce/desired.ts';
import type { QueueAction } from '../enforce/queue.ts';
import { Enforcer, type TargetState } from '../enforcer.ts';
import { evidenceJson, gatherEvidence } from '../evidence.ts';
import { loadRules } from '../judge/rule.ts';
import { formatIdentity, parseIdentity } from '../model/address.ts';
import type { Block } from '../model/block.ts';
import type { Submitter } from '../model/event.ts';
import { measuresFor } from '../notices.ts';
import { blockNotice } from '../notify/notice.ts';
import { runningDaemon } from '../running.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { Store } from '../store/store.ts';
import { type Io, jsonLine } from './io.ts';
import { databaseOwner, queueIdsAs } from './owner.ts';

export interface BlockOptions {
  readonly config?: string;
  readonly format?: 'text' | 'json';
}

/** `postern blocks [--all]`: what is shut out. */
export function runBlocks(options: BlockOptions & { readonly all?: boolean }, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const blocks =
      options.all === true ? store.blocks.history(1000).reverse() : store.blocks.allRunning();
    if (options.format === 'json')
      for (const block of blocks) io.stdout(jsonLine(blockJson(store, block)));
    else
      io.stdout(
        blocks.length === 0
          ? 'Nobody is blocked.\n'
          : blocks.map((block) => blockLine(store, block)).join(''),
      );
    return EXIT.done;
  } finally {
    store.close();
  }
}

/** `postern block ID [--for 1d] [--note TEXT]`. */
export async function runBlock(
  identity: string,
  options: BlockOptions & { readonly for?: string; readonly note?: string },
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = identityOf(identity);
  const duration = durationOf(options.for);
  const refused = unblockableReason(key) ?? allowListOf(config).reason(key);
  if (refused !== undefined) {
    throw new PosternError('not-blockable', `${identity} cannot be blocked: ${refused}`, {
      exitStatus: EXIT.failed,
    });
  }
  return withStore(config, async (store) => {
    const start = systemClock.now();
    const end = duration === undefined ? undefined : start + duration;
    const block = store.commit(() =>
      store.blocks.start({ key, cause: 'manual', start, end, note: options.note }),
    );
    if (block === undefined) {
      const { id } = store.blocks.running(key) as StoredBlock;
      io.stdout(`${formatIdentity(key)} is blocked already (block ${id}).\n`);
      return EXIT.done;
    }
    io.stdout(`${formatIdentity(key)} is blocked (block ${block.id}, ${untilText(block)}).\n`);
    return await bringIntoForce(store, config, io);
  });
}

/** `postern unblock ID`: ends the block; what happened before does not count again. */
export async function runUnblock(
  identity: string,
  options: BlockOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = identityOf(identity);
  return withStore(config, async (store) => {
    const block = store.blocks.running(key);
    if (block === undefined) {
      io.stderr(`${identity} is not blocked.\n`);
      return EXIT.failed;
    }
    const now = systemClock.now();
    store.commit(() => store.blocks.release(block.id, now, 'operator', store.events.newest()));
    io.stdout(`${formatIdentity(key)} is no longer blocked (block ${block.id}).\n`);
    const held = store.state.queueIdsOf(key as Submitter).length;
    if (held > 0) io.stdout(`Queued mail stays held: postern queue ${identity} --release\n`);
    return await bringIntoForce(store, config, io);
  });
}

/** `postern explain ID`: the evidence, by identity or by the block's number. */
export function runExplain(identity: string, options: BlockOptions, io: Io): ExitStatus {
  const config = loadConfig(options.config);
  const store = new Store(config.database, { readonly: true });
  try {
    const block = /^\d+$/.test(identity)
      ? store.blocks.get(Number(identity))
      : store.blocks.of(identityOf(identity))[0];
    const key = block?.key ?? identityOf(identity);
    const stored =
      block?.verdict === undefined
        ? store.verdicts.of(key, 1)[0]
        : store.verdicts.get(block.verdict);
    if (stored === undefined) {
      if (block === undefined) {
        io.stderr(`${identity}: no rule was ever met, and there is no block.\n`);
        return EXIT.failed;
      }
      io.stdout(
        options.format === 'json' ? jsonLine(blockJson(store, block)) : blockLine(store, block),
      );
      return EXIT.done;
    }
    const rules = new Map(loadRules(config.rules).map((rule) => [rule.name, rule.description]));
    const evidence = gatherEvidence(store, stored.verdict, block, rules.get(stored.verdict.rule));
    const measures =
      stored.outcome === 'blocked' || block !== undefined
        ? measuresOf(store, block)
        : [outcomeText(stored.outcome)];
    if (options.format === 'json')
      io.stdout(jsonLine({ ...evidenceJson(evidence), outcome: stored.outcome, measures }));
    else io.stdout(blockNotice(evidence, measures).text);
    return EXIT.done;
  } finally {
    store.close();
  }
}

function measuresOf(store: Store, block: StoredBlock | undefined): readonly string[] {
  if (block?.released === undefined) return measuresFor(store, block?.id);
  return [`Ended ${formatTime(block.released)}: ${releaseText(block)}.`];
}

function outcomeText(outcome: string): string {
  switch (outcome) {
    case 'observed':
      return 'Nothing was changed: the rule only observes.';
    case 'mode-observe':
      return 'Nothing was changed: Postern runs in observe mode.';
    case 'allowed':
      return 'Not blocked: the allow list names it.';
    case 'capped':
      return 'Not blocked: the cap on blocks per hour was reached.';
    case 'stale':
      return 'Not blocked: it lay too far in the past when it was read.';
    default:
      return `Not blocked: ${outcome}.`;
  }
}

/** `postern queue ID [--hold|--release|--delete]`: that submitter's queued mail. */
export async function runQueue(
  identity: string,
  options: BlockOptions & {
    readonly hold?: boolean;
    readonly release?: boolean;
    readonly delete?: boolean;
  },
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = identityOf(identity);
  const actions = [
    options.hold === true ? 'hold' : undefined,
    options.release === true ? 'release' : undefined,
    options.delete === true ? 'remove' : undefined,
  ].filter((action) => action !== undefined);
  if (actions.length > 1)
    throw new PosternError('usage', 'queue: name one of --hold, --release and --delete');
  const action: QueueAction | undefined = actions[0] as QueueAction | undefined;
  const owner = databaseOwner(config.database);
  const ids =
    owner === undefined
      ? await queueIdsHere(config, key)
      : await queueIdsAs(owner, config, identity);
  if (action === undefined) {
    if (options.format === 'json') io.stdout(jsonLine({ identity: key, queueIds: ids }));
    else
      io.stdout(
        ids.length === 0
          ? 'No message of this submitter is queued.\n'
          : ids.map((id) => `${id}\n`).join(''),
      );
    return EXIT.done;
  }
  const result = await queueOf(config).act(action, ids);
  if (result.failure !== undefined) {
    io.stderr(`${result.failure.message}\n`);
    return EXIT.failed;
  }
  const done = { hold: 'held', release: 'released', remove: 'deleted' }[action];
  io.stdout(`${result.ids.length} messages ${done}.\n`);
  return EXIT.done;
}

function queueIdsHere(config: Config, key: Submitter): Promise<string[]> {
  return withStore(config, async (store) => store.state.queueIdsOf(key));
}

async function withStore<T>(config: Config, work: (store: Store) => Promise<T>): Promise<T> {
  // Only the service makes a database: it looks first whether one was lost, before any line leaves a block file.
  const store = new Store(config.database, { readonly: true });
  try {
    return await work(store);
  } finally {
    store.close();
  }
}

/** The running service does it within a second; without one it is done here. */
async function bringIntoForce(store: Store, config: Config, io: Io): Promise<ExitStatus> {
  if (config.mode === 'observe') {
    io.stdout('Observe mode: the mail server is not touched.\n');
    return EXIT.done;
  }
  if (config.enforcer === 'separate') {
    ringBell(config.database);
    if (runningDaemon(store, 'enforcer') !== undefined) return EXIT.done;
    io.stderr('not in force yet: postern enforce is not running\n');
    return EXIT.failed;
  }
  if (runningDaemon(store) !== undefined) return EXIT.done;
  const enforcer = new Enforcer({
    store,
    ...handsOf(config),
    queue: undefined,
    clock: systemClock,
    log: silentLog,
  });
  await enforcer.run();
  const failures = store.state
    .targets()
    .flatMap(({ state }) => (state as TargetState).failure ?? []);
  for (const failure of failures) io.stderr(`not in force yet: ${failure}\n`);
  return failures.length === 0 ? EXIT.done : EXIT.failed;
}

/** An identity as typed; throws a PosternError (exit status 2) when it is none. */
export function identityOf(text: string): Submitter {
  const identity = parseIdentity(text);
  if (identity === undefined) {
    throw new PosternError(
      'usage',
      `not an identity: ${JSON.stringify(text)}; expected alice@example.net, 192.0.2.7 or uid:33`,
    );
  }
  return identity;
}

function durationOf(text: string | undefined): number | undefined {
  if (text === undefined || text === 'until-released') return undefined;
  const duration = parseDuration(text);
  if (duration === undefined)
    throw new PosternError(
      'usage',
      `--for ${text}: expected a duration such as 1h or 7d, or until-released`,
    );
  return duration;
}

function blockJson(store: Store, block: StoredBlock): Record<string, unknown> {
  const { id, key, cause, start, end, released, releasedBy, note } = block;
  return {
    id,
    key,
    cause,
    start: formatTime(start),
    ...(end === undefined ? {} : { end: formatTime(end) }),
    ...(note === undefined ? {} : { note }),
    ...(released === undefined
      ? { inForce: isInForce(store, block) }
      : { released: formatTime(released), releasedBy }),
  };
}

function blockLine(store: Store, block: StoredBlock): string {
  const state =
    block.released === undefined
      ? `${untilText(block)}${isInForce(store, block) ? '' : ', NOT IN FORCE YET (postern status)'}`
      : `ended ${formatTime(block.released)}: ${releaseText(block)}`;
  const note = block.note === undefined ? '' : ` "${block.note}"`;
  return `${block.id}  ${formatBlocked(block)}  ${block.cause}${note}  since ${formatTime(block.start)}, ${state}\n`;
}

function formatBlocked({ key }: Block): string {
  return key.type === 'sender' ? `sender ${key.id}` : formatIdentity(key as Submitter);
}

function releaseText({ releasedBy }: StoredBlock): string {
  switch (releasedBy) {
    case 'file':
      return 'its line was deleted by hand';
    case 'expiry':
      return 'its time was over';
    case 'guard':
      return 'the refusals behind it are not believed any more';
    default:
      return 'postern unblock';
  }
}

function untilText({ end }: Block): string {
  return end === undefined
    ? 'until released'
    : `until ${formatTime(end)} (${formatDuration(Math.max(0, end - systemClock.now()))})`;
}

function isInForce(store: Store, { id }: Block): boolean {
  const targets = new Map(
    store.state.targets().map(({ name, state }) => [name, state as TargetState]),
  );
  for (const [name, blocks] of store.state.enforced()) {
    if (blocks.has(id) && targets.get(name)?.pending !== true) return true;
  }
  return false;
}
