/**
 * Hours at which limits are lower: nights and weekends, by the clock of a time zone. Whether a time is in them depends on
 * that time alone, so a replay gives the same answers. On the days on which clocks are changed, night is what the clock
 * on the wall shows: an hour that occurs twice is night twice.
 */
import { buildOffset, DAY, MINUTE } from '../base/time.ts';

/** 0 is Sunday. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export interface Hours {
  /** IANA name or `±hh:mm` */
  readonly zone: string;
  /** `from` and `to` in minutes since midnight; a night may include midnight. `factor`: above 0, at most 1 */
  readonly night?:
    | { readonly from: number; readonly to: number; readonly factor: number }
    | undefined;
  /** whole days from 00:00 to 24:00 */
  readonly weekend?: { readonly days: readonly Weekday[]; readonly factor: number } | undefined;
}

/** How many parts of a limit are allowed, and why it is not all of it. */
export interface Share {
  /** 1: the whole limit */
  readonly factor: number;
  /** `night`, `weekend`; undefined: neither */
  readonly name?: 'night' | 'weekend';
}

/** A span with one share, up to the start of the next one. */
interface Span extends Share {
  /** ms */
  readonly start: number;
}

const WHOLE: Share = { factor: 1 };
/** Zones change their clocks on quarters of an hour of UTC, and never twice in a day. */
const QUARTER = 15 * MINUTE;
const DAY_MINUTES = DAY / MINUTE;
/** Days that are remembered: more than the longest period. */
const MOST_DAYS = 100;

export class HourShares {
  readonly #hours: Hours;
  readonly #offset: (ms: number) => number;
  /** spans by the number of the UTC day */
  readonly #days = new Map<number, readonly Span[]>();

  constructor(hours: Hours) {
    this.#hours = hours;
    this.#offset = buildOffset(hours.zone);
  }

  /**
   * The largest share that held at any time in (end - period, end], ms. So what was sent by day never meets the limit of
   * the night: that one holds in full when the whole window lies in the night.
   */
  findLargest(end: number, period: number): Share {
    const start = end - period + 1;
    let largest: Share | undefined;
    for (let day = Math.floor(end / DAY); day >= Math.floor(start / DAY); day--) {
      const spans = this.#listSpans(day);
      for (let at = spans.length - 1; at >= 0; at--) {
        const span = spans[at] as Span;
        if (span.start > end) continue;
        if (largest === undefined || span.factor > largest.factor) largest = span;
        if (largest.factor === 1 || span.start <= start) return largest;
      }
    }
    return largest ?? WHOLE;
  }

  #listSpans(day: number): readonly Span[] {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    if (this.#days.size >= MOST_DAYS) this.#days.clear();
    const spans = this.#computeSpans(day * DAY);
    this.#days.set(day, spans);
    return spans;
  }

  #computeSpans(start: number): Span[] {
    const end = start + DAY;
    const isEven = this.#offset(start) === this.#offset(end - 1);
    const spans: Span[] = [];
    for (let part = start; part < end; part += isEven ? DAY : QUARTER) {
      const offset = this.#offset(part);
      for (const time of this.#listEdges(part, isEven ? end : part + QUARTER, offset)) {
        const share = this.#readShare(time + offset * MINUTE);
        const { factor, name } = spans.at(-1) ?? {};
        if (share.factor !== factor || share.name !== name) spans.push({ ...share, start: time });
      }
    }
    return spans;
  }

  /** `start`, and the times up to `end` at which a night, or a day of the week, begins or ends. */
  #listEdges(start: number, end: number, offset: number): number[] {
    const { night } = this.#hours;
    const edges = [start];
    for (const minute of new Set([0, night?.from ?? 0, night?.to ?? 0])) {
      const local = start + offset * MINUTE;
      const first = Math.floor(local / DAY) * DAY + minute * MINUTE - offset * MINUTE;
      for (const time of [first, first + DAY]) if (time > start && time < end) edges.push(time);
    }
    return edges.sort((a, b) => a - b);
  }

  /** `local`: ms, as if the clock on the wall showed UTC. Of night and weekend, the lower one holds. */
  #readShare(local: number): Share {
    const { night, weekend } = this.#hours;
    const minute = Math.floor(local / MINUTE) % DAY_MINUTES;
    const weekday = new Date(local).getUTCDay() as Weekday;
    const isNight = night !== undefined && isBetween(minute, night.from, night.to);
    const isWeekend = weekend?.days.includes(weekday) === true;
    if (isNight && !(isWeekend && weekend.factor < night.factor))
      return { factor: night.factor, name: 'night' };
    return isWeekend ? { factor: weekend.factor, name: 'weekend' } : WHOLE;
  }
}

/** Whether a minute of the day is in a span, which may include midnight. */
function isBetween(minute: number, from: number, to: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}
