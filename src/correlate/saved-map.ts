/**
 * A bounded map that keeps its newest entries and survives a restart. It is saved in segments, so that a commit writes
 * only what changed: the segment that grows, and segments that lost an entry. Reads and writes no file itself; `load`
 * ignores what is not a segment.
 */
import { createHash } from 'node:crypto';
import { ownCopy } from '../model/line.ts';

/** A part of the state with its name; the value is saved as JSON. */
export type StatePart = readonly [name: string, value: unknown];
/** Reads the part with that name as it was last saved; undefined if it never was. */
export type ReadPart = (name: string) => unknown;

const SEGMENT = 250;
/** Longer keys are replaced by their digest, so that an entry has a fixed size. */
const LONGEST_KEY = 120;

interface Entry<Value> {
  value: Value;
  segment: number;
}

interface SavedSegment<Value> {
  readonly number: number;
  readonly entries: readonly (readonly [string, Value])[];
}

export class SavedMap<Value> {
  readonly #name: string;
  readonly #segments: number;
  readonly #entries = new Map<string, Entry<Value>>();
  /** keys by segment number; a key may have moved to a later segment */
  readonly #keys = new Map<number, string[]>();
  readonly #dirty = new Set<number>();
  #current = 0;

  /** Keeps `size` entries, rounded up to whole segments. */
  constructor(name: string, size: number) {
    this.#name = name;
    this.#segments = Math.max(2, Math.ceil(size / SEGMENT));
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(shorten(key))?.value;
  }

  /** Sets the newest entry. */
  set(key: string, value: Value): void {
    const known = shorten(key);
    const before = this.#entries.get(known);
    const segment = this.#findRoom();
    this.#dirty.add(segment);
    if (before === undefined) {
      const own = ownCopy(known);
      this.#entries.set(own, { value, segment });
      this.#keys.get(segment)?.push(own);
      return;
    }
    if (before.segment !== segment) {
      this.#dirty.add(before.segment);
      this.#keys.get(segment)?.push(ownCopy(known));
    }
    before.value = value;
    before.segment = segment;
  }

  delete(key: string): void {
    const known = shorten(key);
    const entry = this.#entries.get(known);
    if (entry === undefined) return;
    this.#entries.delete(known);
    this.#dirty.add(entry.segment);
  }

  /** The segments that changed since the last call. */
  takeChanges(): StatePart[] {
    const parts: StatePart[] = [];
    for (const number of this.#dirty) {
      if (!this.#keys.has(number)) continue; // a later segment has replaced it
      parts.push([this.#buildName(number), this.#buildSegment(number)]);
    }
    this.#dirty.clear();
    return parts;
  }

  load(read: ReadPart): void {
    const found: SavedSegment<Value>[] = [];
    for (let index = 0; index < this.#segments; index++) {
      const segment = read(this.#buildName(index)) as SavedSegment<Value> | undefined;
      if (segment !== undefined && Array.isArray(segment.entries)) found.push(segment);
    }
    found.sort((a, b) => a.number - b.number);
    for (const { number, entries } of found) {
      this.#keys.set(
        number,
        entries.map(([key]) => key),
      );
      for (const [key, value] of entries) this.#entries.set(key, { value, segment: number });
      this.#current = number;
    }
  }

  #buildName(number: number): string {
    return `${this.#name} ${number % this.#segments}`;
  }

  #buildSegment(number: number): SavedSegment<Value> {
    const entries: [string, Value][] = [];
    for (const key of new Set(this.#keys.get(number))) {
      const entry = this.#entries.get(key);
      if (entry?.segment === number) entries.push([key, entry.value]);
    }
    return { number, entries };
  }

  /** The number of a segment with room; a new one replaces the oldest if there is none. */
  #findRoom(): number {
    const keys = this.#keys.get(this.#current);
    if (keys !== undefined && keys.length < SEGMENT) return this.#current;
    if (keys !== undefined) this.#current++;
    const oldest = this.#current - this.#segments;
    for (const key of this.#keys.get(oldest) ?? []) {
      if (this.#entries.get(key)?.segment === oldest) this.#entries.delete(key);
    }
    this.#keys.delete(oldest);
    this.#keys.set(this.#current, []);
    return this.#current;
  }
}

function shorten(key: string): string {
  return key.length <= LONGEST_KEY ? key : digest(key);
}

/** A text of fixed length in place of any text. Nobody can find a second text with the same digest. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 32);
}
