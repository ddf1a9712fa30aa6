/**
 * The queue of Postfix: postqueue(1) lists it, postcat(1) says who handed a message in, postsuper(1) holds, releases
 * and deletes.
 */
import { runCommand } from '../../base/commands.ts';
import { dropUndefined } from '../../base/defined.ts';
import { MINUTE } from '../../base/time.ts';
import { findCommandFailure, runMtaCommand } from '../command.ts';
import type { Failure } from '../target.ts';
import { checkIds, isPostfixQueueId } from './ids.ts';
import type { QueuedMessage } from './message.ts';
import { readSubmitters } from './postcat.ts';
import { parseListedMessage } from './postqueue.ts';
import type { ActionOutcome, MailQueue, QueueAction, QueueListing, QueueResult } from './queue.ts';
import type { Selection } from './selection.ts';

export interface PostfixCommands {
  readonly postsuper: readonly string[];
  readonly postqueue: readonly string[];
  readonly postcat: readonly string[];
  readonly postconf: readonly string[];
}

/** IDs for one postsuper: what it prints about them fits into the output that is kept. */
const MOST_IDS = 5000;
/** How many postqueue -i run at a time. */
const PARALLEL = 4;
/** How long to ask for deliveries, ms; the queue manager finds the rest by itself. */
const ASKING = MINUTE;

const FLAGS = { hold: '-h', release: '-H', remove: '-d' } as const;
/** What postsuper prints about a message that it acted on (postsuper.c). */
const DONE = {
  hold: 'placed on hold',
  release: 'released from hold',
  remove: 'removed',
} as const;

/** `timeout`: ms for one command that acts. */
export function buildPostfixQueue(commands: PostfixCommands, timeout = MINUTE): MailQueue {
  return {
    isQueueId: isPostfixQueueId,
    list: (selection, time) => list(commands, selection, time),
    act: (action, given) => act(commands, action, given, timeout),
    deliver: (ids) => deliver(commands, ids, timeout),
  };
}

async function list(
  commands: PostfixCommands,
  selection: Selection,
  timeout: number,
): Promise<QueueListing> {
  const end = performance.now() + timeout;
  const messages: QueuedMessage[] = [];
  const open: QueuedMessage[] = [];
  const argv = [...commands.postqueue, '-j'];
  const onLine = (line: string) => {
    const listed = parseListedMessage(line);
    if (listed === undefined) return;
    const message = selection.isBrief ? { ...listed, recipients: [] } : listed;
    const isMeant = selection.find(message);
    if (isMeant === true) messages.push(message);
    else if (isMeant === undefined && message.state !== 'maildrop') open.push(message);
  };
  const result = await runCommand(argv, { timeout, onLine });
  const failure = findCommandFailure(argv, result, timeout);
  if (failure !== undefined) return { messages, unread: open.length, failure };
  const { found, unread, failure: unreadable } = await examine(commands, open, selection, end);
  return dropUndefined({ messages: [...messages, ...found], unread, failure: unreadable });
}

/** Reads the queue files of these messages, until `end` (ms of performance.now()); returns those that are meant. */
async function examine(
  commands: PostfixCommands,
  open: readonly QueuedMessage[],
  selection: Selection,
  end: number,
): Promise<{ found: QueuedMessage[]; unread: number; failure?: Failure | undefined }> {
  const ids = open.map(({ queueId }) => queueId).filter(isPostfixQueueId);
  const { files, unread, failure } = await readSubmitters(commands, ids, {
    withHeader: selection.hasLocal,
    end,
  });
  const found = open
    .map((message) => ({ ...message, ...files.get(message.queueId) }))
    .filter((message) => selection.has(message));
  return { found, unread, failure };
}

async function act(
  { postsuper }: PostfixCommands,
  action: QueueAction,
  given: readonly string[],
  timeout: number,
): Promise<QueueResult> {
  const { ids, refused } = checkIds(given, isPostfixQueueId);
  const outcomes: ActionOutcome[] = [];
  for (let start = 0; start < ids.length; start += MOST_IDS) {
    const chunk = ids.slice(start, start + MOST_IDS);
    const argv = [...postsuper, FLAGS[action], '-'];
    // It reads IDs from its standard input.
    const result = await runCommand(argv, { timeout, input: `${chunk.join('\n')}\n` });
    const done = new Set(listDone(result.stderr, DONE[action]));
    const failure = findCommandFailure(argv, result, timeout);
    const asked = failure === undefined ? chunk : chunk.filter((id) => done.has(id));
    for (const queueId of asked)
      outcomes.push({ queueId, outcome: done.has(queueId) ? 'done' : 'gone' });
    if (failure !== undefined) return { outcomes, refused, failure };
  }
  return { outcomes, refused };
}

/** Lines such as `postsuper: 4ABCDEF012: placed on hold`; the name of the program may be another one. */
function listDone(output: string, words: string): string[] {
  return output.split('\n').flatMap((line) => {
    const [id, rest] = line.split(': ').slice(-2);
    return id !== undefined && rest === words && isPostfixQueueId(id) ? [id] : [];
  });
}

/** postqueue -i moves a deferred message to the incoming queue, where the queue manager takes it at once. */
async function deliver(
  { postqueue }: PostfixCommands,
  given: readonly string[],
  timeout: number,
): Promise<{ unasked: number; failure?: Failure }> {
  const { ids } = checkIds(given, isPostfixQueueId);
  const end = performance.now() + ASKING;
  const waiting = [...ids];
  let failure: Failure | undefined;
  const askOneByOne = async () => {
    while (waiting.length > 0 && failure === undefined && performance.now() < end) {
      const id = waiting.shift() as string;
      failure = await runMtaCommand([...postqueue, '-i', id], { timeout });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, askOneByOne));
  return dropUndefined({ unasked: waiting.length, failure });
}
