/** `postern block` and `postern unblock`: by hand, and brought into force here when no service does it. */
import { EXIT, type ExitStatus, PosternError } from '../../base/errors.ts';
import { systemClock } from '../../base/time.ts';
import { ringBell } from '../../bell.ts';
import { type Config, loadConfig } from '../../config.ts';
import { unblockableReason } from '../../enforce/desired.ts';
import { formatIdentity } from '../../model/address.ts';
import type { Submitter } from '../../model/event.ts';
import { allowListOf } from '../../reading.ts';
import { runningDaemon } from '../../running.ts';
import type { StoredBlock } from '../../store/blocks.ts';
import type { Store } from '../../store/store.ts';
import type { Io } from '../io.ts';
import { durationOf, identityOf } from '../typed.ts';
import type { BlockOptions } from './list.ts';
import { withStore } from './store.ts';
import { untilText } from './text.ts';

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
    if (held > 0) io.stdout(`What is held in the queue stays there: postern queue ${identity} --release\n`);
    return await bringIntoForce(store, config, io);
  });
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
  return await (await import('./enforce-here.ts')).enforceHere(store, config, io);
}
