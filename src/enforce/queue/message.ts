/** A message in the queue of a mail server, whichever it is. */
import type { Submitter } from '../../model/event.ts';

export interface QueuedRecipient {
  readonly address: string;
  /** why it was not delivered yet */
  readonly reason?: string;
}

/** A message in the queue, as the mail server's own files have it. */
export interface QueuedMessage {
  readonly queueId: string;
  /** when it arrived, ms */
  readonly time: number;
  /** bytes */
  readonly size: number;
  /** empty: the null sender */
  readonly sender: string;
  /** those still to be delivered */
  readonly recipients: readonly QueuedRecipient[];
  /** the mail server's word for it: hold, deferred, active, incoming; frozen, queued */
  readonly state: string;
  /** on hold or frozen: it is not delivered before somebody releases it */
  readonly held: boolean;
  /** why it is still here, if that is known for the message as a whole */
  readonly reason?: string;
  /** who handed it in; undefined: the queue file does not say */
  readonly submitter?: Submitter;
  /** of a local account: the number, if `submitter` has the name */
  readonly uid?: string;
  /** an operator has released it since its last delivery */
  readonly released?: boolean;
}
