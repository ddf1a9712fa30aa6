/**
 * Events in a form that another thread gets at little cost: columns of numbers, and all texts one behind the other in a
 * single string. To hand over objects would take 4.8 us an event, half as long as to read and judge one; this takes less
 * than 1. Here is how a batch is laid out; batch-packer.ts writes it, and batch-unpacker.ts reads it.
 */
import { type Direction, REASONS, SUBMITTER_TYPES } from '../model/event.ts';

/** Some events, as plain data. */
export interface EventBatch {
  /** number of events */
  readonly count: number;
  /** `NUMBERS` of each event: time, line, offset, new recipients (NONE: none given) */
  readonly numbers: Float64Array;
  /** `MARKS` of each event: flags, places of source and host in `names` (NONE: no host), where its texts begin and end */
  readonly marks: Int32Array;
  readonly texts: string;
  /** sources and hosts, which most events of a batch have in common */
  readonly names: readonly string[];
}

/** Events of a batch: enough that a message between threads costs little for each, and few enough to be freed soon. */
export const BATCH = 1024;

export const NONE = -1;
export const NUMBERS = 4;
/** The places of the marks of an event: behind the beginning of its texts follow their ends. */
export const AT = { flags: 0, source: 1, host: 2, texts: 3 } as const;
/** The texts of an event, in their order. */
export const TEXTS = {
  ...{ submitter: 0, client: 1, sender: 2, recipient: 3, originalRecipient: 4 },
  ...{ relayHost: 5, relayAddress: 6, queueId: 7 },
} as const;
export const MARKS = 12;

export const DIRECTIONS: readonly (Direction | undefined)[] = [
  ...[undefined, 'outbound', 'inbound', 'local'],
] as const;
export const TYPES = [undefined, ...SUBMITTER_TYPES] as const;
export const REASONS_OR_NONE = [undefined, ...REASONS] as const;

/** The flags, as bits: kind, reason, type of the submitter and direction as numbers, and what is true or there. */
export const FLAGS = {
  ...{ reasonAt: 4, typeAt: 8, directionAt: 10 },
  ...{ isRepeated: 1 << 12, amends: 1 << 13, hasRelay: 1 << 14, isHome: 1 << 15 },
  /** this bit, and one for each text behind it */
  hasText: 1 << 16,
} as const;
