/** The queue of Exim: its spool lists it, exim -Mf, -Mt and -Mrm freeze, thaw and remove, exim -M delivers. */
import { setImmediate } from 'node:timers/promises';
import { type CommandResult, launchCommand, runCommand } from '../../base/commands.ts';
import { getErrno } from '../../base/errors.ts';
import { MINUTE, SECOND } from '../../base/time.ts';
import { waitOrAbort } from '../../base/wait.ts';
import { findCommandFailure } from '../command.ts';
import type { Failure } from '../target.ts';
import { completeMessage, listSpool, readMessage, type SpoolPlace } from './exim-spool.ts';
import { checkIds, isEximMessageId } from './ids.ts';
import type { QueuedMessage } from './message.ts';
import type { ActionOutcome, MailQueue, QueueAction, QueueListing, QueueResult } from './queue.ts';
import type { Selection } from './selection.ts';

/** Message IDs in one command. */
const MOST_ARGUMENTS = 200;
/** How long to read header files before others get their turn, ms. */
const TURN = 5;
/** How many processes deliver at a time. */
const DELIVERIES = 4;
/** A message that is being delivered is locked; how often to try again, and after how long, ms. */
const LOCK_RETRIES = 3;
const LOCK_PAUSE = SECOND;

const FLAGS = { hold: '-Mf', release: '-Mt', remove: '-Mrm' } as const;

/** `command`: argument vector in front of the options; `timeout`: ms for one command. */
export function buildEximQueue(command: readonly string[], timeout = MINUTE): MailQueue {
  return {
    isQueueId: isEximMessageId,
    list: (selection, time) => list(command, selection, time),
    act: (action, given) => act(command, action, given, timeout),
    deliver: (ids) => deliver(command, ids),
  };
}

async function list(
  command: readonly string[],
  selection: Selection,
  timeout: number,
): Promise<QueueListing> {
  const end = performance.now() + timeout;
  const found = await findSpoolFolder(command);
  if (typeof found !== 'string') return { messages: [], unread: 0, failure: found };
  const { places, failure } = await listSpool(found);
  if (failure !== undefined) return { messages: [], unread: 0, failure };
  return await readPlaces(found, places, selection, end);
}

async function findSpoolFolder(command: readonly string[]): Promise<string | Failure> {
  const argv = [...command, '-bP', 'spool_directory'];
  const timeout = 10 * SECOND;
  const result = await runCommand(argv, { timeout });
  const failure = findCommandFailure(argv, result, timeout);
  if (failure !== undefined) return failure;
  const folder = /^spool_directory = (\/.*)$/m.exec(result.stdout)?.[1];
  return folder ?? { message: `${argv.join(' ')}: does not name a folder` };
}

/** Reads messages, the newest first, until `end` (ms of performance.now()). Others get their turn in between. */
async function readPlaces(
  spool: string,
  places: readonly SpoolPlace[],
  selection: Selection,
  end: number,
): Promise<QueueListing> {
  const messages: QueuedMessage[] = [];
  let next = 0;
  let turn = performance.now() + TURN;
  try {
    for (; next < places.length && performance.now() < end; next++) {
      const place = places[next] as SpoolPlace;
      const message = readMessage(spool, place);
      if (message !== undefined && selection.has(message))
        messages.push(selection.isBrief ? message : await completeMessage(spool, place, message));
      if (performance.now() < turn) continue;
      await setImmediate();
      turn = performance.now() + TURN;
    }
  } catch (error) {
    const failure = { message: `${spool}/input: cannot be read: ${getErrno(error) ?? error}` };
    return { messages, unread: places.length - next, failure };
  }
  return { messages: messages.reverse(), unread: places.length - next };
}

async function act(
  command: readonly string[],
  action: QueueAction,
  given: readonly string[],
  timeout: number,
): Promise<QueueResult> {
  const { ids, refused } = checkIds(given, isEximMessageId);
  const outcomes = new Map<string, ActionOutcome>();
  for (let left = ids, tries = 0; left.length > 0; tries++) {
    const failure = await actOnce(command, action, left, { timeout, outcomes });
    if (failure !== undefined) return { outcomes: [...outcomes.values()], refused, failure };
    left = left.filter((id) => outcomes.get(id)?.outcome === 'busy');
    if (tries === LOCK_RETRIES) break;
    if (left.length > 0) await waitOrAbort(LOCK_PAUSE, undefined);
  }
  return { outcomes: [...outcomes.values()], refused };
}

/** Exim takes message IDs as arguments; for many of them more than one command is run. */
async function actOnce(
  command: readonly string[],
  action: QueueAction,
  ids: readonly string[],
  { timeout, outcomes }: { timeout: number; outcomes: Map<string, ActionOutcome> },
): Promise<Failure | undefined> {
  const argv = [...command, FLAGS[action]];
  for (let start = 0; start < ids.length; start += MOST_ARGUMENTS) {
    const chunk = ids.slice(start, start + MOST_ARGUMENTS);
    const result = await runCommand([...argv, ...chunk], { timeout });
    for (const outcome of readOutcomes(result, chunk)) outcomes.set(outcome.queueId, outcome);
    const isAnswered = chunk.every((id) => outcomes.has(id));
    // The status is 1 if one of them is gone, or was as wanted.
    if (!isAnswered) return findCommandFailure(argv, result, timeout) ?? missing(argv);
  }
  return undefined;
}

function missing(argv: readonly string[]): Failure {
  return { message: `${argv.join(' ')}: printed nothing about some of the messages` };
}

/** How Exim's lines about a message end (queue_action() in queue.c). The last one of a message counts. */
const ENDINGS: readonly (readonly [string, ActionOutcome['outcome']])[] = [
  ['is now frozen', 'done'],
  ['is already frozen', 'already'],
  ['is no longer frozen', 'done'],
  ['is not frozen', 'already'],
  ['has been removed', 'done'],
  ['has been removed or did not exist', 'gone'],
  ['does not exist', 'gone'],
  ['No such file or directory', 'gone'],
  ['is locked', 'busy'],
];

function readOutcomes({ stdout }: CommandResult, ids: readonly string[]): ActionOutcome[] {
  const asked = new Set(ids);
  return stdout.split('\n').flatMap((line): ActionOutcome[] => {
    const queueId = / ([0-9A-Za-z]{6}-[0-9A-Za-z-]+?)(?:-H)?(?=[ :]|$)/.exec(line)?.[1];
    if (queueId === undefined || !asked.has(queueId)) return [];
    const known = ENDINGS.find(([ending]) => line.endsWith(ending));
    return [known ? { queueId, outcome: known[1] } : { queueId, outcome: 'failed', text: line }];
  });
}

/** exim -M delivers one message after the other and ends after the last one: it is left alone. */
async function deliver(
  command: readonly string[],
  given: readonly string[],
): Promise<{ unasked: number; failure?: Failure }> {
  const { ids } = checkIds(given, isEximMessageId);
  const share = Math.ceil(ids.length / DELIVERIES);
  for (let start = 0; start < ids.length; start += share) {
    const reason = await launchCommand([...command, '-M', ...ids.slice(start, start + share)]);
    if (reason === undefined) continue;
    const failure = { message: `${command.join(' ')} -M: cannot be started: ${reason}` };
    return { unasked: ids.length - start, failure };
  }
  return { unasked: 0 };
}
