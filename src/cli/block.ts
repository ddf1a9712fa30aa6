/** `postern block`: begins a block by hand. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { systemClock } from '../base/time.ts';
import { buildAllowList } from '../config/allow-list.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { findMissingTarget } from '../daemon/in-force.ts';
import { findUnblockableReason } from '../enforce/decide.ts';
import type { Block } from '../model/block.ts';
import { formatIdentity } from '../model/identity.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import { BlockChange, findNumbered } from './block-change.ts';
import { blockedText, untilText } from './block-text.ts';
import { withStore } from './database.ts';
import type { CommonOptions, Io } from './io.ts';
import { parseLength, parseTypedBlockable } from './typed.ts';

interface BlockOptions extends CommonOptions {
  readonly for?: string;
  readonly note?: string;
}

/** Exit status 1 when it cannot be blocked, or is not in force afterwards. */
export async function runBlock(
  identity: string,
  options: BlockOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = parseTypedBlockable(identity, config.logins);
  const duration = parseLength(options.for);
  assertBlockable(identity, key, config);
  return withStore(config, async (store) => {
    assertNoBlockNumber(identity, store);
    const start = systemClock.now();
    const end = duration === undefined ? undefined : start + duration;
    const block = store.commit(() =>
      store.blocks.start({ key, cause: 'manual', start, end, note: options.note }),
    );
    const change = new BlockChange(store, config, options, io);
    if (block === undefined) {
      const running = store.blocks.running(key) as StoredBlock;
      change.say(`${formatIdentity(key)} is already blocked (block ${running.id}).`);
      change.print(running.id);
      return EXIT.done;
    }
    change.say(`${formatIdentity(key)} is blocked (block ${block.id}, ${untilText(block)}).`);
    return await change.carryOut(block.id);
  });
}

/** Throws a PosternError (exit status 1) for an identity that is never blocked, or has no target. */
function assertBlockable(identity: string, key: Block['key'], config: Config): void {
  const refused =
    findUnblockableReason(key) ??
    buildAllowList(config).reason(key) ??
    findMissingTarget(config, key.type);
  if (refused === undefined) return;
  throw new PosternError('environment', `${identity} cannot be blocked: ${refused}`, {
    code: 'not-blockable',
  });
}

/** Throws a PosternError (exit status 2) for the number of a block where a login is expected. */
function assertNoBlockNumber(typed: string, store: Store): void {
  const block = findNumbered(typed, store);
  if (block === undefined) return;
  throw new PosternError(
    'usage',
    `${typed} is the number of a block (of ${blockedText(block)}); for the login: postern block user:${typed}`,
  );
}
