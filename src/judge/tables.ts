/** The tables of all types of keys, which the rules share. */
import type { KeyType } from '../model/block.ts';
import { Arrival } from './arrival.ts';
import type { Bounds } from './bounds.ts';
import { Facts, type Id } from './facts.ts';
import { measureLimits } from './measure.ts';
import type { Forgotten } from './met.ts';
import type { Subject } from './subject.ts';
import { KeyTable } from './table.ts';
import type { Track } from './track.ts';

/** A table, the event that is on its way into it, and the rules that count by it, by their slots. */
interface Shelf {
  readonly table: KeyTable;
  readonly arrival: Arrival;
  readonly facts: Facts;
  readonly tracks: Track[];
}

export class Tables {
  /** the event that is being counted */
  readonly facts = new Facts();
  readonly #bounds: Bounds;
  readonly #shelves = new Map<KeyType, Shelf>();
  #forgotten = 0;
  #forgottenSince = 0;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Keys that were lost; undefined as long as all verdicts are exact. */
  get forgotten(): Forgotten | undefined {
    if (this.#forgotten === 0) return undefined;
    return { keys: this.#forgotten, since: this.#forgottenSince };
  }

  /** Rules begin to count by this type of key. */
  join(type: KeyType, build: (slot: number, shelf: Omit<Shelf, 'tracks'>) => Track): Track {
    const shelf = this.#shelves.get(type) ?? this.#add(type);
    const track = build(shelf.tracks.length, shelf);
    shelf.tracks.push(track);
    shelf.table.join(track);
    return track;
  }

  /** Forgets all that was counted for a key. */
  forget(type: KeyType, id: Id): void {
    this.#shelves.get(type)?.table.delete(id);
  }

  /** All keys of this type that something was counted for. */
  ids(type: KeyType): Iterable<Id> {
    return this.#shelves.get(type)?.table.ids() ?? [];
  }

  #add(type: KeyType): Shelf {
    const tracks: Track[] = [];
    const table = new KeyTable(type, this.#bounds, {
      dropped: (id, subject, lastSeen, isLost) => {
        if (subject !== undefined) noteDropped(tracks, id, subject);
        if (isLost && ++this.#forgotten === 1) this.#forgottenSince = lastSeen;
      },
      isWorth: ({ slot }, most) => tracks[slot]?.isTooLow(most) === false,
      counted: ({ slot }, { id, timeline }, time) =>
        measureLimits(tracks[slot] as Track, id, timeline, time),
    });
    const { facts } = this;
    const shelf = { table, arrival: new Arrival(table, facts), facts, tracks };
    this.#shelves.set(type, shelf);
    return shelf;
  }
}

function noteDropped(tracks: readonly Track[], id: Id, { timelines }: Subject): void {
  for (const [slot, timeline] of timelines.entries()) {
    if (timeline !== undefined) tracks[slot]?.noteDropped(id, timeline);
  }
}
