/**
 * The clock that stamped the lines: its zone (a fixed offset or an IANA zone), and the year it showed.
 *
 * Civil time is what a wall clock shows, given as the ms since the epoch that it would be in UTC. In the hour that a
 * clock shows twice there are two instants; in the hour that it skips, the instant after the jump is meant.
 */
import { buildOffset, DAY, HOST_ZONE, HOUR, MINUTE } from '../../base/time.ts';

/** Every offset of a present-day zone is a multiple of this, ms. */
const QUARTER_HOUR = 15 * MINUTE;
/** Farthest that a zone is from UTC, ms. */
const LARGEST_OFFSET = 15 * HOUR;
/** Lines arrive late, or early from a clock that was set, by no more than this, ms. */
const SLACK = 25 * HOUR;

export interface Zone {
  /** The instants at which a clock of this zone shows `civil`, earlier first; never empty. */
  instants(civil: number): readonly number[];
}

/** Reads `Europe/Berlin`, `UTC` or `+02:00`; without a name, the host's zone. Throws a RangeError for anything else. */
export function createZone(name: string = HOST_ZONE): Zone {
  return new ChangingZone(buildOffset(name));
}

/** A zone whose offset from UTC may change twice a year. */
class ChangingZone implements Zone {
  readonly #minutes: (instant: number) => number;
  /** The quarter of an hour that was asked for last, and its offsets. */
  #quarter = Number.NaN;
  #offsets: readonly number[] = [];

  /** `minutes`: how far it is ahead of UTC at an instant. */
  constructor(minutes: (instant: number) => number) {
    this.#minutes = minutes;
  }

  instants(civil: number): readonly number[] {
    const quarter = Math.floor(civil / QUARTER_HOUR);
    if (quarter !== this.#quarter) {
      this.#offsets = this.#findOffsets(quarter * QUARTER_HOUR);
      this.#quarter = quarter;
    }
    return this.#offsets.map((offset) => civil - offset);
  }

  /** Offsets of a clock that shows `civil`, larger first, since the larger offset is the earlier instant. */
  #findOffsets(civil: number): readonly number[] {
    const before = this.#getOffset(civil - DAY);
    const after = this.#getOffset(civil + DAY);
    const valid = [before, after].filter((offset) => this.#getOffset(civil - offset) === offset);
    if (valid.length === 0) return [before];
    return before === after ? [before] : valid.sort((a, b) => b - a);
  }

  #getOffset(instant: number): number {
    return this.#minutes(instant) * MINUTE;
  }
}

/** What has to survive a restart: the instant of the last stamp, and how far the log may reach, both in ms. */
interface ClockState {
  readonly last?: number | undefined;
  readonly reference: number;
}

/** Turns civil times of one log into instants, by its zone and by the stamps that came before. */
export class LogClock {
  /** ms, the instant of the last stamp */
  last: number | undefined;
  readonly #zone: Zone;
  #reference: number;

  constructor(zone: Zone, reference: number) {
    this.#zone = zone;
    this.#reference = reference;
  }

  get state(): ClockState {
    return { last: this.last, reference: this.#reference };
  }

  set state({ last, reference }: ClockState) {
    this.advance(reference);
    if (last !== undefined) this.reach(last);
  }

  /** No line can be (much) younger than `now`, ms; a live log moves this on. */
  advance(now: number): void {
    if (now > this.#reference) this.#reference = now;
  }

  /** The latest instant that a line can have been written at, ms. */
  get latest(): number {
    return this.#reference + SLACK;
  }

  /** The log has reached this instant, ms. An impossible one must not move the stamps without a year that follow it. */
  reach(instant: number): void {
    if (instant <= this.latest) this.last = instant;
  }

  /**
   * The instant of a civil time; `near` is an instant known to be close. Without it, the one of two possible
   * instants that is closer to the last stamp.
   */
  toInstant(civil: number, near: number | undefined): number {
    const known = near === undefined ? undefined : findNear(civil, near);
    return known ?? this.#chooseInstant(civil);
  }

  #chooseInstant(civil: number): number {
    const [first = civil, second] = this.#zone.instants(civil);
    if (second === undefined || this.last === undefined) return first;
    return Math.abs(second - this.last) < Math.abs(first - this.last) ? second : first;
  }

  /**
   * The instant of a month (from 0), day and time of day (ms) without a year. The year is the one that continues the
   * log: close to the last stamp, else the next after it, else the latest that is possible.
   */
  findYear(month: number, day: number, time: number, near: number | undefined): number {
    const base = near ?? this.last ?? this.#reference;
    const year = new Date(base).getUTCFullYear();
    const same = this.#inYear(year, month, day, time, near);
    if (this.last !== undefined && Math.abs(same - base) <= SLACK) return same;
    // There is a February 29 every four years, and once in a while only after eight.
    const reach = month === 1 && day === 29 ? 8 : 1;
    const instants: number[] = [];
    for (let candidate = year - reach; candidate <= year + reach; candidate++) {
      const instant = this.#inYear(candidate, month, day, time, near);
      if (instant >= 0) instants.push(instant);
    }
    return this.#chooseYear(instants, base, near !== undefined);
  }

  /** NaN when that year has no such day. */
  #inYear(
    year: number,
    month: number,
    day: number,
    time: number,
    near: number | undefined,
  ): number {
    const civil = Date.UTC(year, month, day) + time;
    if (day > 28 && new Date(civil).getUTCDate() !== day) return Number.NaN;
    return this.toInstant(civil, near);
  }

  /** Of instants in ascending order, one a year. */
  #chooseYear(instants: readonly number[], base: number, isNear: boolean): number {
    const continues = isNear || this.last !== undefined;
    const close = instants.find((instant) => Math.abs(instant - base) <= SLACK);
    if (continues && close !== undefined) return close;
    const limit = Math.max(this.#reference, this.last ?? 0) + SLACK;
    const possible = instants.filter((instant) => instant <= limit);
    const next = possible.find((instant) => instant > base);
    if (this.last !== undefined && next !== undefined) return next;
    return possible.at(-1) ?? instants[0] ?? -1;
  }
}

/** The instant close to `near` at which a clock in some zone shows `civil`; undefined when no zone is that far off. */
function findNear(civil: number, near: number): number | undefined {
  const offset = Math.round((civil - near) / QUARTER_HOUR) * QUARTER_HOUR;
  return Math.abs(offset) <= LARGEST_OFFSET ? civil - offset : undefined;
}
