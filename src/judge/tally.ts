/**
 * The counts of one rule: the timelines of its keys, how near each key came, and which keys had their verdict. Decides
 * nothing about blocks; the judge does.
 */
import type { KeyType } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import type { AppliedLimit } from './adjustment.ts';
import type { Entry } from './columns.ts';
import { getDistinctValue, getKeyId, getKeyType, internId } from './key.ts';
import { dropOldest } from './key-memory.ts';
import type { Added, Forgotten, Met, Since, Use } from './met.ts';
import { type NearMiss, NearMisses } from './near-misses.ts';
import { OpenRecipients } from './open-recipients.ts';
import { getHostGroup } from './outage/provider.ts';
import { getPlace } from './place.ts';
import { blamesSenders, type Limit, type Rule } from './rule.ts';
import { buildShape, type Shape } from './shape.ts';
import { measureShare } from './share.ts';
import { type Bounds, KeyTable } from './table.ts';
import { Timeline } from './timeline.ts';
import type { Window } from './window.ts';

const VERDICTS_KEPT = 10_000;
const GATEWAY_TYPES: ReadonlySet<KeyType> = new Set(['client', 'uid']);

/** What is known of the keys of one type. */
interface Keys {
  readonly shape: Shape;
  readonly table: KeyTable;
  /** by limit, the highest measures of keys that were dropped from the table */
  readonly dropped: readonly NearMisses[];
  /** keys that had a verdict, and whether it was stale; the oldest are forgotten */
  readonly verdicts: Map<string, 'fresh' | 'stale'>;
}

export class Tally {
  readonly rule: Rule;
  readonly #bounds: Bounds;
  readonly #byType = new Map<KeyType, Keys>();
  #forgotten = 0;
  #forgottenSince = 0;
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

  constructor(rule: Rule, bounds: Bounds) {
    this.rule = rule;
    this.#bounds = bounds;
  }

  /** Keys that were lost; undefined as long as all verdicts are exact. */
  get forgotten(): Forgotten | undefined {
    if (this.#forgotten === 0) return undefined;
    return { keys: this.#forgotten, since: this.#forgottenSince };
  }

  /**
   * Adds an event to the timeline of its key, unless `since` says that the events of the key do not count yet. Returns
   * the timeline when the event is counted. `amount`: what it counts.
   */
  add(event: MailEvent, use: Use, amount: number, since: Since | undefined): Added | undefined {
    const type = getKeyType(this.rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (type === undefined || id === undefined) return undefined;
    if (since !== undefined && event.time <= since(type, id)) return undefined;
    const keys = this.#getKeys(type);
    if (use !== 'counted' && !keys.shape.hasWhole) return undefined;
    const value = use === 'counted' ? this.#getValue(event) : '';
    if (value === undefined) return undefined;
    if (use === 'open' && event.kind !== 'deferred' && keys.table.get(id) === undefined)
      return undefined;
    const timeline = this.#getTimeline(keys, id, event.time);
    const before = timeline.size;
    this.#follow(keys.shape, timeline, event, use);
    if (use !== 'open') {
      this.#fill(keys.shape, event, use === 'counted' ? amount : 0, value);
      timeline.add(this.#entry, event.amends === true);
    }
    const grown = timeline.size - before;
    if (grown !== 0) keys.table.resized(grown);
    return use === 'counted' ? { type, id, timeline } : undefined;
  }

  /** The limits that are met, in the order of the rule; notes how near the key came to the others. */
  measure({ type, id, timeline }: Added, time: number): readonly Met[] {
    const { shape } = this.#getKeys(type);
    let met: Met[] | undefined;
    for (let index = 0; index < timeline.windows.length; index++) {
      const window = timeline.windows[index] as Window;
      const limit = this.#limitFor(this.rule.limits[index] as Limit, type, id, timeline.newest);
      if (limit === undefined) {
        window.met = false;
        continue;
      }
      const measure = timeline.measure(index);
      const reached = this.#reduce(shape, timeline, window, limit, measure);
      if (reached >= limit.limit) {
        met ??= [];
        met.push({ type, id, timeline, limit, window, measure });
        continue;
      }
      window.met = false;
      if (reached <= window.highest) continue;
      window.highest = reached;
      window.highestTime = time;
    }
    return met ?? NONE;
  }

  /** Takes back refusals that were counted before the outage of their provider was detected. */
  takeBack(events: Iterable<MailEvent>, since: Since | undefined): void {
    for (const event of events) {
      const type = getKeyType(this.rule.per, event);
      const id = type === undefined ? undefined : getKeyId(type, event);
      const value = this.#getValue(event);
      if (type === undefined || id === undefined || value === undefined) continue;
      if (since !== undefined && event.time <= since(type, id)) continue;
      const { table, shape } = this.#getKeys(type);
      const timeline = table.get(id);
      if (timeline === undefined) continue;
      const before = timeline.size;
      this.#fill(shape, event, 1, value);
      timeline.takeBack(this.#entry);
      table.resized(timeline.size - before);
      for (const window of timeline.windows) {
        window.highest = 0;
        window.met = false;
      }
    }
  }

  /** Forgets the events of one sender at a gateway: somebody else answers for them now. */
  forgetSender({ type, timeline }: Added, sender: string): void {
    const { table } = this.#getKeys(type);
    const before = timeline.size;
    timeline.removeWhere((columns, at) => columns.senders?.[at] === sender);
    table.resized(timeline.size - before);
  }

  /** Whether these refusals alone meet the limit: all of one key, in their order. */
  isMetBy(events: Iterable<MailEvent>, limit: Limit): boolean {
    const shape = buildShape({ ...this.rule, limits: [limit] }, false);
    const timeline = new Timeline(shape);
    for (const event of events) {
      const value = this.#getValue(event);
      if (value === undefined) continue;
      this.#fill(shape, event, 1, value);
      this.#entry.whole = 1;
      timeline.add(this.#entry, event.amends === true);
      if (timeline.measure(0) >= limit.limit) return true;
    }
    return false;
  }

  /** Forgets the verdict on a key, since it no longer holds. */
  takeBackVerdict(type: KeyType, id: string): void {
    this.#getKeys(type).verdicts.delete(id);
  }

  /** The last verdict on a key, if it is remembered. */
  lastVerdict(type: KeyType, id: string): 'fresh' | 'stale' | undefined {
    return this.#getKeys(type).verdicts.get(id);
  }

  noteVerdict(type: KeyType, id: string, how: 'fresh' | 'stale'): void {
    const { verdicts, dropped } = this.#getKeys(type);
    for (const misses of dropped) misses.delete(id);
    verdicts.delete(id);
    verdicts.set(ownCopy(id), how);
    if (verdicts.size > VERDICTS_KEPT) dropOldest(verdicts, VERDICTS_KEPT / 16);
  }

  /** Forgets what was counted for a key, and that it had a verdict. */
  forget(type: KeyType, id: string): void {
    const keys = this.#byType.get(type);
    if (keys === undefined) return;
    keys.table.delete(id);
    for (const misses of keys.dropped) misses.delete(id);
    keys.verdicts.delete(id);
  }

  /** All keys of this type that something was counted for, or that had a verdict. */
  *ids(type: KeyType): Generator<string> {
    const keys = this.#byType.get(type);
    if (keys === undefined) return;
    for (const [id] of keys.table) yield id;
    yield* keys.verdicts.keys();
  }

  /** All remembered keys without a verdict, for each limit. */
  *near(): Generator<NearMiss & { type: KeyType; id: string; limit: number }> {
    for (const [type, { table, dropped, verdicts }] of this.#byType) {
      for (const [index, limit] of this.rule.limits.entries()) {
        for (const [id, near] of dropped[index] ?? []) {
          const applied = this.#limitFor(limit, type, id, near.time);
          if (applied !== undefined && !verdicts.has(id))
            yield { type, id, limit: applied.limit, ...near };
        }
        for (const [id, { windows }] of table) {
          const { highest, highestTime } = windows[index] as Window;
          if (highest === 0 || verdicts.has(id)) continue;
          const applied = this.#limitFor(limit, type, id, highestTime);
          if (applied !== undefined)
            yield { type, id, limit: applied.limit, highest, time: highestTime };
        }
      }
    }
  }

  /** The limit that applies in the window that ends at `time`, ms; undefined: the key is exempt. */
  #limitFor(limit: Limit, type: KeyType, id: string, time: number): AppliedLimit | undefined {
    const { adjustment } = this.rule;
    return adjustment === undefined ? limit : adjustment.limitFor(limit, type, id, time);
  }

  #getValue(event: MailEvent): string | undefined {
    const { distinct } = this.rule;
    return distinct === undefined ? '' : getDistinctValue(distinct, event);
  }

  /** What a measure is worth: below the least share it is reduced in proportion, and never reaches the limit. */
  #reduce(
    shape: Shape,
    timeline: Timeline,
    window: Window,
    { limit }: Limit,
    measure: number,
  ): number {
    if (shape.share === undefined || measure === 0) return measure;
    const share = measureShare(timeline, window, limit, shape);
    return share >= 1 ? measure : Math.floor(Math.min(measure, limit) * share);
  }

  /** Keeps the open recipients of the key up to date. */
  #follow(shape: Shape, timeline: Timeline, event: MailEvent, use: Use): void {
    if (shape.share === undefined) return;
    if (use === 'open' && event.kind === 'deferred') {
      timeline.open ??= new OpenRecipients();
      timeline.open.defer(event, getPlace(event));
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

  #getTimeline(keys: Keys, id: string, time: number): Timeline {
    return keys.table.get(id) ?? keys.table.create(id, new Timeline(keys.shape), time);
  }

  #fill(shape: Shape, event: MailEvent, counted: number, value: string): void {
    const entry = this.#entry;
    entry.time = event.time;
    entry.counted = counted;
    entry.whole = shape.measure === 'ratio' ? (event.newRecipients ?? 0) : 1;
    entry.value = shape.measure === 'distinct' ? value : '';
    entry.place = shape.share === undefined ? '' : getPlace(event);
    entry.sender = shape.hasSenders ? internId(event.sender?.toLowerCase() ?? '') : '';
    entry.host = shape.mostPerHost !== undefined && event.relay ? getHostGroup(event.relay) : '';
  }

  #getKeys(type: KeyType): Keys {
    return this.#byType.get(type) ?? this.#addKeys(type);
  }

  #addKeys(type: KeyType): Keys {
    const shape = buildShape(this.rule, GATEWAY_TYPES.has(type) && blamesSenders(this.rule));
    const dropped = shape.limits.map(() => new NearMisses());
    const table = new KeyTable(shape, this.#bounds, (id, timeline, isLost) => {
      for (const [index, { highest, highestTime }] of timeline.windows.entries()) {
        dropped[index]?.keep(id, highest, highestTime);
      }
      if (isLost) this.#noteLost(timeline);
    });
    const keys = { shape, table, dropped, verdicts: new Map() };
    this.#byType.set(type, keys);
    return keys;
  }

  #noteLost({ newest }: Timeline): void {
    this.#forgotten++;
    if (this.#forgotten === 1) this.#forgottenSince = newest;
  }
}

const NONE: readonly Met[] = Object.freeze([]);
