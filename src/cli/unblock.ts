/** `postern unblock`: ends a block by hand. Events before its end no longer count. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { quoteForShell } from '../base/escape.ts';
import { systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { describePlaces, lookUpBlock } from '../daemon/real-force.ts';
import { widenClient } from '../enforce/widen.ts';
import type { Block } from '../model/block.ts';
import type { Submitter } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import { PLAIN_LOGINS } from '../model/login.ts';
import type { Store } from '../store/store.ts';
import { listForms } from './account-forms.ts';
import { BlockChange, findNumbered } from './block-change.ts';
import { blockedText } from './block-text.ts';
import { withStore } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { findOperator, noteAction } from './operator.ts';
import { parseTypedBlockable } from './typed.ts';

/** Exit status 1 when there is no such block, or it is still in force afterwards. */
export async function runUnblock(
  identity: string,
  options: CommonOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const keys = await listKeys(identity, config);
  return withStore(config, async (store) => {
    const block = keys
      .map((key) => store.blocks.running(key))
      .find((running) => running !== undefined);
    if (block === undefined) {
      const { format } = options;
      return await reportNoBlock(identity, keys, { store, config, format }, io);
    }
    const time = systemClock.now();
    const who = await findOperator(io);
    store.commit(() => {
      if (!store.blocks.release(block.id, time, 'operator', store.events.newest())) return;
      noteAction(store, { time, who, what: 'unblock', key: block.key, block });
    });
    const change = new BlockChange(store, config, options, io);
    const status = await change.end(block);
    const held = store.state.findKnown(block.key as Submitter).length;
    if (held > 0)
      change.say(
        `Mail that is held stays in the queue: postern queue ${quoteForShell(formatIdentity(block.key))} --release`,
      );
    return status;
  });
}

/** All that the text may mean: a local account in both forms, an IPv6 client and its /64. */
async function listKeys(identity: string, config: Config): Promise<Block['key'][]> {
  const key = parseTypedBlockable(identity, config.logins);
  // A block from before the setting `logins` has the login as it was spelled then.
  const plain = parseTypedBlockable(identity, PLAIN_LOGINS);
  const wide = identity.includes('/') ? undefined : widenClient(key);
  return [...(await listForms(key, config)), plain, ...(wide === undefined ? [] : [wide])];
}

interface Context {
  readonly store: Store;
  readonly config: Config;
  readonly format: CommonOptions['format'];
}

/** There is no block of this identity, but a wider one, or a line that was written by hand, may block it. */
async function reportNoBlock(
  identity: string,
  keys: readonly Block['key'][],
  { store, config, format }: Context,
  io: Io,
): Promise<ExitStatus> {
  const [key] = keys as [Block['key']];
  const over = store.blocks.runningOver(key);
  if (over !== undefined) {
    const who = blockedText(over);
    io.stderr(
      `${identity} is in ${who}, which is blocked as a whole (block ${over.id}): postern unblock ${quoteForShell(who)}\n`,
    );
    return EXIT.failed;
  }
  const found = await lookUpBlock(store, config, { id: 0, key, cause: '', start: 0 });
  const still = found.listings.filter(({ blocks }) => blocks);
  const hint =
    still.length === 0
      ? `is not blocked${numberHint(identity, store)}.`
      : `has no block of Postern, but is blocked: ${describePlaces(still)}; delete it there`;
  if (format === 'json' && still.length > 0) io.stdout(jsonLine({ key, stillBlockedBy: still }));
  io.stderr(`${identity} ${hint}\n`);
  return EXIT.failed;
}

function numberHint(typed: string, store: Store): string {
  const block = findNumbered(typed, store);
  if (block === undefined) return '';
  const who = blockedText(block);
  return block.released === undefined
    ? ` (block ${block.id} is ${who}: postern unblock ${quoteForShell(who)})`
    : ` (block ${block.id}, of ${who}, has ended)`;
}
