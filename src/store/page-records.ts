/** The records of a page, of which one is open, and the texts of all of them. page-form.ts has their form. */
import { lowerAscii } from '../base/text.ts';
import { damaged, HEAD_BYTES, PART_COUNT } from './page-form.ts';

export class Records {
  source = 0;
  line = 0;
  offset = 0;
  readonly #bytes: Buffer;
  readonly #firstLine: number;
  readonly #firstOffset: number;
  readonly #records: number;
  readonly #end: number;
  readonly #textCount: number;
  readonly #lengths: number;
  readonly #values: (number | undefined)[] = Array(PART_COUNT).fill(undefined);
  #at = -1;
  #next = 0;
  #whole: string | undefined;
  /** where each text begins in the whole; of as many as are known, read so far */
  #begins: Uint32Array | undefined;
  readonly #texts: string[] = [];

  /** Throws a PosternError (`database-corrupt`) when the bytes are no records. */
  constructor(bytes: Buffer, count: number) {
    this.#bytes = bytes;
    if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(32) !== bytes.length) {
      throw damaged('the records of a page have another size');
    }
    this.#firstLine = bytes.readDoubleLE(0);
    this.#firstOffset = bytes.readDoubleLE(8);
    this.#records = HEAD_BYTES + 4 * count;
    this.#lengths = this.#records + bytes.readUInt32LE(16);
    this.#end = this.#records + bytes.readUInt32LE(20);
    this.#textCount = bytes.readUInt32LE(24);
  }

  /** Opens the record of an event. */
  open(at: number): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#next = this.#records + this.#bytes.readUInt32LE(HEAD_BYTES + 4 * at);
    this.source = this.#take();
    this.line = this.#firstLine + unzigzag(this.#take());
    this.offset = this.#firstOffset + unzigzag(this.#take());
    const present = this.#take();
    for (let part = 0; part < PART_COUNT; part++) {
      this.#values[part] = (present & (1 << part)) === 0 ? undefined : this.#take();
    }
  }

  /** A number of the open record; undefined if it has none. */
  number(part: number): number | undefined {
    return this.#values[part];
  }

  /** A text of the open record; undefined if it has none. */
  text(part: number): string | undefined {
    const number = this.#values[part];
    if (number === undefined) return undefined;
    const known = this.#texts[number];
    if (known !== undefined) return known;
    this.#begins ??= this.#readBegins();
    const text = this.#all.slice(this.#begins[number], this.#begins[number + 1]);
    this.#texts[number] = text;
    return text;
  }

  /** Whether any text of the page contains this one. */
  includes(text: string): boolean {
    return this.#all.includes(text);
  }

  /** The same for a text in lower case, whatever the case of the page's. */
  includesFolded(text: string): boolean {
    return lowerAscii(this.#all).includes(text);
  }

  get #all(): string {
    if (this.#whole !== undefined) return this.#whole;
    const isAscii = this.#bytes.readUInt32LE(28) === 1;
    this.#whole = this.#bytes.toString(isAscii ? 'latin1' : 'utf8', this.#end);
    return this.#whole;
  }

  #readBegins(): Uint32Array {
    const begins = new Uint32Array(this.#textCount + 1);
    const before = this.#next;
    this.#next = this.#lengths;
    let begin = 0;
    for (let number = 0; number < this.#textCount; number++) {
      begins[number] = begin;
      begin += this.#take();
    }
    begins[this.#textCount] = begin;
    this.#next = before;
    return begins;
  }

  #take(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#next++] as number;
    if (byte < 0x80) return byte;
    let value = 0;
    let factor = 1;
    for (; byte >= 0x80; byte = bytes[this.#next++] as number) {
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    }
    return value + byte * factor;
  }
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
