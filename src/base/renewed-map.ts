/**
 * A map whose entries come and go all the time. V8 gives a Map a new table when the old one is full of entries that were
 * deleted, and lets the old table point to the new one. Once a collection of the whole heap has moved a table to the old
 * generation, all tables behind it, and whatever was in them, look alive to the collections of the young generation: of a
 * replay, all messages were moved to the old generation after they had left the queue. A new Map now and then breaks the
 * chain.
 */

/** Deletions after which there is a new Map, besides two for each entry. */
const LEAST_DELETED = 512;

export class RenewedMap<Key, Value> {
  #map = new Map<Key, Value>();
  #deleted = 0;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  set(key: Key, value: Value): void {
    this.#map.set(key, value);
  }

  /** Amortised, at most half an entry is copied for each that is deleted. */
  delete(key: Key): boolean {
    const isDeleted = this.#map.delete(key);
    if (isDeleted && ++this.#deleted > LEAST_DELETED + 2 * this.#map.size) {
      this.#map = new Map(this.#map);
      this.#deleted = 0;
    }
    return isDeleted;
  }

  /**
   * In the order in which the keys were set first. Entries may be deleted meanwhile; others than the last one that was
   * given may then be given all the same.
   */
  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  [Symbol.iterator](): IterableIterator<[Key, Value]> {
    return this.#map[Symbol.iterator]();
  }
}
