/** `postern unblock`: ends a block by hand. Events before its end no longer count. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { quoteForShell } from '../base/escape.ts';
import { systemClock } from '../base/time.ts';
import { loadConfig } from '../config/load.ts';
import type { Submitter } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import { PLAIN_LOGINS } from '../model/login.ts';
import type { Store } from '../store/store.ts';
import { BlockChange, findNumbered } from './block-change.ts';
import { blockedText } from './block-text.ts';
import { withStore } from './database.ts';
import type { CommonOptions, Io } from './io.ts';
import { parseTypedBlockable } from './typed.ts';

/** Exit status 1 when there is no such block, or it is still in force afterwards. */
export async function runUnblock(
  identity: string,
  options: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = parseTypedBlockable(identity, config.logins);
  return withStore(config, async (store) => {
    // A block from before the setting `logins` has the login as it was spelled then.
    const block =
      store.blocks.running(key) ??
      store.blocks.running(parseTypedBlockable(identity, PLAIN_LOGINS));
    if (block === undefined) {
      io.stderr(`${identity} is not blocked${numberHint(identity, store)}.\n`);
      return EXIT.failed;
    }
    const now = systemClock.now();
    store.commit(() => store.blocks.release(block.id, now, 'operator', store.events.newest()));
    const change = new BlockChange(store, config, options, io);
    change.say(`${formatIdentity(block.key)} is no longer blocked (block ${block.id}).`);
    const held = store.state.findKnown(key as Submitter).length;
    if (held > 0)
      change.say(`Mail that is held stays in the queue: postern queue ${identity} --release`);
    return await change.carryOut(block.id);
  });
}

function numberHint(typed: string, store: Store): string {
  const block = findNumbered(typed, store);
  if (block === undefined) return '';
  const who = blockedText(block);
  return block.released === undefined
    ? ` (block ${block.id} is ${who}: postern unblock ${quoteForShell(who)})`
    : ` (block ${block.id}, of ${who}, has ended)`;
}
