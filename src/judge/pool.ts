/**
 * What all tables of one judge may keep together. Each table has its own bounds for the case that one kind of key is
 * made up; this one is for all kinds at once: then the heaviest table makes way.
 */

/** A table as the pool sees it. */
export interface Pooled {
  /** bytes, about */
  readonly weight: number;
  /** drops a part of its keys, at least one */
  shed(): void;
}

export class Pool {
  readonly #most: number;
  readonly #tables: Pooled[] = [];
  #weight = 0;

  /** At most `most` bytes, about, over all tables. */
  constructor(most: number) {
    this.#most = most;
  }

  join(table: Pooled): void {
    this.#tables.push(table);
  }

  /** A table weighs `by` bytes more or less; for more, others may have to make room. */
  changed(by: number): void {
    this.#weight += by;
    if (by > 0 && this.#weight > this.#most) this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.#weight > this.#most) {
      const before = this.#weight;
      this.#heaviest()?.shed();
      if (this.#weight >= before) return;
    }
  }

  #heaviest(): Pooled | undefined {
    let heaviest: Pooled | undefined;
    for (const table of this.#tables) {
      if (heaviest === undefined || table.weight > heaviest.weight) heaviest = table;
    }
    return heaviest;
  }
}
