/** How a tally is told of events, and what it tells of the keys that meet a limit. */
import type { KeyType } from '../model/block.ts';
import type { MetLimit } from './measure.ts';
import type { Timeline } from './timeline.ts';

/** How an event matters to a rule. */
export type Use = 'counted' | 'whole' | 'open';

/** A key whose limit has just been met. */
export interface Met extends MetLimit {
  readonly type: KeyType;
  readonly id: string;
  readonly timeline: Timeline;
}

/** Returns the time (ms) up to which the events of a key do not count. */
export type Since = (type: KeyType, id: string) => number;

/** Keys that were forgotten although they counted, because a bound was reached. */
export interface Forgotten {
  readonly keys: number;
  /** event time of the first one, ms */
  readonly since: number;
}
