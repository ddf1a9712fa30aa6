/** What a judge can be told before the first event. */
import type { Key } from '../model/block.ts';
import type { Bounds } from './bounds.ts';
import type { CountedEvent } from './counted-event.ts';
import type { Rule } from './rule.ts';

/** A block that is in force before the first event. */
interface ActiveBlock {
  readonly key: Key;
  /** ms since the epoch; absent: until released */
  readonly until?: number;
}

/** How often a rule had blocked a key before the first event; for escalation. */
interface PastOffence {
  readonly rule: string;
  readonly key: Key;
  readonly count: number;
  /** time of the last one, ms */
  readonly last: number;
}

/** An event that a rule counted for a key that is not blocked. */
export interface Counted {
  readonly rule: Rule;
  readonly key: Key;
  /** what a distinct rule compares; undefined for any other rule */
  readonly value: string | undefined;
  /** how long a block of the key would last, ms; undefined: until released */
  readonly duration: number | undefined;
}

export interface JudgeOptions {
  /** called for each event that one of these rules counts (joint.ts), but not for one that is counted again */
  readonly onCounted?: (counted: Counted, event: CountedEvent) => void;

  /** keys that never get a verdict */
  readonly allowed?: (key: Key) => boolean;
  /** whether one sender can be shut out at this gateway; undefined: at any */
  readonly canShutOutAt?: (gateway: Key) => boolean;
  readonly active?: readonly ActiveBlock[];
  readonly offences?: readonly PastOffence[];
  /** how much each rule may keep for each type of key */
  readonly bounds?: Bounds;
}
