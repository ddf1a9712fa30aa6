/**
 * What is known of the keys of one type. Bounded, whatever the log makes up: a key is dropped when its newest event is
 * older than all windows. Up to the bounds nothing else is ever dropped. Beyond them the least recently used key goes
 * first (by second chance: a key that was used since its last turn gets another one), and it counts. A verdict may then
 * come late or be missed. None is added: of a share, nothing is said while its window reaches back to what may be gone.
 */
import type { KeyType } from '../model/block.ts';
import { ownCopy } from '../model/line.ts';
import type { Adjustment } from './adjustment.ts';
import { type Bounds, WEIGHTS } from './bounds.ts';
import { Classes, type ClassNode, type Reader } from './classes.ts';
import { NEEDS } from './entries.ts';
import { formatId, type Id } from './facts.ts';
import { FewEvents } from './few-events.ts';
import { isWorthReplaying, replayFew } from './few-replay.ts';
import { OPEN_FOR } from './open-recipients.ts';
import { SKEW } from './own-events.ts';
import { type IsWanted, Roster } from './roster.ts';
import { Subject } from './subject.ts';
import type { TableEvents } from './table-events.ts';

export class KeyTable {
  readonly type: KeyType;
  readonly classes = new Classes();
  readonly #bounds: Bounds;
  readonly #events: TableEvents;
  /** a number is the place of the last of a few events */
  readonly #keys = new Map<Id, Subject | number>();
  readonly #few = new FewEvents();
  #fewKeys = 0;
  /** those of the rules, one for each source of overrides */
  readonly #adjustments: Adjustment[] = [];
  #entries = 0;
  #weight = 0;
  /** how long the rules need an event, ms */
  #keep = 0;
  /** the newest event of a key that was dropped, ms: of what happened until then, something may be missing */
  #lostUntil = Number.NEGATIVE_INFINITY;
  /** time of the event that was read last, ms */
  #now = 0;
  /** number of keys at which idle ones are looked for: at least twice what the last sweep left */
  #sweepAt = 1024;

  constructor(type: KeyType, bounds: Bounds, events: TableEvents) {
    this.type = type;
    this.#bounds = bounds;
    this.#events = events;
    bounds.budget?.join(this);
  }

  /** A rule will count by this type of key. */
  join({ shape, adjustment }: Reader): void {
    const isKnown = this.#adjustments.some(({ sources }) => sources[0] === adjustment?.sources[0]);
    if (adjustment !== undefined && !isKnown) this.#adjustments.push(adjustment);
    const keep = shape.share === undefined ? shape.keep : Math.max(shape.keep, OPEN_FOR);
    this.#keep = Math.max(this.#keep, keep);
  }

  get keys(): number {
    return this.#keys.size;
  }

  /** Events that are kept, and open recipients. */
  get entries(): number {
    return this.#entries;
  }

  /** Bytes, estimated. */
  get weight(): number {
    return this.#weight;
  }

  /** How long the rules need an event, ms. */
  get keep(): number {
    return this.#keep;
  }

  /**
   * What is known of a key; a number stands for a few events (`open`). Only timelines know what an event means that is
   * older than the ones before: then a key has them. `time`: that of an event of the key, ms.
   */
  find(id: Id, time = Number.POSITIVE_INFINITY): Subject | number | undefined {
    if (time < Number.POSITIVE_INFINITY) this.#now = time;
    const known = this.#keys.get(id);
    if (typeof known === 'object') known.used = true;
    if (typeof known === 'number' && time < this.#few.timeOf(known)) return this.open(id, known);
    return known;
  }

  /** The key with its timelines, also if it had only a few events. */
  get(id: Id): Subject | undefined {
    const known = this.find(id);
    return typeof known === 'number' ? this.open(id, known) : known;
  }

  /** Adds a key at event time `now` (ms), after making room for it. */
  create(id: Id, now: number): Subject {
    this.#makeRoom(now);
    const subject = new Subject(this.#lostUntil);
    subject.lastSeen = now;
    this.#set(id, subject);
    this.changed(subject); // may drop others, but this one was not used before them
    return subject;
  }

  /**
   * Keeps an event as one of a few. Returns false when the key needs its timelines: the event comes near a limit, holds
   * texts, or comes out of order, or the key has limits of its own. `known`: the key's place, if it has one.
   */
  addFew(
    id: Id,
    known: number | undefined,
    node: ClassNode,
    number: number,
    event: { readonly time: number; readonly amount: number },
  ): boolean {
    if ((node.needs & ~NEEDS.amount) !== 0 || this.#isOverridden(id)) return false;
    const { time } = event;
    const amount = node.countsRecipients ? event.amount : 1;
    if (known === undefined) {
      if (amount >= node.least) return false;
      this.#makeRoom(time);
      if (this.#fewKeys >= this.#bounds.few) this.#dropFew();
    } else if (!this.#few.hasRoom(known, { time, amount }, node.least)) return false;
    const place = this.#few.add({ time, number, amount: event.amount }, known);
    this.#keys.set(known === undefined && typeof id === 'string' ? ownCopy(id) : id, place);
    if (known === undefined) this.#fewKeys++;
    this.#entries++;
    this.#grow(WEIGHTS.few + (known === undefined ? WEIGHTS.fewKey : 0));
    return true;
  }

  #isOverridden(id: Id): boolean {
    return this.#adjustments.some((each) => each.isOverridden(this.type, formatId(id)));
  }

  /** Gives a key that has a few events its timelines. */
  open(id: Id, last: number): Subject {
    const subject = this.#replay(id, last);
    this.#forgetFew(last);
    this.#set(id, subject);
    this.changed(subject);
    return subject;
  }

  /** Call this when something of a key has been added or dropped. It may drop other keys. */
  changed(subject: Subject): void {
    if (subject.isDropped) return;
    const kept = subject.countKept();
    const weight = WEIGHTS.key + WEIGHTS.timeline * subject.count + WEIGHTS.entry * kept;
    const by = weight - subject.weight;
    this.#entries += kept - subject.kept;
    subject.weight = weight;
    subject.kept = kept;
    this.#grow(by);
    if (this.#entries > this.#bounds.entries && this.#keys.size > 1) this.#evict();
  }

  /** Forgets a key without telling anybody. */
  delete(id: Id): void {
    const known = this.#keys.get(id);
    if (known !== undefined) this.#remove(id, known);
  }

  /** Makes room for other tables. */
  shed(): void {
    if (this.#fewKeys > 0 && 2 * this.#fewKeys * WEIGHTS.fewKey > this.#weight) this.#dropFew();
    else this.#evict();
  }

  ids(): Iterable<Id> {
    return this.#keys.keys();
  }

  /** All keys as they are now. */
  roster(): Roster {
    return new Roster(this.#keys, this.#few);
  }

  /** Those keys of the roster with a few events that are wanted by a rule (`Roster.few`), seen as others. */
  *few(roster: Roster, reader: Reader, isWanted: IsWanted): IterableIterator<[Id, Subject]> {
    for (const [id, last] of roster.few(reader, isWanted)) {
      yield [id, this.#replay(id, last, reader)];
    }
  }

  /** A key with a few events, seen as others. `only`: by this rule alone. */
  #replay(id: Id, last: number, only?: Reader): Subject {
    const { classes, keep } = this;
    const key = { id, classes, keep, floor: this.#lostUntil };
    return replayFew(this.#few.list(last), key, this.#events, only);
  }

  #set(id: Id, subject: Subject): void {
    // At the end of the map: it is the newest.
    this.#keys.delete(id);
    this.#keys.set(typeof id === 'string' ? ownCopy(id) : id, subject);
  }

  #makeRoom(now: number): void {
    this.#now = now;
    if (this.#keys.size >= this.#sweepAt) this.#sweep(now);
    if (this.#keys.size - this.#fewKeys >= this.#bounds.keys) this.#evict();
  }

  /** Cost: at most two keys are looked at for each one that was added since the last sweep. */
  #sweep(now: number): void {
    // A late line may still belong to a key that has just become idle.
    const idle = now - this.#keep - SKEW;
    for (const [id, known] of this.#keys) {
      if (this.#lastSeen(known) <= idle) this.#drop(id, known, false);
    }
    this.#sweepAt = Math.max(1024, 2 * this.#keys.size);
  }

  /**
   * Drops a sixteenth of the keys, at least one. A Map leaves holes where its first keys were, and looking for the
   * first key walks over all of them; so keys are not dropped one by one.
   */
  #evict(): void {
    let left = Math.ceil((this.#keys.size - this.#fewKeys) / 16);
    for (const [id, known] of this.#keys) {
      if (left <= 0) return;
      if (typeof known === 'number') continue;
      if (known.used) {
        known.used = false;
        this.#keys.delete(id);
        this.#keys.set(id, known);
      } else {
        left--;
        this.#drop(id, known, true);
      }
    }
  }

  /** Drops a sixteenth of the keys with a few events, the oldest first. */
  #dropFew(): void {
    let left = Math.ceil(this.#fewKeys / 16);
    for (const [id, known] of this.#keys) {
      if (left <= 0) return;
      if (typeof known !== 'number') continue;
      left--;
      this.#drop(id, known, true);
    }
  }

  #lastSeen(known: Subject | number): number {
    return typeof known === 'number' ? this.#few.timeOf(known) : known.lastSeen;
  }

  #drop(id: Id, known: Subject | number, isLost: boolean): void {
    const lastSeen = this.#lastSeen(known);
    // One stray line from next year must not make the table doubt a whole year.
    this.#lostUntil = Math.max(this.#lostUntil, Math.min(lastSeen, this.#now));
    let subject: Subject | undefined;
    if (typeof known === 'object') subject = known;
    else if (this.#isWorth(known)) subject = this.#replay(id, known);
    this.#remove(id, known);
    this.#events.dropped(id, subject, lastSeen, isLost);
  }

  /** Whether a rule may want to know how near the key came to its limits. */
  #isWorth(last: number): boolean {
    const most = this.#few.count(last);
    const isWorth = (reader: Reader) => this.#events.isWorth(reader, most);
    return isWorthReplaying(this.#few.list(last), this.classes, isWorth);
  }

  #remove(id: Id, known: Subject | number): void {
    this.#keys.delete(id);
    if (typeof known === 'number') {
      this.#forgetFew(known);
      return;
    }
    known.isDropped = true;
    this.#entries -= known.kept;
    this.#grow(-known.weight);
  }

  #forgetFew(last: number): void {
    const count = this.#few.delete(last);
    this.#fewKeys--;
    this.#entries -= count;
    this.#grow(-WEIGHTS.fewKey - WEIGHTS.few * count);
  }

  #grow(by: number): void {
    this.#weight += by;
    this.#bounds.budget?.changed(by);
  }
}
