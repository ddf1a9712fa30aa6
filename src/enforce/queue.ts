/**
 * Mail that is already in the queue: hold, release, delete by queue ID.
 * Queue IDs come from a log, so each is checked against the MTA's grammar before it is passed to a command;
 * `ALL`, which postsuper takes for the whole queue, is not an ID. A message that has left the queue is not a failure.
 */
import { type CommandResult, runCommand } from '../base/commands.ts';
import { dropUndefined } from '../base/defined.ts';
import { MINUTE } from '../base/time.ts';
import { findCommandFailure, runMtaCommand } from './command.ts';
import type { Failure } from './target.ts';

export type QueueAction = 'hold' | 'release' | 'remove';

export interface QueueResult {
  /** what the command was told to act on; a message may have left the queue before */
  readonly ids: readonly string[];
  /** what is not a queue ID and was passed to no command */
  readonly refused: readonly string[];
  readonly failure?: Failure;
}

export interface MailQueue {
  /** Never throws; with no IDs, no command is run. */
  act(action: QueueAction, ids: readonly string[]): Promise<QueueResult>;
}

interface QueueOptions {
  /** argument vector in front of the options: default `postsuper` or `exim` */
  readonly command?: readonly string[];
  /** ms for one command, default 60 s */
  readonly timeout?: number;
}

/** Message IDs in one command of Exim. */
const MOST_ARGUMENTS = 200;

/** Postfix short IDs (microseconds and inode in hexadecimal) and long IDs (base 52 without vowels), mail_queue.h. */
export function isPostfixQueueId(id: string): boolean {
  if (id.length > 64) return false;
  return (
    /^[0-9A-F]{6,21}$/.test(id) ||
    /^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+$/.test(id)
  );
}

/** Exim message IDs: 6-6-2 characters of base 62, since 4.97 6-11-4. */
export function isEximMessageId(id: string): boolean {
  return /^[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4})$/.test(
    id,
  );
}

/** postsuper reads IDs from its standard input, so that any number is one command. */
export function buildPostfixQueue(options: QueueOptions = {}): MailQueue {
  const flags = { hold: '-h', release: '-H', remove: '-d' } as const;
  const { command = ['postsuper'], timeout = MINUTE } = options;
  return {
    async act(action, given) {
      const { ids, refused } = checkIds(given, isPostfixQueueId);
      if (ids.length === 0) return { ids, refused };
      const input = `${ids.join('\n')}\n`;
      const failure = await runMtaCommand([...command, flags[action], '-'], { timeout, input });
      return dropUndefined({ ids, refused, failure });
    },
  };
}

/** Exim takes message IDs as arguments; for many of them more than one command is run. */
export function buildEximQueue(options: QueueOptions = {}): MailQueue {
  const flags = { hold: '-Mf', release: '-Mt', remove: '-Mrm' } as const;
  const { command = ['exim'], timeout = MINUTE } = options;
  return {
    async act(action, given) {
      const { ids, refused } = checkIds(given, isEximMessageId);
      const argv = [...command, flags[action]];
      for (let start = 0; start < ids.length; start += MOST_ARGUMENTS) {
        const chunk = ids.slice(start, start + MOST_ARGUMENTS);
        const result = await runCommand([...argv, ...chunk], { timeout });
        const failure = isHarmless(result) ? undefined : findCommandFailure(argv, result, timeout);
        if (failure !== undefined) return { ids: ids.slice(0, start), refused, failure };
      }
      return { ids, refused };
    },
  };
}

/** How Exim's lines end about a message that is gone, or already as wanted. */
const HARMLESS_ENDINGS = [
  'is now frozen',
  'is already frozen',
  'is no longer frozen',
  'is not frozen',
  'has been removed',
  'has been removed or did not exist',
  'does not exist',
  'No such file or directory',
  'Continuing, to ensure all files removed',
  'Continuing to ensure all files removed',
];

/** Exim exits with 1 if one message of many is gone or already as wanted (queue_action() in queue.c). */
function isHarmless({ status, stdout, stderr }: CommandResult): boolean {
  const lines = stdout.split('\n').filter((line) => line !== '');
  const isKnown = (line: string) => HARMLESS_ENDINGS.some((ending) => line.endsWith(ending));
  return status === 1 && stderr === '' && lines.length > 0 && lines.every(isKnown);
}

function checkIds(
  given: readonly string[],
  isId: (id: string) => boolean,
): { ids: string[]; refused: string[] } {
  const unique = [...new Set(given)];
  return { ids: unique.filter(isId), refused: unique.filter((id) => !isId(id)) };
}
