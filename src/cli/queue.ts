/** `postern queue`: queued mail of a submitter. The queue IDs come from the database, the mail server acts on them. */
import type { Account } from '../base/account.ts';
import { runCommand } from '../base/commands.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { buildQueue } from '../daemon/mta-control.ts';
import type { QueueAction } from '../enforce/queue.ts';
import { databaseOwner, withStore } from './database.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { parseTypedIdentity } from './typed.ts';

interface QueueOptions extends CommonOptions {
  readonly hold?: boolean;
  readonly release?: boolean;
  readonly delete?: boolean;
}

/** Lists it, or does what one of the options says. Exit status 1 when the mail server refuses. */
export async function runQueue(
  identity: string,
  options: QueueOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const key = parseTypedIdentity(identity, config.logins);
  const action = readAction(options);
  const owner = databaseOwner(config.database);
  const ids =
    owner === undefined
      ? await withStore(config, async (store) => store.state.findQueueIds(key))
      : await queueIdsAs(owner, config, identity);
  if (action !== undefined) return await act(action, ids, config, io);
  if (options.format === 'json') io.stdout(jsonLine({ identity: key, queueIds: ids }));
  else io.stdout(idsText(ids));
  return EXIT.done;
}

/** Throws a PosternError (exit status 2) when more than one is named. */
function readAction(options: QueueOptions): QueueAction | undefined {
  const actions: QueueAction[] = [];
  if (options.hold === true) actions.push('hold');
  if (options.release === true) actions.push('release');
  if (options.delete === true) actions.push('remove');
  if (actions.length > 1)
    throw new PosternError('usage', 'queue: name one of --hold, --release and --delete');
  return actions[0];
}

const DONE: Readonly<Record<QueueAction, string>> = {
  hold: 'held',
  release: 'released',
  remove: 'deleted',
};

async function act(
  action: QueueAction,
  ids: readonly string[],
  config: Config,
  io: Io,
): Promise<ExitStatus> {
  const result = await buildQueue(config).act(action, ids);
  if (result.failure !== undefined) {
    io.stderr(`postern: ${result.failure.message}\n`);
    return EXIT.failed;
  }
  io.stdout(`${counted(result.ids.length, 'message')} ${DONE[action]}.\n`);
  return EXIT.done;
}

function idsText(ids: readonly string[]): string {
  return ids.length === 0
    ? 'No message of this submitter is queued.\n'
    : ids.map((id) => `${id}\n`).join('');
}

/**
 * Queue IDs of an identity's mail, as another `postern queue` prints them that runs as `owner`. Throws a PosternError
 * (exit status 1) with the message of that command.
 */
async function queueIdsAs(owner: Account, config: Config, identity: string): Promise<string[]> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const argv = [...program, 'queue', '--format', 'json', '--config', config.file, '--', identity];
  const { status, stdout, stderr } = await runCommand(argv, { timeout: 60_000, account: owner });
  const ids = status === 0 ? parseQueueIds(stdout) : undefined;
  if (ids !== undefined) return ids;
  // It has put its name in front of its message, as this command will.
  const message = stderr.trim().replace(/^postern: /, '') || 'postern queue gave no answer';
  throw new PosternError('environment', message, { code: 'queue' });
}

/** enforce/queue.ts checks them against the grammar of the mail server before a command gets them. */
function parseQueueIds(json: string): string[] | undefined {
  try {
    const { queueIds } = JSON.parse(json) as { queueIds?: unknown };
    if (!Array.isArray(queueIds)) return undefined;
    return queueIds.filter((id) => typeof id === 'string');
  } catch {
    return undefined;
  }
}
