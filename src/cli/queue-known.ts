/** What the log says about queued mail, from the database. Root reads it by another process that runs as its owner. */
import type { Account } from '../base/account.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import type { Config } from '../config/load.ts';
import { listKnown } from '../daemon/queue-access.ts';
import type { KnownMessage } from '../enforce/queue/selection.ts';
import { asFailure } from '../store/failure.ts';
import { runAsOwner } from './as-owner.ts';
import { databaseOwner, withStore } from './database.ts';
import { type Io, jsonLine } from './io.ts';
import type { Named } from './queue-request.ts';

/** `failure`: why the database cannot be read, as one line. */
export interface Known {
  readonly messages: readonly KnownMessage[];
  readonly failure?: string;
}

/**
 * What the log says about messages that may be meant; nothing if there is no database yet, or if it cannot be read: the
 * mail server knows most of it, and the queue is needed most when a disk is full. Where all are named by queue ID, the
 * queue itself is enough, and it is no failure.
 */
export async function loadKnown(config: Config, named: readonly Named[]): Promise<Known> {
  try {
    const owner = databaseOwner(config.database);
    const texts = named.map(({ text }) => text);
    const messages =
      owner === undefined ? await readKnown(config, named) : await readAs(owner, config, texts);
    return { messages };
  } catch (error) {
    if (named.every(({ owner }) => owner === undefined)) return { messages: [] };
    const known = asFailure(error);
    if (known === undefined) throw error;
    return { messages: [], failure: known.message };
  }
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
  const owners = named.flatMap(({ owner }) => owner ?? []);
  const ids = named.flatMap(({ queueId }) => queueId ?? []);
  try {
    return await withStore(config, async (store) =>
      // A host or account may be a content filter that hands back the mail of anybody.
      owners.every(({ type }) => type === 'user')
        ? [...store.state.findOwned(ids), ...owners.flatMap((owner) => listKnown(store, owner))]
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
  const known: KnownMessage[] = [];
  const onLine = (line: string) => known.push(...parseKnown(line));
  await runAsOwner(account, config, ['queue', '--known'], texts, onLine);
  return known;
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
