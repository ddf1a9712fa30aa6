/**
 * Queue IDs of which the log told something before the arrival: Exim's cut-through deliveries, cPanel's accounts. They
 * are few. So an ordinary arrival need not look for an older message, which may cost a look-up in the database.
 */
import type { ReadPart, StatePart } from './saved-map.ts';

/** The arrival follows at once. Those that never arrive must not pile up. */
const MOST = 1000;

export class AheadIds {
  readonly #ids = new Set<string>();
  #isChanged = false;

  add(host: string, queueId: string): void {
    if (this.#ids.size >= MOST) this.#dropOldest();
    this.#ids.add(`${host} ${queueId}`);
    this.#isChanged = true;
  }

  /** Whether the ID is known; it is forgotten then. */
  take(host: string, queueId: string): boolean {
    if (this.#ids.size === 0 || !this.#ids.delete(`${host} ${queueId}`)) return false;
    this.#isChanged = true;
    return true;
  }

  takeChanges(): StatePart[] {
    if (!this.#isChanged) return [];
    this.#isChanged = false;
    return [['ahead', [...this.#ids]]];
  }

  load(read: ReadPart): void {
    for (const id of (read('ahead') ?? []) as readonly string[]) this.#ids.add(id);
  }

  #dropOldest(): void {
    for (const id of this.#ids) {
      this.#ids.delete(id);
      return;
    }
  }
}
