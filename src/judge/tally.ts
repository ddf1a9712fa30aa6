/**
 * The counts of one rule: what it makes of an event, how near each key came, and which keys had their verdict. Decides
 * nothing about blocks; the judge does.
 */
import type { KeyType } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Entry } from './columns.ts';
import { type Facts, formatId } from './facts.ts';
import { getKeyType } from './key.ts';
import { limitFor, lowestOf, measureLimits } from './measure.ts';
import type { Added, Met, Since, Use } from './met.ts';
import type { NearMiss } from './near-misses.ts';
import { OpenRecipients } from './open-recipients.ts';
import type { Limit, Rule } from './rule.ts';
import { buildShape, type Shape } from './shape.ts';
import type { Tables } from './tables.ts';
import { Timeline } from './timeline.ts';
import { Track } from './track.ts';
import type { Window } from './window.ts';

/** Whether a measure of this limit and time (ms) is worth looking at. */
export type IsWorth = (measure: number, limit: number, time: number) => boolean;

export class Tally {
  readonly rule: Rule;
  readonly #tables: Tables;
  readonly #facts: Facts;
  readonly #tracks = new Map<KeyType, Track>();
  /** the track that was asked for last */
  #last: Track | undefined;
  /** one object for all events: timelines copy what they keep */
  readonly #entry: Entry = {
    time: 0,
    counted: 0,
    whole: 0,
    value: '',
    place: '',
    sender: '',
    host: '',
  };

  constructor(rule: Rule, tables: Tables) {
    this.rule = rule;
    this.#tables = tables;
    this.#facts = tables.facts;
  }

  /**
   * Says that the rule uses the event that was read (`Tables.facts`), unless `since` says that the events of its key do
   * not count yet. Returns by what it counts it; undefined: it does not use the event. After `Track.arrival` has kept
   * the event, `count` counts it.
   */
  use(use: Use, since: Since | undefined): Track | undefined {
    const facts = this.#facts;
    const type = getKeyType(this.rule.per, facts.event);
    if (type === undefined) return undefined;
    const track = this.#trackFor(type);
    const { arrival, shape } = track;
    if (use !== 'counted' && !shape.hasWhole) return undefined;
    if (!arrival.begin(since)) return undefined;
    if (use === 'counted') {
      if (facts.valueOf(shape.distinct) === undefined) return undefined;
      arrival.use(track, track.countedCode);
    } else if (use === 'whole') {
      arrival.use(track, track.wholeCode);
    } else {
      if (facts.event.kind !== 'deferred' && arrival.find(track) === undefined) return undefined;
      arrival.follow();
    }
    return track;
  }

  /** Counts the event that was read and kept. Returns its key with its timeline, when the event is counted. */
  count(track: Track, use: Use): Added | undefined {
    const { arrival, shape, type } = track;
    if (arrival.isFew) return undefined;
    const facts = this.#facts;
    const timeline = arrival.timelineOf(track);
    if (shape.share !== undefined) this.#follow(timeline, facts, use);
    if (use === 'open') return undefined;
    if (timeline.isShared) timeline.count(arrival.at, facts.time);
    else {
      this.#fill(shape, facts, use === 'counted');
      timeline.add(this.#entry, facts.isLate);
    }
    return use === 'counted' ? { type, id: arrival.id, timeline } : undefined;
  }

  /** The limits that are met, in the order of the rule; notes how near the key came to the others. */
  measure({ type, id, timeline }: Added, time: number): readonly Met[] {
    const met = measureLimits(this.#trackFor(type), { id, timeline }, time);
    if (met.length === 0) return NONE;
    return met.map((one) => ({ type, id: formatId(id), timeline, ...one }));
  }

  /** Takes back refusals that were counted before the outage of their provider was detected. */
  takeBack(events: Iterable<MailEvent>, since: Since | undefined): void {
    const facts = this.#facts;
    for (const event of events) {
      facts.read(event);
      const type = getKeyType(this.rule.per, event);
      const id = type === undefined ? undefined : facts.id(type);
      const { distinct } = this.rule;
      if (type === undefined || id === undefined || facts.valueOf(distinct) === undefined) continue;
      if (since !== undefined && event.time <= since(type, formatId(id))) continue;
      const track = this.#trackFor(type);
      const subject = track.table.get(id);
      const timeline = subject?.get(track.slot);
      if (subject === undefined || timeline === undefined) continue;
      this.#fill(track.shape, facts, true);
      timeline.takeBack(this.#entry);
      track.table.changed(subject);
      for (const window of timeline.windows) {
        window.highest = 0;
        window.met = false;
      }
    }
  }

  /** Whether it keeps the senders behind keys of this type. */
  tellsSenders(type: KeyType): boolean {
    return this.#trackFor(type).shape.hasSenders;
  }

  /** Forgets the events of one sender at a gateway: somebody else answers for them now. */
  forgetSender({ timeline }: Pick<Met, 'timeline'>, sender: string): void {
    timeline.removeSender(sender);
  }

  /** Whether these refusals alone meet the limit: all of one key, in their order. */
  isMetBy(events: Iterable<MailEvent>, limit: Limit): boolean {
    const shape = buildShape({ ...this.rule, limits: [limit] }, false);
    const timeline = new Timeline(shape);
    const facts = this.#facts;
    for (const event of events) {
      facts.read(event);
      if (facts.valueOf(shape.distinct) === undefined) continue;
      this.#fill(shape, facts, true);
      this.#entry.counted = 1;
      this.#entry.whole = 1;
      timeline.add(this.#entry, facts.isLate);
      if (timeline.measure(0) >= limit.limit) return true;
    }
    return false;
  }

  /** Forgets the verdict on a key, since it no longer holds. */
  takeBackVerdict(type: KeyType, id: string): void {
    this.#tracks.get(type)?.verdicts.delete(id);
  }

  /** The last verdict on a key, if it is remembered. */
  lastVerdict(type: KeyType, id: string): 'fresh' | 'stale' | undefined {
    return this.#tracks.get(type)?.verdicts.get(id);
  }

  noteVerdict(type: KeyType, id: string, how: 'fresh' | 'stale'): void {
    this.#trackFor(type).noteVerdict(id, how);
  }

  /** Forgets how near a key came, and that it had a verdict. */
  forget(type: KeyType, id: string): void {
    this.#tracks.get(type)?.forget(id);
  }

  /** All keys of this type that had a verdict. */
  judged(type: KeyType): Iterable<string> {
    return this.#tracks.get(type)?.verdicts.keys() ?? [];
  }

  /** All remembered keys without a verdict, for each limit; without those that are not worth it for sure. */
  *near(isWorth: IsWorth): Generator<NearMiss & { type: KeyType; id: string; limit: number }> {
    for (const [type, track] of this.#tracks) {
      for (const [index, limit] of this.rule.limits.entries()) {
        for (const [id, near] of track.dropped[index] ?? []) {
          const applied = track.verdicts.has(id)
            ? undefined
            : limitFor(track, limit, id, near.time);
          if (applied !== undefined) yield { type, id, limit: applied.limit, ...near };
        }
      }
      for (const [id, subject] of track.table.subjects()) {
        yield* this.#nearOf(track, formatId(id), subject.get(track.slot));
      }
      for (const { id, most, time, replay } of track.table.few()) {
        if (!this.rule.limits.some((one) => isWorth(most, lowestOf(this.rule, one), time)))
          continue;
        yield* this.#nearOf(track, formatId(id), replay().get(track.slot));
      }
    }
  }

  *#nearOf(
    track: Track,
    id: string,
    timeline: Timeline | undefined,
  ): Generator<NearMiss & { type: KeyType; id: string; limit: number }> {
    const { type, verdicts } = track;
    if (timeline === undefined || verdicts.has(id)) return;
    for (const [index, limit] of this.rule.limits.entries()) {
      const { highest, highestTime } = timeline.windows[index] as Window;
      if (highest === 0) continue;
      const applied = limitFor(track, limit, id, highestTime);
      if (applied !== undefined)
        yield { type, id, limit: applied.limit, highest, time: highestTime };
    }
  }

  /** Keeps the open recipients of the key up to date. */
  #follow(timeline: Timeline, facts: Facts, use: Use): void {
    const { event } = facts;
    if (use === 'open' && event.kind === 'deferred') {
      timeline.open ??= new OpenRecipients();
      timeline.open.defer(event, facts.place);
    } else if (timeline.open !== undefined && event.kind !== 'rejected') {
      timeline.open.resolve(event);
      if (timeline.open.size === 0) this.#closeAll(timeline);
    }
  }

  #closeAll(timeline: Timeline): void {
    if (timeline.open?.overflows(timeline.newest) === true) return;
    timeline.open = undefined;
    for (const window of timeline.windows) window.forgetPlaces();
  }

  /** What a timeline keeps for itself of an event. */
  #fill(shape: Shape, facts: Facts, isCounted: boolean): void {
    const entry = this.#entry;
    const amount = shape.countsRecipients ? facts.amount : 1;
    entry.time = facts.time;
    entry.counted = isCounted ? amount : 0;
    entry.whole = shape.measure === 'ratio' ? facts.amount : 1;
    entry.value = isCounted ? (facts.valueOf(shape.distinct) ?? '') : '';
    entry.place = shape.share === undefined ? '' : facts.place;
    entry.sender = shape.hasSenders ? facts.sender : '';
    entry.host = shape.mostPerHost === undefined ? '' : facts.host;
  }

  #trackFor(type: KeyType): Track {
    const last = this.#last;
    if (last?.type === type) return last;
    const track =
      this.#tracks.get(type) ??
      this.#tables.join(type, (slot, shelf) => new Track(this.rule, type, slot, shelf));
    this.#tracks.set(type, track);
    this.#last = track;
    return track;
  }
}

const NONE: readonly Met[] = Object.freeze([]);
