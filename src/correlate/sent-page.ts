/**
 * A part of the sent mail: the counts of one time, by sender, place and submitter. The newest page is open and grows. The
 * others never change, and are kept in a fifth of the memory: numbers in one array, and each text once.
 */
import { ownCopy } from '../model/line.ts';

/** Submitters with the same sender and place in one page; the sender is free to choose for anybody who logged in. */
const MOST_SUBMITTERS = 8;

/** By submitter: recipients sent to, less the notifications that came back. */
export type Counts = Map<string, number>;

/** What one submitter sent from an address to a place. */
type Saved = readonly [address: string, place: string, who: string, count: number];

/** A page as JSON. */
export interface SavedPage {
  readonly number: number;
  readonly began: number;
  readonly entries: readonly Saved[];
}

export interface SentPage {
  readonly number: number;
  /** ms */
  readonly began: number;
  /** Adds what was sent from an address to a place. */
  addCounts(address: string, place: string, sums: Counts): void;
  save(): SavedPage;
}

/** One submitter's mail of one sender to one place. */
interface Entry {
  readonly place: string;
  readonly who: string;
  count: number;
}

export class OpenPage implements SentPage {
  readonly number: number;
  readonly began: number;
  /**
   * By address, the entries of a place one behind the other. A list, because a sender writes to few places in an hour:
   * maps by place and submitter took five times the memory.
   */
  readonly #addresses = new Map<string, Entry[]>();
  /** different places of all addresses */
  size = 0;

  constructor(number: number, began: number) {
    this.number = number;
    this.began = began;
  }

  static load({ number, began, entries }: SavedPage): OpenPage {
    const page = new OpenPage(number, began);
    for (const [address, place, who, count] of entries) page.add(address, place, who, count);
    return page;
  }

  add(address: string, place: string, who: string, amount: number): void {
    const entries = this.#findEntries(address);
    let submitters = 0;
    let behind = entries.length;
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as Entry;
      if (entry.place !== place) continue;
      if (entry.who === who) {
        entry.count += amount;
        return;
      }
      submitters++;
      behind = index + 1;
    }
    if (submitters >= MOST_SUBMITTERS) return;
    if (submitters === 0) this.size++;
    const entry = { place, who, count: amount };
    if (behind === entries.length) entries.push(entry);
    else entries.splice(behind, 0, entry);
  }

  addCounts(address: string, place: string, sums: Counts): void {
    for (const entry of this.#addresses.get(address) ?? []) {
      if (entry.place === place) addCount(sums, entry.who, entry.count);
    }
  }

  save(): SavedPage {
    const entries: Saved[] = [];
    for (const [address, list] of this.#addresses) {
      for (const { place, who, count } of list) entries.push([address, place, who, count]);
    }
    return { number: this.number, began: this.began, entries };
  }

  #findEntries(address: string): Entry[] {
    let entries = this.#addresses.get(address);
    if (entries === undefined) {
      entries = [];
      this.#addresses.set(address, entries);
    }
    return entries;
  }
}

/** Numbers of an entry: the hash of the address; address, place and submitter as numbers of texts; the count. */
const WIDTH = 5;

export class SealedPage implements SentPage {
  readonly number: number;
  readonly began: number;
  /** number of entries */
  readonly #count: number;
  /** the entries, in the order of their hashes; then where each text ends */
  readonly #numbers: Int32Array;
  /** all texts, one behind the other */
  readonly #texts: string;

  constructor(page: OpenPage) {
    const { number, began, entries } = page.save();
    this.number = number;
    this.began = began;
    this.#count = entries.length;
    const texts = numberTexts(entries);
    this.#texts = [...texts.keys()].join('');
    this.#numbers = new Int32Array(WIDTH * entries.length + texts.size);
    this.#fill(entries, texts);
  }

  addCounts(address: string, place: string, sums: Counts): void {
    const numbers = this.#numbers;
    const mark = hash(address);
    for (let row = this.#find(mark); row < this.#count; row++) {
      const at = WIDTH * row;
      if (numbers[at] !== mark) return;
      if (!this.#is(at + 1, address) || !this.#is(at + 2, place)) continue;
      addCount(sums, this.#text(at + 3), numbers[at + 4] as number);
    }
  }

  save(): SavedPage {
    const entries: Saved[] = [];
    for (let at = 0; at < WIDTH * this.#count; at += WIDTH) {
      const count = this.#numbers[at + 4] as number;
      entries.push([this.#text(at + 1), this.#text(at + 2), this.#text(at + 3), count]);
    }
    return { number: this.number, began: this.began, entries };
  }

  #fill(entries: readonly Saved[], texts: ReadonlyMap<string, number>): void {
    const numbers = this.#numbers;
    const rows = entries.map(([address, place, who, count]) => {
      const names = [address, place, who].map((text) => texts.get(text) as number);
      return [hash(address), ...names, count];
    });
    // Entries of one address stay in their order.
    rows.sort(([one = 0], [other = 0]) => one - other);
    for (const [row, values] of rows.entries()) numbers.set(values, WIDTH * row);
    let end = 0;
    for (const [text, number] of texts) {
      end += text.length;
      numbers[WIDTH * this.#count + number] = end;
    }
  }

  /** The first entry with this hash or a greater one. */
  #find(mark: number): number {
    let low = 0;
    for (let high = this.#count; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#numbers[WIDTH * middle] as number) < mark) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #is(at: number, text: string): boolean {
    const [start, end] = this.#place(at);
    return end - start === text.length && this.#texts.startsWith(text, start);
  }

  #text(at: number): string {
    return ownCopy(this.#texts.slice(...this.#place(at)));
  }

  /** Where the text lies whose number is at this index. */
  #place(at: number): [start: number, end: number] {
    const end = WIDTH * this.#count + (this.#numbers[at] as number);
    const isFirst = this.#numbers[at] === 0;
    return [isFirst ? 0 : (this.#numbers[end - 1] as number), this.#numbers[end] as number];
  }
}

function numberTexts(entries: readonly Saved[]): Map<string, number> {
  const texts = new Map<string, number>();
  for (const [address, place, who] of entries) {
    for (const text of [address, place, who]) {
      if (!texts.has(text)) texts.set(text, texts.size);
    }
  }
  return texts;
}

function addCount(sums: Counts, who: string, count: number): void {
  sums.set(who, (sums.get(who) ?? 0) + count);
}

/** FNV-1a, as a signed number of 32 bits. Addresses that share one are compared. */
function hash(text: string): number {
  let value = 0x811c9dc5 | 0;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value;
}
