/**
 * Rules over one type of key that differ in nothing but their names, their limits and what they do: how they read the
 * events of these keys. Whatever their number, an event is counted once for all of them.
 */
import type { KeyType } from '../model/block.ts';
import type { Adjustment } from './adjustment.ts';
import type { Arrival } from './arrival.ts';
import { buildCode, MOST_CLASSES, type Reader } from './classes.ts';
import type { Entry } from './columns.ts';
import type { CountedEvent } from './counted-event.ts';
import { type Facts, formatId, type Id } from './facts.ts';
import { buildLadders, type Ladder } from './ladder.ts';
import { leastLimit } from './measure.ts';
import type { Member } from './member.ts';
import type { Since, Use } from './met.ts';
import { NearMisses } from './near-misses.ts';
import { OpenRecipients } from './open-recipients.ts';
import { buildShape, isBlaming, type Shape } from './shape.ts';
import type { KeyTable } from './table.ts';
import type { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

export class Track implements Reader {
  /** in their order */
  readonly rules: readonly Member[];
  readonly type: KeyType;
  readonly slot: number;
  readonly table: KeyTable;
  readonly arrival: Arrival;
  readonly shape: Shape;
  readonly ladders: readonly Ladder[];
  readonly adjustment: Adjustment | undefined;
  readonly codes = new Uint8Array(MOST_CLASSES);
  readonly least: number;
  /** the highest measures of keys that were dropped from the table, by window; and by limit, where they differ */
  readonly dropped: readonly NearMisses[];
  readonly droppedAt = new Map<Ladder, (NearMisses | undefined)[]>();
  /** what an event adds that the rules count, and one that only belongs to the whole */
  readonly #countedCode: number;
  readonly #wholeCode: number;
  readonly #facts: Facts;

  constructor(
    rules: readonly Member[],
    type: KeyType,
    slot: number,
    { table, arrival, facts }: { table: KeyTable; arrival: Arrival; facts: Facts },
  ) {
    const { rule } = rules[0] as Member;
    this.rules = rules;
    this.type = type;
    this.slot = slot;
    this.table = table;
    this.arrival = arrival;
    this.#facts = facts;
    this.ladders = buildLadders(rules);
    this.adjustment = rule.adjustment;
    const limits = this.ladders.map(({ limit }) => limit);
    this.shape = buildShape(rule, isBlaming(rule, type), limits);
    this.least = Math.min(...rules.map((each) => leastLimit(each.rule)));
    this.#countedCode = buildCode(this.shape, true);
    this.#wholeCode = buildCode(this.shape, false);
    this.dropped = this.ladders.map(() => new NearMisses());
  }

  /**
   * Says that the rules use the event that was read (`Tables.facts`), unless `since` says that the events of its key do
   * not count yet. Returns false when they do not use it. After `Arrival.keep`, `count` counts it.
   */
  use(use: Use, since: Since | undefined): boolean {
    const { arrival, shape } = this;
    const facts = this.#facts;
    if (!arrival.begin(since)) return false;
    if (use === 'counted') {
      if (facts.valueOf(shape.distinct) === undefined) return false;
      arrival.use(this, this.#countedCode);
    } else if (use === 'whole') {
      arrival.use(this, this.#wholeCode);
    } else {
      if (facts.event.kind !== 'deferred' && arrival.find(this) === undefined) return false;
      arrival.follow();
    }
    return true;
  }

  /** Counts the event that was read and kept. Returns the timeline of its key, when the event is counted. */
  count(use: Use): Timeline | undefined {
    const { arrival, shape } = this;
    if (arrival.isFew || (use === 'whole' && arrival.mayWait(this))) return undefined;
    const facts = this.#facts;
    const timeline = arrival.timelineOf(this);
    if (shape.share !== undefined) follow(timeline, facts, use);
    if (use === 'open') return undefined;
    if (timeline.isShared) timeline.count(arrival.at, facts.time);
    else timeline.add(fillEntry(shape, facts, use === 'counted'), facts.isLate);
    return use === 'counted' ? timeline : undefined;
  }

  /** Takes back refusals that were counted before the outage of their provider was detected. */
  takeBack(events: Iterable<CountedEvent>, since: Since | undefined): void {
    const { table, shape, slot, type } = this;
    const facts = this.#facts;
    for (const event of events) {
      facts.read(event);
      const id =
        event.submitter?.type === type || !isSubmitterType(this) ? facts.id(type) : undefined;
      if (id === undefined || facts.valueOf(shape.distinct) === undefined) continue;
      if (since !== undefined && event.time <= since(type, formatId(id))) continue;
      const subject = table.get(id);
      const timeline = subject?.get(slot);
      if (subject === undefined || timeline === undefined) continue;
      timeline.takeBack(fillEntry(shape, facts, true));
      table.changed(subject);
      for (const window of timeline.windows) window.forgetHighest();
    }
  }

  /** Notes how near a key came that is dropped from the table. */
  noteDropped(id: Id, { windows }: Timeline): void {
    for (let index = 0; index < windows.length; index++) {
      const { highest, highestTime, excess } = windows[index] as Window;
      if (highest > 0) this.dropped[index]?.keep(id, highest, highestTime);
      if (excess !== undefined) this.#noteExcess(id, index, windows[index] as Window);
    }
  }

  /** Whether a key that was counted `most` times need not be looked at when it is dropped. */
  isTooLow(most: number): boolean {
    return this.shape.measure === 'ratio' || this.dropped.every((misses) => misses.isFull(most));
  }

  #noteExcess(id: Id, index: number, { excess }: Window): void {
    const ladder = this.ladders[index] as Ladder;
    const all = this.droppedAt.get(ladder) ?? [];
    this.droppedAt.set(ladder, all);
    for (let at = 0; at < ladder.rungs.length; at++) {
      const peak = excess?.peakOf(at);
      if (peak === undefined) continue;
      all[at] ??= new NearMisses();
      all[at]?.keep(id, peak.highest, peak.time);
    }
  }

  forget(id: string): void {
    for (const misses of this.dropped) misses.delete(id);
    for (const all of this.droppedAt.values()) for (const misses of all) misses?.delete(id);
  }
}

function isSubmitterType({ rules }: Track): boolean {
  return rules[0]?.rule.per === 'submitter';
}

/** Keeps the open recipients of the key up to date. */
function follow(timeline: Timeline, facts: Facts, use: Use): void {
  const { event } = facts;
  if (use === 'open' && event.kind === 'deferred') {
    const open = timeline.open ?? timeline.follow(new OpenRecipients());
    open.defer(event, facts.place);
  } else if (timeline.open !== undefined && event.kind !== 'rejected') {
    timeline.open.resolve(event);
    if (timeline.open.size === 0) closeAll(timeline);
  }
}

function closeAll(timeline: Timeline): void {
  if (timeline.open?.overflows(timeline.newest) === true) return;
  timeline.open = undefined;
  for (const window of timeline.windows) window.forgetPlaces();
}

/** one object for all events: timelines copy what they keep */
const ENTRY: Entry = { time: 0, counted: 0, whole: 0, value: '', place: '', sender: '', host: '' };

/** What a timeline keeps for itself of an event. */
export function fillEntry(shape: Shape, facts: Facts, isCounted: boolean): Entry {
  const amount = shape.countsRecipients ? facts.amount : 1;
  ENTRY.time = facts.time;
  ENTRY.counted = isCounted ? amount : 0;
  ENTRY.whole = shape.measure === 'ratio' ? facts.amount : 1;
  ENTRY.value = isCounted ? (facts.valueOf(shape.distinct) ?? '') : '';
  ENTRY.place = shape.share === undefined ? '' : facts.place;
  ENTRY.sender = shape.hasSenders ? facts.sender : '';
  ENTRY.host = shape.mostPerHost === undefined ? '' : facts.host;
  return ENTRY;
}
