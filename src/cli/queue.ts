/** `postern queue`: queued mail of a submitter. The queue IDs come from the database, the MTA's commands act on them. */

import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { buildQueue } from '../daemon/mta-control.ts';
import type { QueueAction } from '../enforce/queue.ts';
import type { Submitter } from '../model/event.ts';
import type { BlockOptions } from './blocks.ts';
import { type Io, jsonLine } from './io.ts';
import { databaseOwner, queueIdsAs } from './owner.ts';
import { parseTypedIdentity } from './typed.ts';
import { withStore } from './with-store.ts';

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
  const key = parseTypedIdentity(identity);
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
  const result = await buildQueue(config).act(action, ids);
  if (result.failure !== undefined) {
    io.stderr(`postern: ${result.failure.message}\n`);
    return EXIT.failed;
  }
  const done = { hold: 'held', release: 'released', remove: 'deleted' }[action];
  io.stdout(`${counted(result.ids.length, 'message')} ${done}.\n`);
  return EXIT.done;
}

function queueIdsHere(config: Config, key: Submitter): Promise<string[]> {
  return withStore(config, async (store) => store.state.findQueueIds(key));
}
