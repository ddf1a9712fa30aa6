/**
 * The memory that all tables of one judge share. Each table has bounds of its own, against a log that makes up one kind
 * of key. The budget is for a log that makes up all kinds at once: then the heaviest table makes room.
 */

/** A table as the budget sees it. */
export interface MemoryHolder {
  /** bytes, estimated */
  readonly weight: number;
  /** drops a part of its keys, at least one */
  shed(): void;
}

export class MemoryBudget {
  readonly #most: number;
  readonly #tables: MemoryHolder[] = [];
  #weight = 0;

  /** At most `most` bytes, estimated, for all tables together. */
  constructor(most: number) {
    this.#most = most;
  }

  join(table: MemoryHolder): void {
    this.#tables.push(table);
  }

  /** A table has become `by` bytes heavier, or lighter. If it is heavier, another table may have to make room. */
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

  #heaviest(): MemoryHolder | undefined {
    let heaviest: MemoryHolder | undefined;
    for (const table of this.#tables) {
      if (heaviest === undefined || table.weight > heaviest.weight) heaviest = table;
    }
    return heaviest;
  }
}
