/**
 * The keys of a table as lists, for a search that goes through all of them once for each rule. To go through a table's Map
 * takes several times as long, and most of its keys are strangers with few events.
 */
import type { Reader } from './classes.ts';
import type { Id } from './facts.ts';
import type { FewEvents } from './few-events.ts';
import type { Subject } from './subject.ts';

/** Of a key, the number of events, or recipients, that a rule has counted, and the time of the last of these, ms. */
export type IsWanted = (id: Id, most: number, time: number) => boolean;

/** The keys that were in the table when it was made. */
export class Roster {
  readonly subjects: (readonly [Id, Subject])[] = [];
  readonly #events: FewEvents;
  /** keys with a few events, and the place of the last event of each */
  readonly #few: Id[] = [];
  readonly #lasts: number[] = [];

  constructor(keys: Iterable<readonly [Id, Subject | number]>, events: FewEvents) {
    this.#events = events;
    for (const [id, known] of keys) {
      if (typeof known === 'object') this.subjects.push([id, known]);
      else {
        this.#few.push(id);
        this.#lasts.push(known);
      }
    }
  }

  /** Keys of whose few events the rule counts any, and the place of the last event; those alone that are wanted. */
  *few({ codes }: Reader, isWanted: IsWanted): IterableIterator<[Id, number]> {
    const events = this.#events;
    if (!events.hasAnyFor(codes)) return;
    for (let index = 0; index < this.#few.length; index++) {
      const id = this.#few[index] as Id;
      const last = this.#lasts[index] as number;
      const most = events.countFor(codes, last);
      if (most > 0 && isWanted(id, most, events.timeFor(codes, last))) yield [id, last];
    }
  }
}

/** Those of all tables, each made once. */
export class Rosters {
  readonly #known = new Map<object, Roster>();

  of(table: { roster(): Roster }): Roster {
    const roster = this.#known.get(table) ?? table.roster();
    this.#known.set(table, roster);
    return roster;
  }
}
