/**
 * A part of the sent mail: the counts of one time, by sender, place and submitter. The newest page is open and grows. The
 * others never change, and are kept in a fifth of the memory: numbers in one array, and each text once.
 */
import { ownCopy } from '../model/line.ts';

/** Submitters with the same sender and place in one page; the sender is free to choose for anybody who logged in. */
const MOST_SUBMITTERS = 8;

/** By submitter: recipients sent to, less the notifications that came back. */
export type Counts = Map<string, number>;

/** A page as JSON: each text once, and of each entry the numbers of its address, place and submitter, and its count. */
export interface SavedPage {
  readonly number: number;
  readonly began: number;
  readonly texts: readonly string[];
  readonly rows: readonly number[];
}

/** As an earlier version saved a page, in four times the space. */
export interface EarlierPage {
  readonly number: number;
  readonly began: number;
  readonly entries: readonly (readonly [
    address: string,
    place: string,
    who: string,
    count: number,
  ])[];
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

  static load(saved: SavedPage | EarlierPage): OpenPage {
    const page = new OpenPage(saved.number, saved.began);
    const entries = 'entries' in saved ? saved.entries : listEntries(saved);
    for (const [address, place, who, count] of entries) page.add(address, [place], who, count);
    return page;
  }

  /** Counts `amount` for each of the places. */
  add(address: string, places: readonly string[], who: string, amount: number): void {
    const entries = this.#findEntries(address);
    for (const place of places) this.#addTo(entries, place, who, amount);
  }

  #addTo(entries: Entry[], place: string, who: string, amount: number): void {
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
    const texts = new Map<string, number>();
    const rows: number[] = [];
    for (const [address, entries] of this.#addresses) {
      const number = numberOf(address, texts);
      for (const { place, who, count } of entries) {
        rows.push(number, numberOf(place, texts), numberOf(who, texts), count);
      }
    }
    return { number: this.number, began: this.began, texts: [...texts.keys()], rows };
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

/** Numbers of a saved row, and of one in memory: the hash of its address is before them. */
const SAVED_WIDTH = 4;
const WIDTH = SAVED_WIDTH + 1;

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
    const { number, began, texts, rows } = page.save();
    this.number = number;
    this.began = began;
    this.#count = rows.length / SAVED_WIDTH;
    this.#texts = texts.join('');
    this.#numbers = new Int32Array(WIDTH * this.#count + texts.length);
    const hashes = texts.map(hash);
    const marked = splitRows(rows).map((row) => [hashes[row[0]] as number, ...row]);
    // Entries of one address stay in their order.
    marked.sort(([one = 0], [other = 0]) => one - other);
    for (const [row, values] of marked.entries()) this.#numbers.set(values, WIDTH * row);
    this.#noteEnds(texts);
  }

  addCounts(address: string, place: string, sums: Counts): void {
    const numbers = this.#numbers;
    const mark = hash(address);
    for (let row = this.#find(mark); row < this.#count; row++) {
      const at = WIDTH * row;
      if (numbers[at] !== mark) return;
      if (!this.#is(numbers[at + 1], address) || !this.#is(numbers[at + 2], place)) continue;
      addCount(sums, this.#text(numbers[at + 3] as number), numbers[at + 4] as number);
    }
  }

  save(): SavedPage {
    const end = WIDTH * this.#count;
    const rows: number[] = [];
    for (let at = 0; at < end; at++) {
      if (at % WIDTH !== 0) rows.push(this.#numbers[at] as number);
    }
    const count = this.#numbers.length - end;
    const texts = Array.from({ length: count }, (_, number) => this.#text(number));
    return { number: this.number, began: this.began, texts, rows };
  }

  #noteEnds(texts: readonly string[]): void {
    let end = 0;
    for (const [number, text] of texts.entries()) {
      end += text.length;
      this.#numbers[WIDTH * this.#count + number] = end;
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

  #is(number: number | undefined, text: string): boolean {
    const [start, end] = this.#place(number as number);
    return end - start === text.length && this.#texts.startsWith(text, start);
  }

  #text(number: number): string {
    return ownCopy(this.#texts.slice(...this.#place(number)));
  }

  /** Where the text with this number lies. */
  #place(number: number): [start: number, end: number] {
    const at = WIDTH * this.#count + number;
    return [number === 0 ? 0 : (this.#numbers[at - 1] as number), this.#numbers[at] as number];
  }
}

type Row = readonly [address: number, place: number, who: number, count: number];

function splitRows(rows: readonly number[]): Row[] {
  return Array.from(
    { length: Math.floor(rows.length / SAVED_WIDTH) },
    (_, row) => rows.slice(SAVED_WIDTH * row, SAVED_WIDTH * (row + 1)) as unknown as Row,
  );
}

function listEntries({ texts, rows }: SavedPage): EarlierPage['entries'] {
  const text = (number: number) => texts[number] ?? '';
  return splitRows(rows).map(([address, place, who, count]) => [
    text(address),
    text(place),
    text(who),
    count,
  ]);
}

/** The number of a text, which gets one if it is new. */
function numberOf(text: string, texts: Map<string, number>): number {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, texts.size);
  return texts.size - 1;
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
