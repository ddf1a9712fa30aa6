/** What the log says about queued mail, from the database. Root reads it by another process that runs as its owner. */
import type { Account } from '../base/account.ts';
import { runCommand } from '../base/commands.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { MINUTE } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import { listKnown } from '../daemon/queue-access.ts';
import type { KnownMessage } from '../enforce/queue/selection.ts';
import { databaseOwner, withStore } from './database.ts';
import { type Io, jsonLine } from './io.ts';
import type { Named } from './queue-request.ts';

/**
 * What the log says about messages that may be meant; nothing if there is no database yet. Throws a PosternError (exit
 * status 1) if there is one that cannot be read.
 */
export async function loadKnown(config: Config, named: readonly Named[]): Promise<KnownMessage[]> {
  const texts = named.flatMap(({ text, owner }) => (owner === undefined ? [] : [text]));
  if (texts.length === 0) return [];
  const owner = databaseOwner(config.database);
  return owner === undefined ? await readKnown(config, named) : await readAs(owner, config, texts);
}

/** `postern queue --known`: prints it, one message a line. */
export async function printKnown(
  config: Config,
  named: readonly Named[],
  io: Io,
): Promise<ExitStatus> {
  for (const known of await readKnown(config, named)) io.stdout(jsonLine(known));
  return EXIT.done;
}

async function readKnown(config: Config, named: readonly Named[]): Promise<KnownMessage[]> {
  const owners = named.flatMap(({ owner }) => (owner === undefined ? [] : [owner]));
  try {
    return await withStore(config, async (store) =>
      // A host or account may be a content filter that hands back the mail of anybody.
      owners.every(({ type }) => type === 'user')
        ? owners.flatMap((owner) => listKnown(store, owner))
        : store.state.listKnown(),
    );
  } catch (error) {
    if (error instanceof PosternError && error.code === 'database-missing') return [];
    throw error;
  }
}

async function readAs(
  account: Account,
  config: Config,
  texts: readonly string[],
): Promise<KnownMessage[]> {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const argv = [...program, 'queue', '--known', '--config', config.file, '--', ...texts];
  const known: KnownMessage[] = [];
  const onLine = (line: string) => known.push(...parseKnown(line));
  const { status, stderr } = await runCommand(argv, { timeout: MINUTE, account, onLine });
  if (status === 0) return known;
  // It has put its name in front of its message, as this command will.
  const message = stderr.trim().replace(/^postern: /, '') || 'postern queue gave no answer';
  throw new PosternError('environment', message, { code: 'queue' });
}

/** The queue itself decides whether there is such a message, and IDs are checked before a command gets them. */
function parseKnown(line: string): KnownMessage[] {
  try {
    const known = JSON.parse(line) as KnownMessage;
    const { submitter, sender } = known;
    const isWhole = typeof submitter.id === 'string' && typeof known.queueId === 'string';
    return isWhole && (sender === undefined || typeof sender === 'string') ? [known] : [];
  } catch {
    return [];
  }
}
