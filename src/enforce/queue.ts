/**
 * Mail that is in the queue already: hold, release, delete by queue ID.
 * Queue IDs come from a log, so each is checked against the MTA's grammar before it is handed to a command;
 * `ALL`, which postsuper takes for the whole queue, is no ID. Messages that have left the queue are no failure.
 */
import { runCommand } from '../base/commands.ts';
import { commandFailure } from './postmap.ts';
import type { Failure } from './target.ts';

export type QueueAction = 'hold' | 'release' | 'remove';

export interface QueueResult {
  /** what the command was asked to act on; a message may have left the queue before */
  readonly ids: readonly string[];
  /** what is no queue ID and was handed to no command */
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

const TIMEOUT = 60_000;
const CHUNK = 200;

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
export function postfixQueue(options: QueueOptions = {}): MailQueue {
  const flags = { hold: '-h', release: '-H', remove: '-d' } as const;
  const timeout = options.timeout ?? TIMEOUT;
  return {
    async act(action, given) {
      const { ids, refused } = sorted(given, isPostfixQueueId);
      if (ids.length === 0) return { ids, refused };
      const argv = [...(options.command ?? ['postsuper']), flags[action], '-'];
      const result = await runCommand(argv, { timeout, input: `${ids.join('\n')}\n` });
      return outcome(ids, refused, commandFailure(argv, result, timeout));
    },
  };
}

/** Exim takes message IDs as arguments; more than one command runs when there are many. */
export function eximQueue(options: QueueOptions = {}): MailQueue {
  const flags = { hold: '-Mf', release: '-Mt', remove: '-Mrm' } as const;
  const timeout = options.timeout ?? TIMEOUT;
  const command = [...(options.command ?? ['exim'])];
  return {
    async act(action, given) {
      const { ids, refused } = sorted(given, isEximMessageId);
      for (let start = 0; start < ids.length; start += CHUNK) {
        const chunk = ids.slice(start, start + CHUNK);
        const result = await runCommand([...command, flags[action], ...chunk], { timeout });
        const done = result.status === 1 && isHarmless(result.stdout) && result.stderr === '';
        const failure = done
          ? undefined
          : commandFailure([...command, flags[action]], result, timeout);
        if (failure !== undefined) return outcome(ids.slice(0, start), refused, failure);
      }
      return { ids, refused };
    },
  };
}

/** Exim exits 1 as soon as one message of many is gone or already as wanted (queue_action() in queue.c). */
function isHarmless(stdout: string): boolean {
  const endings = [
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
  const said = stdout.split('\n').filter((line) => line !== '');
  return said.length > 0 && said.every((line) => endings.some((ending) => line.endsWith(ending)));
}

function sorted(
  given: readonly string[],
  isId: (id: string) => boolean,
): { ids: string[]; refused: string[] } {
  const unique = [...new Set(given)];
  return { ids: unique.filter(isId), refused: unique.filter((id) => !isId(id)) };
}

function outcome(
  ids: readonly string[],
  refused: readonly string[],
  failure: Failure | undefined,
): QueueResult {
  return failure === undefined ? { ids, refused } : { ids, refused, failure };
}
