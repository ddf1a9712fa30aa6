/**
 * The networks or recipient domains that one key has used. Kept as numbers made of their names: two names with the same
 * number are taken for one, which can only make something new look known.
 */
import { PAST_DAYS } from '../../model/usual.ts';

/**
 * For so many days after its first use a value is still new. A thief tries a password days before he uses it; and what
 * a person uses for the first time is compared with what she used for the first time before.
 */
export const NEW_DAYS = 7;
/** A key that uses more values writes to everybody: for the next 35 days nothing is new to it. */
export const MOST_VALUES = 256;
/** Up to so many values, a list grows by one; a list that grows by push has room for sixteen more. */
const FEW_VALUES = 8;
/** First and last day of use in one small integer; enough until the year 2059. */
const DAYS = 65_536;

/** Until when nothing is new, then number and days of each value, in turn. */
export type SavedValues = readonly number[];

export class KnownValues {
  #values: number[] = [];
  /** of each value: last day of use * DAYS + first day of use */
  #days: number[] = [];
  /** the last day on which nothing is new, because there were too many values; -1 for none */
  #wideUntil = -1;

  /** Notes that a value was used on a day (since the epoch); returns whether it is new to the key. */
  use(value: string, day: number): boolean {
    if (day <= this.#wideUntil) return false;
    const number = hash(value);
    const at = this.#values.indexOf(number);
    if (at < 0) return this.#add(number, day);
    const days = this.#days[at] as number;
    const last = Math.floor(days / DAYS);
    const first = day - last > PAST_DAYS ? day : days % DAYS;
    if (day > last) this.#days[at] = day * DAYS + first;
    return day - first < NEW_DAYS;
  }

  /** How many values the key had used before they stopped being new on this day. */
  countKnown(day: number): number {
    return this.#days.filter((days) => isKnown(days, day)).length;
  }

  save(): SavedValues {
    const pairs = this.#values.flatMap((value, at) => [value, this.#days[at] as number]);
    return [this.#wideUntil, ...pairs];
  }

  load([wideUntil = -1, ...pairs]: SavedValues): void {
    this.#wideUntil = wideUntil;
    this.#values = pairs.filter((_, at) => at % 2 === 0);
    this.#days = pairs.filter((_, at) => at % 2 === 1);
  }

  #add(number: number, day: number): boolean {
    if (this.#values.length >= MOST_VALUES) this.#dropOld(day);
    const count = this.#values.length;
    if (count >= MOST_VALUES) {
      this.#wideUntil = day + PAST_DAYS;
      this.#values = [];
      this.#days = [];
      return false;
    }
    if (count < FEW_VALUES) {
      this.#values = [...this.#values, number];
      this.#days = [...this.#days, day * DAYS + day];
    } else {
      this.#values.push(number);
      this.#days.push(day * DAYS + day);
    }
    return true;
  }

  #dropOld(day: number): void {
    const kept = this.#days.map((days) => day - Math.floor(days / DAYS) <= PAST_DAYS);
    this.#values = this.#values.filter((_, at) => kept[at]);
    this.#days = this.#days.filter((_, at) => kept[at]);
  }
}

function isKnown(days: number, day: number): boolean {
  return day - (days % DAYS) >= NEW_DAYS && day - Math.floor(days / DAYS) <= PAST_DAYS;
}

/** FNV-1a, 30 bits: a small integer of V8. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  return value >>> 2;
}
