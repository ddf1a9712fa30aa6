/**
 * The events of keys that have too few to meet any limit: strangers who connect once or twice, most of all keys. They lie
 * in typed arrays, 18 bytes an event, and the collector of garbage never looks at them. A key with more of them, or with
 * an event of another kind, becomes a subject (subject.ts).
 */

import { countedOf, isCounted, MOST_CLASSES } from './classes.ts';

/** What is kept of an event. */
export interface FewEvent {
  /** ms */
  readonly time: number;
  /** number of its class */
  readonly number: number;
  /** recipients that it shows for the first time */
  readonly amount: number;
}

/** A key has at most so many here. */
const MOST_FEW = 4;
const NONE = -1;

export class FewEvents {
  #times = new Float64Array(64);
  #numbers = new Uint16Array(64);
  #amounts = new Float64Array(64);
  /** the event of the same key before; of a free place, the next free one */
  #before = new Int32Array(64);
  /** how many events there are of each class */
  readonly #ofClass = new Int32Array(MOST_CLASSES);
  #free = NONE;
  #used = 0;
  #length = 0;

  /** Number of events. */
  get length(): number {
    return this.#length;
  }

  /** Adds an event behind the key's last one (a place, or undefined for its first) and returns its place. */
  add({ time, number, amount }: FewEvent, last: number | undefined): number {
    const place = this.#takePlace();
    this.#times[place] = time;
    this.#numbers[place] = number;
    this.#amounts[place] = amount;
    this.#before[place] = last ?? NONE;
    this.#countClass(number, 1);
    this.#length++;
    return place;
  }

  /** The time of the event at this place, ms. */
  timeOf(place: number): number {
    return this.#times[place] as number;
  }

  /** The number of a key's events, and of their recipients if that is more, by the place of the last. */
  count(last: number): number {
    let count = 0;
    let amount = 0;
    for (let place = last; place !== NONE; place = this.#before[place] as number) {
      count++;
      amount += this.#amounts[place] as number;
    }
    return Math.max(count, amount);
  }

  /** Whether an event of a key stays far from any limit, and in order. `least`: so many, or recipients, may meet one. */
  hasRoom(last: number, { time, amount }: Omit<FewEvent, 'number'>, least: number): boolean {
    const count = this.count(last);
    return count < MOST_FEW && count + Math.max(1, amount) < least && time >= this.timeOf(last);
  }

  /** What a rule with these codes has counted of a key. */
  countFor(codes: Uint8Array, last: number): number {
    let count = 0;
    for (let place = last; place !== NONE; place = this.#before[place] as number) {
      const code = codes[this.#numbers[place] as number] as number;
      count += countedOf(code, this.#amounts[place] as number);
    }
    return count;
  }

  /** The time of the last event of a key that a rule with these codes counts, ms; else that of its last one. */
  timeFor(codes: Uint8Array, last: number): number {
    for (let place = last; place !== NONE; place = this.#before[place] as number) {
      const code = codes[this.#numbers[place] as number] as number;
      if (countedOf(code, this.#amounts[place] as number) > 0) return this.timeOf(place);
    }
    return this.timeOf(last);
  }

  /** Whether there is any event that a rule with these codes counts. */
  hasAnyFor(codes: Uint8Array): boolean {
    return this.#ofClass.some((count, number) => count > 0 && isCounted(codes[number] as number));
  }

  /** A key's events in the order in which they came. */
  list(last: number): FewEvent[] {
    const events: FewEvent[] = [];
    for (let place = last; place !== NONE; place = this.#before[place] as number) {
      events.push({
        time: this.timeOf(place),
        number: this.#numbers[place] as number,
        amount: this.#amounts[place] as number,
      });
    }
    return events.reverse();
  }

  /** Forgets a key's events. Returns how many there were. */
  delete(last: number): number {
    let count = 0;
    for (let place = last; place !== NONE; count++) {
      const before = this.#before[place] as number;
      this.#countClass(this.#numbers[place] as number, -1);
      this.#before[place] = this.#free;
      this.#free = place;
      place = before;
    }
    this.#length -= count;
    return count;
  }

  #countClass(number: number, by: 1 | -1): void {
    this.#ofClass[number] = (this.#ofClass[number] as number) + by;
  }

  #takePlace(): number {
    if (this.#free !== NONE) {
      const place = this.#free;
      this.#free = this.#before[place] as number;
      return place;
    }
    if (this.#used === this.#times.length) this.#grow();
    return this.#used++;
  }

  #grow(): void {
    const size = this.#times.length * 2;
    this.#times = enlarge(this.#times, new Float64Array(size));
    this.#numbers = enlarge(this.#numbers, new Uint16Array(size));
    this.#amounts = enlarge(this.#amounts, new Float64Array(size));
    this.#before = enlarge(this.#before, new Int32Array(size));
  }
}

function enlarge<T extends Float64Array | Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
