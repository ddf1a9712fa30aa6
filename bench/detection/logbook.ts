/** The lines of one log, written in any order and read in that of time. */
import type { Random } from '../random.ts';

export interface Entry {
  /** ms since the epoch */
  readonly time: number;
  /** the line without its time stamp */
  readonly text: string;
}

export class LogBook {
  readonly random: Random;
  readonly #entries: Entry[] = [];
  readonly #idPool: readonly string[];
  #serial = 0;

  /** `ids`: how many queue IDs are in use, each again and again; undefined: none occurs twice. */
  constructor(random: Random, ids: number | undefined) {
    this.random = random;
    this.#idPool = Array.from({ length: ids ?? 0 }, () => this.#newId());
  }

  add(time: number, text: string): void {
    this.#entries.push({ time, text });
  }

  /** 1, 2, 3, ... */
  serial(): number {
    return ++this.#serial;
  }

  /** In turn, so that no two sessions that are under way share a process. */
  pid(): number {
    return 3100 + (this.serial() % 9000);
  }

  /** A short queue ID of Postfix. */
  queueId(): string {
    const pool = this.#idPool;
    if (pool.length === 0) return this.#newId();
    return pool[this.serial() % pool.length] as string;
  }

  /** Lines of the same time stay in the order in which they were added. */
  entries(): readonly Entry[] {
    return this.#entries.sort((a, b) => a.time - b.time);
  }

  #newId(): string {
    return this.random.hex(5) + (0x10000 + this.serial()).toString(16).toUpperCase();
  }
}
