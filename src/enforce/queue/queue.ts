/**
 * Mail that is in the queue: what every mail server can say about it, and what can be done with it. The queue is asked
 * itself, because a log that was rotated, or read from its end on, does not name the mail of yesterday.
 * A message that has left the queue in the meantime is never a failure.
 */
import type { Failure } from '../target.ts';
import type { QueuedMessage } from './message.ts';
import type { Selection } from './selection.ts';

export interface QueueListing {
  readonly messages: readonly QueuedMessage[];
  /** how many messages of the queue could not be examined in time, so that it is not known whose they are */
  readonly unread: number;
  /** why the queue, or a part of it, could not be listed */
  readonly failure?: Failure;
}

export type QueueAction = 'hold' | 'release' | 'remove';

/**
 * What the mail server did with one message. `already`: it was as wanted before; `gone`: it has left the queue;
 * `busy`: the mail server is delivering it just now; `failed`: anything else, `text` says what.
 */
export interface ActionOutcome {
  readonly queueId: string;
  readonly outcome: 'done' | 'already' | 'gone' | 'busy' | 'failed';
  readonly text?: string;
}

export interface QueueResult {
  /** in the order in which the IDs were given; after a failure only those that the mail server was asked about */
  readonly outcomes: readonly ActionOutcome[];
  /** what is not a queue ID and was passed to no command */
  readonly refused: readonly string[];
  /** why the command as a whole did not do its work */
  readonly failure?: Failure;
}

/** No method throws for a failure of the environment. */
export interface MailQueue {
  /** Lists the messages of the selection, within about `timeout` ms. */
  list(selection: Selection, timeout: number): Promise<QueueListing>;
  /** With no IDs, no command is run. */
  act(action: QueueAction, ids: readonly string[]): Promise<QueueResult>;
  /** Asks for delivery now, without waiting for its end. Returns for which messages it could not be asked, and why. */
  deliver(
    ids: readonly string[],
  ): Promise<{ readonly unasked: number; readonly failure?: Failure }>;
  /** whether the text has the form of a queue ID of this mail server */
  isQueueId(text: string): boolean;
}

/** IDs with which the action is in effect now, whoever did it. */
export function listEffective({ outcomes }: Pick<QueueResult, 'outcomes'>): string[] {
  return outcomes
    .filter(({ outcome }) => outcome === 'done' || outcome === 'already')
    .map(({ queueId }) => queueId);
}
