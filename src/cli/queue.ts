/** `postern queue`: lists mail in the queue of the mail server, by queue ID or by who sent it, and acts on it. */
import { dropUndefined } from '../base/defined.ts';
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import { MINUTE, systemClock } from '../base/time.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { buildOwnerOptions, buildQueue, listNames } from '../daemon/queue-access.ts';
import type { QueuedMessage } from '../enforce/queue/message.ts';
import type {
  ActionOutcome,
  MailQueue,
  QueueAction,
  QueueListing,
} from '../enforce/queue/queue.ts';
import {
  type KnownMessage,
  type MailOwner,
  type OwnerOptions,
  Selection,
} from '../enforce/queue/selection.ts';
import type { Key } from '../model/block.ts';
import { toLoggedLogin } from './account-forms.ts';
import { type CommonOptions, type Io, jsonLine } from './io.ts';
import { findOperator } from './operator.ts';
import { QueueChange } from './queue-change.ts';
import { buildQueueTest, listTyped, type QueueFilterOptions } from './queue-filter.ts';
import { type Known, loadKnown, printKnown } from './queue-known.ts';
import {
  type ActedOn,
  buildQueueDeeds,
  describeDeed,
  noteQueueDeeds,
  runNote,
} from './queue-note.ts';
import { describeNamed, findAmbiguous, type Named, parseNamed } from './queue-request.ts';
import { listingCsv, listingText, messageJson } from './queue-text.ts';
import { fitLines } from './screen-table.ts';

interface QueueOptions extends Omit<CommonOptions, 'format'>, QueueFilterOptions {
  readonly format?: 'text' | 'json' | 'csv';
  readonly hold?: boolean;
  readonly release?: boolean;
  readonly delete?: boolean;
  readonly yes?: boolean;
  readonly known?: boolean;
  readonly note?: boolean;
}

/** How long to look through the queue, ms. */
const LOOKING = 10 * MINUTE;

/**
 * Lists it, or does what one of the options says. Exit status 1 when the mail server refuses, or when not all of the
 * queue could be examined. Throws a PosternError (exit status 2) for what is neither a queue ID nor an identity.
 */
export async function runQueue(
  texts: readonly string[],
  options: QueueOptions,
  io: Io,
): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  if (options.note === true) return await runNote(config, texts);
  const queue = buildQueue(config);
  const action = readAction(options);
  const isMeant = buildQueueTest(options, config);
  const named = listTyped(texts, options)
    .map((text) => parseNamed(text, queue.isQueueId, config.logins))
    .map((one) =>
      one.owner === undefined ? one : { ...one, owner: toLoggedLogin(one.owner, config) },
    );
  if (options.known === true) return await printKnown(config, named, io);
  const known = await loadKnown(config, named);
  const { findKey, ...found } = await listNamed(config, queue, named, known.messages);
  const listing = { ...found, messages: found.messages.filter(isMeant) };
  const status = reportUnread(listing, known, io);
  if (listing.failure !== undefined && listing.messages.length === 0) return status;
  if (action === undefined) {
    printListing(named, listing, options, io);
    return status;
  }
  if (listing.messages.length === 0 && isText(options)) {
    io.stdout(nothingText(named));
    return status;
  }
  const change = new QueueChange(queue, listing.messages, { ...options, io });
  const { status: done, outcomes } = await change.carryOut(action);
  if (isText(options)) io.stdout(missingText(named, listing.messages));
  await note(config, action, listActedOn(listing.messages, outcomes, findKey), io);
  return done === EXIT.done ? status : done;
}

/** Notes who did it, or lets the caller do so. */
async function note(
  config: Config,
  action: QueueAction,
  acted: readonly ActedOn[],
  io: Io,
): Promise<void> {
  if (acted.length === 0) return;
  if (io.noteDeed !== undefined) return io.noteDeed(describeDeed(action, acted));
  const who = await findOperator(io);
  if (who === undefined) return;
  const time = systemClock.now();
  await noteQueueDeeds(config, buildQueueDeeds(action, acted, { time, who }), io);
}

function listActedOn(
  messages: readonly QueuedMessage[],
  outcomes: readonly ActionOutcome[],
  findKey: KeyLookup,
): ActedOn[] {
  const byId = new Map(messages.map((message) => [message.queueId, message]));
  return outcomes.map(({ queueId, outcome }) => {
    const message = byId.get(queueId);
    return { key: message && findKey(message), done: outcome === 'done' || outcome === 'already' };
  });
}

function isText({ format = 'text' }: QueueOptions): boolean {
  return format === 'text';
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

/** Whose a message is; undefined: neither the queue nor the log says. */
type KeyLookup = (message: QueuedMessage) => Key | undefined;

/** What the queue has of it, and whose it is. Throws a PosternError (exit status 2) if an argument could mean two things. */
async function listNamed(
  config: Config,
  queue: MailQueue,
  named: readonly Named[],
  known: readonly KnownMessage[],
): Promise<QueueListing & { readonly findKey: KeyLookup }> {
  const options = { known, ...buildOwnerOptions(config) };
  const owners: MailOwner[] = [];
  for (const { owner } of named) if (owner !== undefined) owners.push(...(await listNames(owner)));
  const ids = named.flatMap(({ queueId }) => queueId ?? []);
  const listing = await queue.list(
    new Selection({ ids, owners, isAll: named.length === 0, ...options }),
    LOOKING,
  );
  const select = (owner: MailOwner) => new Selection({ owners: [owner], ...options });
  const unclear = findAmbiguous(named, listing.messages, select);
  if (unclear !== undefined) throw new PosternError('usage', unclear);
  const findKey = buildKeyLookup(named, select, options);
  return { ...listing, findKey };
}

/** One of the owners that were named, or who handed in a message that was named by its queue ID. */
function buildKeyLookup(
  named: readonly Named[],
  select: (owner: MailOwner) => Selection,
  { known, canonical = (login) => login }: OwnerOptions & { known: readonly KnownMessage[] },
): KeyLookup {
  const owners = named.flatMap(({ owner }) => (owner ? [{ owner, selection: select(owner) }] : []));
  const submitters = new Map(known.map(({ queueId, submitter }) => [queueId, submitter]));
  return (message) => {
    const asked = owners.find(({ selection }) => selection.has(message))?.owner;
    const { type, id } = asked ?? message.submitter ?? submitters.get(message.queueId) ?? {};
    if (type === undefined || id === undefined) return undefined;
    return { type, id: type === 'user' ? canonical(id) : id };
  };
}

/** Says what could not be examined; returns the exit status. */
function reportUnread({ unread, failure }: QueueListing, known: Known, io: Io): ExitStatus {
  if (known.failure !== undefined)
    io.stderr(
      `postern: ${known.failure}; mail whose submitter only the log names may be missing here\n`,
    );
  if (failure !== undefined) io.stderr(`postern: ${failure.message}${hint(failure.message)}\n`);
  if (unread > 0)
    io.stderr(
      `postern: ${counted(unread, 'message')} of the queue could not be examined, so mail may be missing here\n`,
    );
  const isWhole = failure === undefined && known.failure === undefined && unread === 0;
  return isWhole ? EXIT.done : EXIT.failed;
}

function hint(message: string): string {
  const isRight = /EACCES|permission denied|superuser|EPERM/i.test(message);
  return isRight && process.geteuid?.() !== 0 ? ' (only root may read the queue)' : '';
}

function printListing(
  named: readonly Named[],
  { messages, unread }: QueueListing,
  { format }: QueueOptions,
  io: Io,
): void {
  if (format === 'json') {
    const asked = named.map(({ text }) => text);
    io.stdout(jsonLine(dropUndefined({ asked, messages: messages.map(messageJson), unread })));
  } else if (format === 'csv') {
    io.stdout(listingCsv(messages));
  } else if (messages.length === 0) {
    io.stdout(nothingText(named));
  } else {
    io.stdout(fitLines(io, listingText(messages) + missingText(named, messages)));
  }
}

function nothingText(named: readonly Named[]): string {
  if (named.length === 0) return 'No such message is in the queue.\n';
  return named.map((each) => `No message ${describeNamed(each)} is in the queue.\n`).join('');
}

/** Queue IDs that were asked for and are not there. */
function missingText(named: readonly Named[], messages: readonly QueuedMessage[]): string {
  const found = new Set(messages.map(({ queueId }) => queueId));
  const missing = named.filter(
    ({ queueId, owner }) => queueId !== undefined && owner === undefined && !found.has(queueId),
  );
  return missing.length === 0 ? '' : nothingText(missing);
}
