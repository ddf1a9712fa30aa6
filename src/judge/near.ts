/** Who came near a limit and is no longer kept in its table: the highest few, bounded. */

/** How near a key came that had no verdict. */
export interface Near {
  readonly highest: number;
  /** event time in ms */
  readonly time: number;
}

const KEPT = 100;

export class NearMisses implements Iterable<[string, Near]> {
  readonly #near = new Map<string, Near>();
  /** with a full list, nothing up to here needs a look */
  #lowest = 0;

  keep(id: string, highest: number, time: number): void {
    if (highest <= this.#lowest) return;
    const before = this.#near.get(id);
    if (before !== undefined && before.highest >= highest) return;
    this.#near.set(id, { highest, time });
    if (this.#near.size > KEPT) this.#dropLowest();
  }

  delete(id: string): void {
    if (this.#near.delete(id)) this.#lowest = 0;
  }

  [Symbol.iterator](): Iterator<[string, Near]> {
    return this.#near[Symbol.iterator]();
  }

  #dropLowest(): void {
    const ordered = [...this.#near].sort((a, b) => a[1].highest - b[1].highest);
    this.#near.delete((ordered[0] as [string, Near])[0]);
    this.#lowest = (ordered[1] as [string, Near])[1].highest;
  }
}

/** Drops the first `count` entries, at least one. */
export function dropOldest(map: Map<string, unknown>, count: number): void {
  let left = Math.max(1, count);
  for (const key of map.keys()) {
    map.delete(key);
    if (--left <= 0) return;
  }
}
