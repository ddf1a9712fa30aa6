/** What happens in Postern and may concern other programs: the events of hooks. */

/**
 * `block`, `release`: a block began or ended; `cap`: the limit of blocks per hour was reached; `outage`: a provider's
 * outage began or ended; `listing`: an address of ours is on a blocklist, or no longer; `blind`: Postern no longer
 * reads the mail server's lines, or reads them again.
 */
export const OCCURRENCE_KINDS = ['block', 'release', 'cap', 'outage', 'listing', 'blind'] as const;
export type OccurrenceKind = (typeof OCCURRENCE_KINDS)[number];

/** Why Postern is blind: no lines although there usually are some, or lines that it cannot read. */
export type BlindCause = 'silence' | 'unread';

/** Postern became blind, or sees again. Times in ms. */
export interface BlindChange {
  readonly cause: BlindCause;
  readonly since: number;
  /** absent while it lasts */
  readonly ended?: number;
  /** a sentence without a full stop */
  readonly why: string;
}
