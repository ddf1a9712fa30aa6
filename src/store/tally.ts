/** What the sums over events have in common. */
import type { Page } from './page.ts';

export type Changing<T> = { -readonly [name in keyof T]: T[name] };

/**
 * Sums whose rows have texts, which lie in the compressed part of a page. All events are counted first; when the rows that
 * are shown are known, a second pass reads the texts of these only.
 */
export interface TextSums<Row> {
  /** Counts an event, for `EventTable.scan`. */
  add(page: Page, at: number): void;
  /** Chooses up to `most` rows. */
  choose(most: number): void;
  /** Reads the texts of an event that was counted, if its row was chosen. */
  addTexts(page: Page, at: number): void;
  /** The chosen rows, most first. */
  rows(): Row[];
}

/** Groups by a key, each made when it is first asked for. */
export class Groups<Key, Group> implements Iterable<[Key, Group]> {
  readonly #groups = new Map<Key, Group>();

  get(key: Key, make: () => Group): Group {
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#groups.set(key, made);
    return made;
  }

  find(key: Key): Group | undefined {
    return this.#groups.get(key);
  }

  values(): IterableIterator<Group> {
    return this.#groups.values();
  }

  [Symbol.iterator](): Iterator<[Key, Group]> {
    return this.#groups[Symbol.iterator]();
  }
}

/** The first `most` in this order. Few of many: each is compared with the last of them only. */
export function top<T>(all: Iterable<T>, most: number, compare: (a: T, b: T) => number): T[] {
  const first: T[] = [];
  for (const one of all) {
    if (first.length >= most && compare(one, first[most - 1] as T) >= 0) continue;
    let place = first.length;
    while (place > 0 && compare(one, first[place - 1] as T) < 0) place--;
    first.splice(place, 0, one);
    if (first.length > most) first.pop();
  }
  return first;
}

/** Order of texts as SQLite has it, null first. */
export function byText(a: string | null, b: string | null): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? -1 : 1;
  return a < b ? -1 : 1;
}

/** The first and the last of two texts; null is none. */
export function lesser(a: string | null, b: string | null | undefined): string | null {
  if (a === null || b === null || b === undefined) return a ?? b ?? null;
  return b < a ? b : a;
}

export function greater(a: string | null, b: string | null | undefined): string | null {
  if (a === null || b === null || b === undefined) return a ?? b ?? null;
  return b > a ? b : a;
}
