/**
 * The counts of one limit of one rule: the windows of its keys, how near each key came, and which keys had their
 * verdict. Decides nothing about blocks; the judge does.
 */
import { getDomain } from '../model/address.ts';
import type { KeyType } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { ownCopy } from '../model/line.ts';
import { BoundedWindow } from './bounded-window.ts';
import { GatedWindow } from './gated-window.ts';
import { getDistinctValue, getKeyId, getKeyType } from './key.ts';
import { dropOldest } from './key-memory.ts';
import { type NearMiss, NearMisses } from './near-misses.ts';
import { getHostGroup } from './outage/provider.ts';
import type { Limit, Rule } from './rule.ts';
import { type Bounds, type KeyState, KeyTable } from './table.ts';
import { DistinctWindow, type Entry, ShareWindow, SumWindow, type Window } from './window.ts';

/** A key whose limit has just been met. */
export interface Met {
  readonly type: KeyType;
  readonly id: string;
  readonly state: KeyState;
  readonly measure: number;
}

/** Returns the time (ms) up to which the events of a key do not count. */
export type Since = (type: KeyType, id: string) => number;

const VERDICTS_KEPT = 10_000;

/** What is known of the keys of one type. */
interface Keys {
  readonly table: KeyTable;
  /** the highest measures of keys that were dropped from the table */
  readonly dropped: NearMisses;
  /** keys that had a verdict, and whether it was stale; the oldest are forgotten */
  readonly verdicts: Map<string, 'fresh' | 'stale'>;
}

export class Tally {
  readonly rule: Rule;
  readonly limit: number;
  readonly period: number;
  readonly #bounds: Bounds;
  readonly #newWindow: () => Window;
  readonly #byType = new Map<KeyType, Keys>();
  /** one object for all events: windows copy what they keep */
  readonly #entry: Entry = { time: 0, amount: 0, whole: 0, value: '', late: false };

  constructor(rule: Rule, { limit, period }: Limit, bounds: Bounds) {
    this.rule = rule;
    this.limit = limit;
    this.period = period;
    this.#newWindow = buildWindowMaker(rule, limit, period);
    this.#bounds = { ...bounds, entries: Math.max(bounds.entries, 4 * limit) };
  }

  /**
   * Counts an event, unless `since` says that the events of its key do not count yet. Returns the key when this event
   * meets the limit, whether or not the limit was met before.
   */
  add(event: MailEvent, amount: number, whole: number, since: Since | undefined): Met | undefined {
    const type = getKeyType(this.rule.per, event);
    const id = type === undefined ? undefined : getKeyId(type, event);
    if (type === undefined || id === undefined) return undefined;
    const value = amount === 0 ? '' : this.#getValue(event);
    if (value === undefined) return undefined;
    if (since !== undefined && event.time <= since(type, id)) return undefined;
    const { table } = this.#getKeys(type);
    let state = table.get(id);
    if (state === undefined) {
      // A delivery matters only for a key that was refused before.
      if (amount === 0 && this.rule.atLeastShare !== undefined) return undefined;
      state = table.create(id, this.#newWindow(), event.time);
    }
    const measure = this.#measure(table, state, event, amount, whole, value);
    if (amount === 0) return undefined;
    if (measure >= this.limit) return { type, id, state, measure };
    state.met = false;
    if (measure > state.highest) {
      state.highest = measure;
      state.highestTime = event.time;
    }
    return undefined;
  }

  #getValue(event: MailEvent): string | undefined {
    const { distinct } = this.rule;
    return distinct === undefined ? '' : getDistinctValue(distinct, event);
  }

  /**
   * Takes back refusals that were counted before the outage of their provider was detected. A window keeps no more than
   * its limit. So if a key was beyond it, refusals by other providers may be gone too, and a verdict comes later.
   */
  takeBack(events: Iterable<MailEvent>, since: Since | undefined): void {
    for (const event of events) {
      const type = getKeyType(this.rule.per, event);
      const id = type === undefined ? undefined : getKeyId(type, event);
      const value = this.#getValue(event);
      if (type === undefined || id === undefined || value === undefined) continue;
      if (since !== undefined && event.time <= since(type, id)) continue;
      const { table } = this.#getKeys(type);
      const state = table.get(id);
      if (state === undefined) continue;
      const before = state.window.size;
      this.#fill(event, 1, 0, value);
      state.window.takeBack(this.#entry);
      table.resized(state.window.size - before);
      state.highest = 0;
      state.met = false;
    }
  }

  /** Whether these refusals alone meet the limit: all of one key, in their order. */
  isMetBy(events: Iterable<MailEvent>): boolean {
    const window = this.#newWindow();
    for (const event of events) {
      const value = this.#getValue(event);
      if (value === undefined) continue;
      this.#fill(event, 1, 1, value);
      if (window.add(this.#entry) >= this.limit) return true;
    }
    return false;
  }

  /** Forgets the verdict on a key, since it no longer holds. */
  takeBackVerdict(type: KeyType, id: string): void {
    this.#getKeys(type).verdicts.delete(id);
  }

  #fill(event: MailEvent, amount: number, whole: number, value: string): void {
    const entry = this.#entry;
    entry.time = event.time;
    entry.amount = amount;
    entry.whole = whole;
    entry.value = value;
    entry.late = event.amends === true;
    const { bound } = this.rule;
    if (bound?.domain !== undefined) entry.domain = getDomain(value);
    if (bound?.host !== undefined) entry.host = event.relay ? getHostGroup(event.relay) : '';
  }

  #measure(
    table: KeyTable,
    state: KeyState,
    event: MailEvent,
    amount: number,
    whole: number,
    value: string,
  ): number {
    this.#fill(event, amount, whole, value);
    const before = state.window.size;
    const measure = state.window.add(this.#entry);
    const grown = state.window.size - before;
    if (grown !== 0) table.resized(grown);
    return measure;
  }

  /** The last verdict on a key, if it is remembered. */
  lastVerdict(type: KeyType, id: string): 'fresh' | 'stale' | undefined {
    return this.#getKeys(type).verdicts.get(id);
  }

  noteVerdict(type: KeyType, id: string, how: 'fresh' | 'stale'): void {
    const { verdicts, dropped } = this.#getKeys(type);
    dropped.delete(id);
    verdicts.delete(id);
    verdicts.set(ownCopy(id), how);
    if (verdicts.size > VERDICTS_KEPT) dropOldest(verdicts, VERDICTS_KEPT / 16);
  }

  /** Forgets what was counted for a key, and that it had a verdict. */
  forget(type: KeyType, id: string): void {
    const keys = this.#byType.get(type);
    keys?.table.delete(id);
    keys?.dropped.delete(id);
    keys?.verdicts.delete(id);
  }

  /** All remembered keys without a verdict. */
  *near(): Generator<NearMiss & { readonly type: KeyType; readonly id: string }> {
    for (const [type, { table, dropped, verdicts }] of this.#byType) {
      for (const [id, near] of dropped) {
        if (!verdicts.has(id)) yield { type, id, ...near };
      }
      for (const [id, state] of table) {
        if (state.highest === 0 || verdicts.has(id)) continue;
        yield { type, id, highest: state.highest, time: state.highestTime };
      }
    }
  }

  #getKeys(type: KeyType): Keys {
    let keys = this.#byType.get(type);
    if (keys === undefined) {
      const dropped = new NearMisses();
      const table = new KeyTable(this.period, this.#bounds, (id, state) => {
        dropped.keep(id, state.highest, state.highestTime);
      });
      keys = { table, dropped, verdicts: new Map() };
      this.#byType.set(type, keys);
    }
    return keys;
  }
}

function buildWindowMaker(rule: Rule, limit: number, period: number): () => Window {
  const { atLeastShare } = rule;
  const plain = buildPlainWindowMaker(rule, limit, period);
  if (atLeastShare === undefined) return plain;
  return () => new GatedWindow(plain(), limit, period, atLeastShare / 100);
}

function buildPlainWindowMaker(rule: Rule, limit: number, period: number): () => Window {
  const { ratio, distinct, atLeast, bound } = rule;
  if (bound !== undefined) return () => new BoundedWindow(limit, period, atLeast, bound);
  if (ratio) return () => new ShareWindow(period, atLeast);
  if (distinct !== undefined) return () => new DistinctWindow(limit, period, atLeast);
  return () => new SumWindow(limit, period);
}
