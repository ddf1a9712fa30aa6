/** What every log is to its reader: batches of lines with the position behind them, and its state. */
import type { Lines } from '../model/lines.ts';

/**
 * Lines of one source, in order, and a position to store in one transaction with what they led to. `lines` is empty if
 * only the position is new.
 */
export interface FollowedBatch {
  readonly lines: Lines;
  /** after the last of `lines`; JSON */
  readonly position: unknown;
}

export interface FollowStatus {
  /** the log as the operator named it */
  readonly path: string;
  /** the physical file being read, if one is open */
  readonly reading: string | undefined;
  /** whether the log exists under its own name */
  readonly present: boolean;
  /** bytes unread, in all files; of a journal only whether there are any */
  readonly behind: number;
  /** why the log cannot be read, while that is so */
  readonly failure: string | undefined;
}

/** A log that is followed until the signal of its maker is aborted. Trouble with the log never ends the iteration. */
export interface FollowedLog extends AsyncIterable<FollowedBatch> {
  status(): FollowStatus;
}
