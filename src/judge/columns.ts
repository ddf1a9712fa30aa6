/** The entries that one rule keeps of one key for itself, oldest first, as columns (see timeline.ts). */
import { ownCopy } from '../model/line.ts';
import type { Value } from './facts.ts';
import type { Shape } from './shape.ts';

/** One event of a timeline. `Columns` copies its fields; an object can be used again. */
export interface Entry {
  /** event time in ms */
  time: number;
  /** what it adds to the counted part */
  counted: number;
  /** what it adds to the whole of a share */
  whole: number;
  /** the value that a distinct rule compares; empty when the event is not counted */
  value: Value;
  /** where the recipient's mail goes; empty where the rule has no share */
  place: string;
  /** empty where senders are not kept */
  sender: string;
  /** the remote host, for a rule that bounds what one host may contribute */
  host: string;
}

/** Shared by all timelines without an entry; never changed. */
const EMPTY: never[] = [];

export class Columns {
  times: number[] = EMPTY;
  counted: number[] = EMPTY;
  whole: number[] | undefined;
  values: Value[] | undefined;
  places: string[] | undefined;
  senders: string[] | undefined;
  hosts: string[] | undefined;

  constructor({ hasWhole, measure, share, hasSenders, mostPerHost }: Shape) {
    this.whole = hasWhole ? EMPTY : undefined;
    this.values = measure === 'distinct' ? EMPTY : undefined;
    this.places = share === undefined ? undefined : EMPTY;
    this.senders = hasSenders ? EMPTY : undefined;
    this.hosts = mostPerHost === undefined ? undefined : EMPTY;
  }

  get length(): number {
    return this.times.length;
  }

  push({ time, counted, whole, value, place, sender, host }: Entry): void {
    if (this.times.length === 0) {
      // A literal has room for one entry only.
      this.times = [time];
      this.counted = [counted];
      if (this.whole !== undefined) this.whole = [whole];
      if (this.values !== undefined) this.values = [keepValue(value)];
      if (this.places !== undefined) this.places = [place];
      if (this.senders !== undefined) this.senders = [sender];
      if (this.hosts !== undefined) this.hosts = [keepValue(host)];
      return;
    }
    this.times.push(time);
    this.counted.push(counted);
    this.whole?.push(whole);
    this.values?.push(keepValue(value));
    this.places?.push(place);
    this.senders?.push(sender);
    this.hosts?.push(keepValue(host));
  }

  insert(at: number, { time, counted, whole, value, place, sender, host }: Entry): void {
    this.times.splice(at, 0, time);
    this.counted.splice(at, 0, counted);
    this.whole?.splice(at, 0, whole);
    this.values?.splice(at, 0, keepValue(value));
    this.places?.splice(at, 0, place);
    this.senders?.splice(at, 0, sender);
    this.hosts?.splice(at, 0, keepValue(host));
  }

  removeAt(at: number): void {
    for (const column of this.#all()) column.splice(at, 1);
  }

  pop(): void {
    for (const column of this.#all()) column.pop();
  }

  /** Drops the oldest entries. */
  dropFirst(count: number): void {
    for (const column of this.#all()) {
      column.copyWithin(0, count);
      column.length -= count;
    }
  }

  clear(): void {
    this.dropFirst(this.length);
  }

  /** A copy of one entry. */
  entryAt(at: number): Entry {
    return {
      time: this.times[at] as number,
      counted: this.counted[at] as number,
      whole: this.whole?.[at] ?? 0,
      value: this.values?.[at] ?? '',
      place: this.places?.[at] ?? '',
      sender: this.senders?.[at] ?? '',
      host: this.hosts?.[at] ?? '',
    };
  }

  #all(): (number | string)[][] {
    if (this.times.length === 0) return [];
    const { times, counted, whole, values, places, senders, hosts } = this;
    const all = [times, counted, whole, values, places, senders, hosts];
    return all.filter((column) => column !== undefined);
  }
}

/** A value that keeps no log line alive. */
function keepValue<T extends Value>(value: T): T {
  return typeof value === 'string' ? (ownCopy(value) as T) : value;
}
