/** A refusal before it is classified, and the function that finds its reason. */
import type { Reason } from './event.ts';
import type { Reply, Stage } from './record.ts';

/** What is known about a refusal; everything may be missing. The MTA's frame may still be around the reply. */
export interface Refusal extends Reply {
  /** the command that was answered */
  readonly stage?: Stage | undefined;
  /** the reply was given to another message: it says nothing about this recipient */
  readonly cached?: boolean | undefined;
  readonly recipient?: string | undefined;
}

/** Finds the reason of a refusal; `other` when nothing shows it. Never throws. */
export type Classify = (refusal: Refusal) => Reason;
