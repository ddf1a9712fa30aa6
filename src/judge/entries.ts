/**
 * The events of one key that rules use, in the order of their time: one timeline that the windows of all rules look at.
 * Held as columns: an object for each event would take three times the memory. What a rule makes of an event is not
 * kept beside it, but the number of its class (classes.ts): all events that the same rules use in the same way.
 */
import type { Value } from './facts.ts';

/** The columns that not every event needs, as bits. */
export const NEEDS = {
  amount: 1,
  recipient: 2,
  client: 4,
  place: 8,
  sender: 16,
  host: 32,
} as const;

/** What is kept of an event, as far as a column is needed for it. */
export interface EntryFacts {
  /** ms */
  readonly time: number;
  readonly amount: number;
  readonly recipient: string | undefined;
  readonly client: Value | undefined;
  readonly place: string;
  readonly sender: string;
  readonly host: string;
}

/** The facts of an event of which only the time, or the amount, is kept. */
export const NO_FACTS: EntryFacts = {
  ...{ time: 0, amount: 0, recipient: undefined, client: undefined },
  ...{ place: '', sender: '', host: '' },
};

/** How one rule sees the key, if it may keep more than the events that all rules share (timeline.ts). */
interface Other {
  readonly size: number;
  /** it counts the shared events */
  readonly isShared: boolean;
  /** it keeps nothing else */
  readonly isPlain: boolean;
}

/** Shared by all timelines without an event; never changed. */
const EMPTY: never[] = [];

export class Entries {
  /** ms */
  times: number[] = EMPTY;
  classes: number[] = EMPTY;
  /** recipients that an event shows for the first time */
  amounts: number[] | undefined;
  recipients: string[] | undefined;
  clients: Value[] | undefined;
  places: string[] | undefined;
  senders: string[] | undefined;
  hosts: string[] | undefined;
  /** how rules see the key that keep something of it besides these events */
  others: Other[] = EMPTY;

  get length(): number {
    return this.times.length;
  }

  /** Adds an event of a class that needs these columns (bits), and returns its index. */
  add(facts: EntryFacts, number: number, needs: number): number {
    const { times } = this;
    const { time } = facts;
    let at = times.length;
    while (at > 0 && (times[at - 1] as number) > time) at--;
    if (at < times.length) this.#makeRoom(at);
    // A literal has room for one event only, and most keys have one or two.
    if (times.length === 0) {
      this.times = [time];
      this.classes = [number];
    } else {
      times[at] = time;
      this.classes[at] = number;
    }
    this.#write(facts, at, needs);
    return at;
  }

  /** Writes the columns that the event needs, or that are there because an earlier one did. */
  #write(facts: EntryFacts, at: number, needs: number): void {
    if (needs & NEEDS.amount || this.amounts !== undefined) {
      this.amounts = write(this.amounts, at, needs & NEEDS.amount ? facts.amount : 0, 0);
    }
    if (needs & NEEDS.recipient || this.recipients !== undefined) {
      const recipient = needs & NEEDS.recipient ? facts.recipient : undefined;
      this.recipients = write(this.recipients, at, recipient ?? '', '');
    }
    if (needs & NEEDS.client || this.clients !== undefined) {
      const client = needs & NEEDS.client ? facts.client : undefined;
      this.clients = write(this.clients, at, client ?? '', '');
    }
    if (needs & NEEDS.place || this.places !== undefined) {
      this.places = write(this.places, at, needs & NEEDS.place ? facts.place : '', '');
    }
    if (needs & NEEDS.sender || this.senders !== undefined) {
      this.senders = write(this.senders, at, needs & NEEDS.sender ? facts.sender : '', '');
    }
    if (needs & NEEDS.host || this.hosts !== undefined) {
      this.hosts = write(this.hosts, at, needs & NEEDS.host ? facts.host : '', '');
    }
  }

  addOther(one: Other): void {
    if (this.others.length === 0) this.others = [one];
    else if (!this.others.includes(one)) this.others.push(one);
  }

  /** What rules keep besides these events. */
  countOthers(): number {
    if (this.others.length === 0) return 0;
    if (this.others.some(({ isPlain }) => isPlain)) {
      this.others = this.others.filter(({ isPlain }) => !isPlain);
    }
    let count = 0;
    for (const { size } of this.others) count += size;
    return count;
  }

  /** Whether all rules count these events. */
  get areShared(): boolean {
    return this.others.length === 0 || this.others.every(({ isShared }) => isShared);
  }

  /** How many events are not later than `time`. */
  countUntil(time: number): number {
    return countUntil(this.times, time);
  }

  /** Drops the oldest events. */
  dropFirst(count: number): void {
    for (const column of this.#all()) {
      column.copyWithin(0, count);
      column.length -= count;
    }
  }

  #makeRoom(at: number): void {
    for (const column of this.#all()) column.splice(at, 0, column[at] as never);
  }

  #all(): (number | string)[][] {
    if (this.times.length === 0) return [];
    const { times, classes, amounts, recipients, clients, places, senders, hosts } = this;
    const all = [times, classes, amounts, recipients, clients, places, senders, hosts];
    return all.filter((column) => column !== undefined);
  }
}

/** Writes at this index; a column that is new has `none` before it. */
function write<T>(column: T[] | undefined, at: number, value: T, none: T): T[] {
  if (column === undefined) {
    if (at === 0) return [value];
    column = new Array<T>(at).fill(none);
  }
  column[at] = value;
  return column;
}

/** How many of these times, in their order, are not later than `time`. */
export function countUntil(times: readonly number[], time: number): number {
  let low = 0;
  for (let high = times.length; low < high; ) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
