/** What a table tells its owner of. */
import type { Reader } from './classes.ts';
import type { Id } from './facts.ts';
import type { Subject } from './subject.ts';
import type { Timeline } from './timeline.ts';

export interface TableEvents {
  /**
   * A key is dropped that was last seen at this time, ms. `isLost`: though its windows may not have been empty.
   * `subject`: undefined when it had a few events that tell nothing.
   */
  dropped(id: Id, subject: Subject | undefined, lastSeen: number, isLost: boolean): void;
  /** Whether it matters to a rule that a key is dropped for which at most so much was counted. */
  isWorth(reader: Reader, most: number): boolean;
  /** A key has more than a few events now, and this was one of them: a rule has counted it. */
  counted(
    reader: Reader,
    added: { readonly id: Id; readonly timeline: Timeline },
    time: number,
  ): void;
}
