/** How a tally is told of events, and what it tells of the keys that meet a limit. */
import type { KeyType } from '../model/block.ts';
import type { AppliedLimit } from './adjustment.ts';
import type { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

/** How an event matters to a rule. */
export type Use = 'counted' | 'whole' | 'open';

/** The timeline that an event was added to. */
export interface Added {
  readonly type: KeyType;
  readonly id: string;
  readonly timeline: Timeline;
}

/** A key whose limit has just been met. */
export interface Met extends Added {
  readonly limit: AppliedLimit;
  readonly window: Window;
  readonly measure: number;
}

/** Returns the time (ms) up to which the events of a key do not count. */
export type Since = (type: KeyType, id: string) => number;

/** Keys that were forgotten although they counted, because a bound was reached. */
export interface Forgotten {
  readonly keys: number;
  /** event time of the first one, ms */
  readonly since: number;
}
