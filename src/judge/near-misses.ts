/** The highest measures of keys that came near a limit and were then dropped from their table. Bounded. */
import { formatId, type Id } from './facts.ts';

/** How near a key came that had no verdict. */
export interface NearMiss {
  readonly highest: number;
  /** event time of `highest`, ms */
  readonly time: number;
}

const KEPT = 100;

export class NearMisses implements Iterable<[string, NearMiss]> {
  readonly #misses = new Map<string, NearMiss>();
  /** when the list is full, a measure up to this one has no place in it */
  #lowest = 0;

  keep(key: Id, highest: number, time: number): void {
    if (highest <= this.#lowest) return;
    const id = formatId(key);
    const before = this.#misses.get(id);
    if (before !== undefined && before.highest >= highest) return;
    this.#misses.set(id, { highest, time });
    if (this.#misses.size > KEPT) this.#dropLowest();
  }

  /** Whether a measure has no place in it. */
  isFull(measure: number): boolean {
    return measure <= this.#lowest;
  }

  delete(id: string): void {
    if (this.#misses.delete(id)) this.#lowest = 0;
  }

  [Symbol.iterator](): Iterator<[string, NearMiss]> {
    return this.#misses[Symbol.iterator]();
  }

  #dropLowest(): void {
    const ordered = [...this.#misses].sort((a, b) => a[1].highest - b[1].highest);
    this.#misses.delete((ordered[0] as [string, NearMiss])[0]);
    this.#lowest = (ordered[1] as [string, NearMiss])[1].highest;
  }
}
