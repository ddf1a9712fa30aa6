/**
 * What is known of one rule: how near each key came, and which keys had their verdict. What is counted is in tracks,
 * which it shares with other rules. Decides nothing about blocks; the judge does.
 */
import type { Key, KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import type { CountedEvent } from './counted-event.ts';
import { isBefore } from './excess.ts';
import { Facts, formatId, type Id, readId } from './facts.ts';
import { dropOldest } from './key-memory.ts';
import type { Ladder } from './ladder.ts';
import { limitFor, lowestUsual } from './measure.ts';
import type { Since } from './met.ts';
import type { NearMiss, NearMisses } from './near-misses.ts';
import type { IsWanted, Rosters } from './roster.ts';
import type { Limit, Rule } from './rule.ts';
import { buildShape, isBlaming } from './shape.ts';
import { Timeline } from './timeline.ts';
import { fillEntry, type Track } from './track.ts';
import type { Window } from './window.ts';

const VERDICTS_KEPT = 10_000;

/** Whether a measure of this limit and time (ms) is worth looking at. */
export type IsWorth = (measure: number, limit: number, time: number) => boolean;

interface Near extends NearMiss {
  readonly type: KeyType;
  readonly id: string;
  readonly limit: number;
  /** of a key that was dropped from its table, and may be there again */
  readonly isDropped: boolean;
}

/** A limit of the rule, and the place that it has in a track. */
interface Place {
  readonly limit: Limit;
  /** index of the window, and number of the rung there */
  readonly window: number;
  readonly at: number;
}

export class Tally {
  readonly rule: Rule;
  readonly #tracks = new Map<KeyType, Track>();
  /** keys that had a verdict, and whether it was stale; the oldest are forgotten */
  readonly #verdicts = new Map<KeyType, Map<string, 'fresh' | 'stale'>>();

  constructor(rule: Rule) {
    this.rule = rule;
  }

  /** The rule counts by a type of key in this track. */
  join(track: Track): void {
    this.#tracks.set(track.type, track);
  }

  /** Takes back refusals that were counted before the outage of their provider was detected: once for all rules of a track. */
  takeBack(events: readonly CountedEvent[], since: Since | undefined): void {
    for (const track of this.#tracks.values()) {
      if (track.rules[0]?.rule === this.rule) track.takeBack(events, since);
    }
  }

  /** Whether it keeps the senders behind keys of this type. */
  tellsSenders(type: KeyType): boolean {
    return isBlaming(this.rule, type);
  }

  /** Whether these refusals alone meet the limit: all of one key, in their order. */
  isMetBy(events: Iterable<CountedEvent>, limit: Limit): boolean {
    const shape = buildShape(this.rule, false, [limit]);
    const timeline = new Timeline(shape);
    const facts = new Facts();
    for (const event of events) {
      facts.read(event);
      if (facts.valueOf(shape.distinct) === undefined) continue;
      const entry = fillEntry(shape, facts, true);
      timeline.add({ ...entry, counted: 1, whole: 1 }, facts.isLate);
      if (timeline.measure(0) >= limit.limit) return true;
    }
    return false;
  }

  /** What is counted of a key, if it was counted often enough. */
  timelineOf({ type, id }: Key): Timeline | undefined {
    const track = this.#tracks.get(type);
    return track?.table.get(readId(type, id))?.get(track.slot);
  }

  /** Forgets the verdict on a key, since it no longer holds. */
  takeBackVerdict(type: KeyType, id: string): void {
    this.#verdicts.get(type)?.delete(id);
  }

  /** The last verdict on a key, if it is remembered. */
  lastVerdict(type: KeyType, id: string): 'fresh' | 'stale' | undefined {
    return this.#verdicts.get(type)?.get(id);
  }

  noteVerdict(type: KeyType, id: string, how: 'fresh' | 'stale'): void {
    const verdicts = this.#verdicts.get(type) ?? new Map<string, 'fresh' | 'stale'>();
    this.#verdicts.set(type, verdicts);
    verdicts.delete(id);
    verdicts.set(ownCopy(id), how);
    if (verdicts.size > VERDICTS_KEPT) dropOldest(verdicts, VERDICTS_KEPT / 16);
  }

  /** Forgets how near a key came, and that it had a verdict. */
  forget(type: KeyType, id: string): void {
    this.#tracks.get(type)?.forget(id);
    this.#verdicts.get(type)?.delete(id);
  }

  /** All keys of this type that had a verdict. */
  judged(type: KeyType): Iterable<string> {
    return this.#verdicts.get(type)?.keys() ?? [];
  }

  /**
   * All remembered keys without a verdict, for each limit; without those that are not worth it for sure. The limits of a
   * key that is in its table come one after the other.
   */
  *near(isWorth: IsWorth, rosters: Rosters): Generator<Near> {
    for (const track of this.#tracks.values()) {
      const places = this.#findPlaces(track);
      for (const place of places) yield* this.#nearDropped(track, place);
      const roster = rosters.of(track.table);
      const mayBeNear = this.#buildNearTest(track, isWorth);
      for (const [id, subject] of roster.subjects) {
        const timeline = subject.get(track.slot);
        if (timeline === undefined || !hasPeak(timeline, places, id, mayBeNear)) continue;
        yield* this.#nearOf(track, places, id, timeline);
      }
      for (const [id, subject] of track.table.few(roster, track, mayBeNear)) {
        const timeline = subject.get(track.slot);
        if (timeline !== undefined) yield* this.#nearOf(track, places, id, timeline);
      }
    }
  }

  /** A test whether a key may come near a limit: it is cheap, and says yes in doubt. */
  #buildNearTest({ adjustment, type }: Track, isWorth: IsWorth): IsWanted {
    const least = this.rule.limits.map((one) => lowestUsual(this.rule, one));
    return (id, measure, time) =>
      least.some((one) => isWorth(measure, one, time)) ||
      adjustment?.isOverridden(type, formatId(id)) === true;
  }

  #findPlaces({ ladders }: Track): Place[] {
    return this.rule.limits.map((limit, index) => {
      for (const [window, { rungs }] of ladders.entries()) {
        const at = rungs.findIndex(
          ({ member, index: own }) => member.rule === this.rule && own === index,
        );
        if (at >= 0) return { limit, window, at };
      }
      throw new Error(`no window for a limit of ${this.rule.name}`);
    });
  }

  *#nearDropped(track: Track, { limit, window, at }: Place): Generator<Near> {
    const lists = [
      track.dropped[window],
      track.droppedAt.get(track.ladders[window] as Ladder)?.[at],
    ];
    for (const misses of lists) {
      if (misses !== undefined) yield* this.#nearMisses(track, limit, misses);
    }
  }

  *#nearMisses(track: Track, limit: Limit, misses: NearMisses): Generator<Near> {
    const { type } = track;
    for (const [id, near] of misses) {
      if (this.lastVerdict(type, id) !== undefined) continue;
      const applied = limitFor({ rule: this.rule, type }, limit, id, near.time);
      if (applied === undefined) continue;
      yield { type, id, limit: applied.limit, ...near, isDropped: true };
    }
  }

  *#nearOf(
    { type }: Track,
    places: readonly Place[],
    key: Id,
    { windows }: Timeline,
  ): Generator<Near> {
    let id: string | undefined;
    for (const { limit, window, at } of places) {
      const peak = findPeak(windows[window] as Window, at);
      if (peak.highest === 0) continue;
      id ??= formatId(key);
      if (this.lastVerdict(type, id) !== undefined) return;
      const applied = limitFor({ rule: this.rule, type }, limit, id, peak.time);
      if (applied === undefined) continue;
      yield { type, id, limit: applied.limit, ...peak, isDropped: false };
    }
  }
}

/** Whether a key has measures that may be near a limit. Most have not, and cost no more than this. */
function hasPeak(
  { windows }: Timeline,
  places: readonly Place[],
  id: Id,
  mayBeNear: IsWanted,
): boolean {
  for (const { window, at } of places) {
    const { highest, time } = findPeak(windows[window] as Window, at);
    if (highest > 0 && mayBeNear(id, highest, time)) return true;
  }
  return false;
}

/** How near the key of a window came to one of its limits. */
function findPeak({ highest, highestTime, excess }: Window, at: number): NearMiss {
  const all = { highest, time: highestTime };
  const own = excess?.peakOf(at);
  return own !== undefined && isBefore(own, all) ? { highest: own.highest, time: own.time } : all;
}
