/**
 * Civil time (what a wall clock shows) to instants, for a fixed offset or an IANA zone.
 * A civil time is given as the ms since the epoch that it would be in UTC.
 * In the hour that a clock shows twice there are two instants; in the hour that it skips, the one after the jump.
 */
import { DAY } from '../../base/time.ts';

/** Every offset of a present-day zone is a multiple of this. */
const QUARTER = 900_000;

export interface Zone {
  /** The instants at which a clock of this zone shows `civil`, earlier first; never empty. */
  instants(civil: number): readonly number[];
}

/** Reads `Europe/Berlin`, `UTC`, `+02:00`; without a name the host's own zone. Throws a RangeError for anything else. */
export function createZone(name?: string): Zone {
  const fixed = name === undefined ? undefined : fixedOffset(name);
  if (fixed !== undefined) return { instants: (civil) => [civil - fixed] };
  return new NamedZone(name);
}

function fixedOffset(name: string): number | undefined {
  const match = /^([+-])(\d\d):?([0-5]\d)$/.exec(name);
  if (match === null) return undefined;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -1 : 1) * minutes * 60_000;
}

class NamedZone implements Zone {
  readonly #format: Intl.DateTimeFormat;
  #bucket = Number.NaN;
  #offsets: readonly number[] = [];

  constructor(name?: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  instants(civil: number): readonly number[] {
    const bucket = Math.floor(civil / QUARTER);
    if (bucket !== this.#bucket) {
      this.#offsets = this.#offsetsOf(bucket * QUARTER);
      this.#bucket = bucket;
    }
    return this.#offsets.map((offset) => civil - offset);
  }

  /** Offsets that a clock showing `civil` can have: the larger one is the earlier instant. */
  #offsetsOf(civil: number): readonly number[] {
    const before = this.#offsetAt(civil - DAY);
    const after = this.#offsetAt(civil + DAY);
    const valid = [before, after].filter((offset) => this.#offsetAt(civil - offset) === offset);
    if (valid.length === 0) return [before];
    return before === after ? [before] : valid.sort((a, b) => b - a);
  }

  #offsetAt(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
  }
}
