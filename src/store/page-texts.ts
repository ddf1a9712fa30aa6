/**
 * The texts of a page while it is written, each once, as bytes. No string is kept: a string cut out of a log line keeps
 * its whole block of the log in memory, and a Map of them is a large table that is made anew for each page.
 */
import { MOST_EVENTS, TEXT_PARTS } from './page-form.ts';

const MOST_TEXTS = MOST_EVENTS * TEXT_PARTS;
/** Places in the table, a power of two: at most half of them are taken. */
const PLACES = 2 ** Math.ceil(Math.log2(2 * MOST_TEXTS));
const FIRST_BYTES = 128 * 1024;
/** FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/; begun at random, so that nobody can make up texts that collide. */
const PRIME = 0x01000193;
const BASIS = Math.floor(Math.random() * 2 ** 32);

export class PageTexts {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** where each text begins, and where the next one will */
  readonly #begins = new Uint32Array(MOST_TEXTS + 1);
  /** UTF-16 units of each text */
  readonly #lengths = new Uint32Array(MOST_TEXTS);
  readonly #hashes = new Uint32Array(MOST_TEXTS);
  /** the number of a text + 1; 0: free */
  readonly #places = new Uint16Array(PLACES);
  #count = 0;
  #isAscii = true;
  /** of the text that was written last */
  #hash = 0;

  get count(): number {
    return this.#count;
  }

  /** Whether no text has a letter beyond ASCII. */
  get isAscii(): boolean {
    return this.#isAscii;
  }

  /** All texts, one behind the other, in UTF-8. Valid until the next text is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#begins[this.#count]);
  }

  /** UTF-16 units of a text. */
  length(number: number): number {
    return this.#lengths[number] as number;
  }

  /** The text that has this number. */
  read(number: number): string {
    return this.#bytes.toString('utf8', this.#begins[number], this.#begins[number + 1]);
  }

  /** The number of a text in this page; a new one gets the next. */
  number(text: string): number {
    const begin = this.#begins[this.#count] as number;
    const end = this.#write(text, begin);
    const hash = (this.#hash ^ (this.#hash >>> 15)) >>> 0;
    let place = hash & (PLACES - 1);
    for (;;) {
      const number = (this.#places[place] as number) - 1;
      if (number < 0) return this.#add(place, hash, text.length, end);
      if (this.#hashes[number] === hash && this.#equals(number, begin, end)) return number;
      place = (place + 1) & (PLACES - 1);
    }
  }

  clear(): void {
    this.#count = 0;
    this.#isAscii = true;
    this.#places.fill(0);
    if (this.#bytes.length > FIRST_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  #add(place: number, hash: number, length: number, end: number): number {
    const number = this.#count++;
    this.#places[place] = number + 1;
    this.#hashes[number] = hash;
    this.#lengths[number] = length;
    this.#begins[number + 1] = end;
    if (this.#isAscii && end - (this.#begins[number] as number) !== length) this.#isAscii = false;
    return number;
  }

  /** Writes the text behind all others, with its hash in `#hash`; gives where it ends. */
  #write(text: string, begin: number): number {
    const { length } = text;
    if (begin + 3 * length > this.#bytes.length) this.#grow(begin + 3 * length);
    const bytes = this.#bytes;
    let hash = BASIS;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return this.#writeBeyondAscii(text, begin);
      bytes[begin + at] = code;
      hash = Math.imul(hash ^ code, PRIME);
    }
    this.#hash = hash;
    return begin + length;
  }

  #writeBeyondAscii(text: string, begin: number): number {
    const end = begin + this.#bytes.write(text, begin, 'utf8');
    let hash = BASIS;
    for (let at = begin; at < end; at++) {
      hash = Math.imul(hash ^ (this.#bytes[at] as number), PRIME);
    }
    this.#hash = hash;
    return end;
  }

  #equals(number: number, begin: number, end: number): boolean {
    const bytes = this.#bytes;
    const from = this.#begins[number] as number;
    if ((this.#begins[number + 1] as number) - from !== end - begin) return false;
    for (let at = begin; at < end; at++) {
      if (bytes[at] !== bytes[from + at - begin]) return false;
    }
    return true;
  }

  #grow(least: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(least, 2 * this.#bytes.length));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}
