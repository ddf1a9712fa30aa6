/** What the judge remembers of keys besides their windows: until when they are blocked, and how often. Bounded. */
import type { Key, KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';

/** Far more than a server has in force. Beyond it the oldest keys are forgotten, and may get a verdict again. */
const MAX_KEYS = 50_000;

/** A time for each of some keys. */
export class KeyTimes {
  readonly #byType = new Map<KeyType, Map<string, number>>();

  get(type: KeyType, id: string): number | undefined {
    return this.#byType.get(type)?.get(id);
  }

  set(type: KeyType, id: string, time: number): void {
    let times = this.#byType.get(type);
    if (times === undefined) {
      times = new Map();
      this.#byType.set(type, times);
    }
    if (!times.delete(id) && times.size >= MAX_KEYS) dropOldest(times, MAX_KEYS / 16);
    times.set(ownCopy(id), time);
  }

  delete(type: KeyType, id: string): void {
    this.#byType.get(type)?.delete(id);
  }

  /** All keys of this type. */
  ids(type: KeyType): Iterable<string> {
    return this.#byType.get(type)?.keys() ?? [];
  }
}

interface Offence {
  readonly count: number;
  /** times of the last one, and of the one before, ms */
  readonly last: number;
  readonly before: number;
}

/** How often each rule has blocked a key. */
export class Offences {
  readonly #offences = new Map<string, Offence>();
  readonly #lifetime: number;

  /** The offences of a key are forgotten `lifetime` ms after the last one. */
  constructor(lifetime: number) {
    this.#lifetime = lifetime;
  }

  count(rule: string, key: Key, now: number): number {
    const offence = this.#offences.get(nameKey(rule, key));
    return offence === undefined || now - offence.last > this.#lifetime ? 0 : offence.count;
  }

  add(rule: string, key: Key, time: number): void {
    const before = this.#offences.get(nameKey(rule, key))?.last;
    this.set(rule, key, this.count(rule, key, time) + 1, time, before);
  }

  /** The last block does not count as an offence. */
  takeBack(rule: string, key: Key): void {
    const name = nameKey(rule, key);
    const offence = this.#offences.get(name);
    if (offence === undefined) return;
    if (offence.count <= 1) this.#offences.delete(name);
    else this.#offences.set(name, { ...offence, count: offence.count - 1, last: offence.before });
  }

  set(rule: string, key: Key, count: number, last: number, before = last): void {
    const name = nameKey(rule, key);
    if (this.#offences.size >= MAX_KEYS) dropOldest(this.#offences, MAX_KEYS / 16);
    this.#offences.set(name, { count, last, before });
  }
}

/** The names of rules contain no space. */
function nameKey(rule: string, { type, id }: Key): string {
  return `${rule} ${type} ${id}`;
}

/** Drops the first `count` entries, at least one. */
export function dropOldest(map: Map<string, unknown>, count: number): void {
  let left = Math.max(1, count);
  for (const key of map.keys()) {
    map.delete(key);
    if (--left <= 0) return;
  }
}
