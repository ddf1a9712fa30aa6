/** How a tally is told of events, and what it tells of the keys that meet a limit. */
import type { KeyType } from '../model/block.ts';
import type { Id } from './facts.ts';
import type { MetLimit } from './measure.ts';
import type { Timeline } from './timeline.ts';

/** How an event matters to a rule. */
export type Use = 'counted' | 'whole' | 'open';

/** The timeline in which an event was counted. */
export interface Added {
  readonly type: KeyType;
  readonly id: Id;
  readonly timeline: Timeline;
}

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
