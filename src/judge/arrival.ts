/**
 * One event on its way into the table of one type of key. First each rule says that it uses the event; from the rules
 * together follows its class. Then it is kept, once for all of them, and each rule counts it.
 */
import type { KeyType } from '../model/block.ts';
import type { ClassNode, Reader } from './classes.ts';
import type { Facts, Id } from './facts.ts';
import { formatId } from './facts.ts';
import type { Since } from './met.ts';
import type { Subject } from './subject.ts';
import type { KeyTable } from './table.ts';
import type { Timeline } from './timeline.ts';

export class Arrival {
  readonly #table: KeyTable;
  readonly #facts: Facts;
  /** number of the event (`Facts.number`) that the rest is about */
  #event = -1;
  #id: Id | undefined;
  #known: Subject | number | undefined;
  #node: ClassNode;
  /** the event comes after all others of the key, and all rules took it from what they share when it began */
  #isCalm = false;
  /** only timelines hold what a rule makes of the event */
  #needsSubject = false;
  #isKept = false;
  #isFew = false;
  #at = 0;

  constructor(table: KeyTable, facts: Facts) {
    this.#table = table;
    this.#facts = facts;
    this.#node = table.classes.root;
  }

  get type(): KeyType {
    return this.#table.type;
  }

  /** The key's ID. */
  get id(): Id {
    return this.#id as Id;
  }

  /** Begins with the event, if that was not done yet. False: it counts for no key of this type. */
  begin(since: Since | undefined): boolean {
    const facts = this.#facts;
    if (this.#event === facts.number) return this.#id !== undefined;
    this.#event = facts.number;
    this.#node = this.#table.classes.root;
    this.#needsSubject = false;
    this.#isKept = false;
    this.#isFew = false;
    this.#id = facts.id(this.type);
    if (this.#id === undefined) return false;
    if (since !== undefined && facts.time <= since(this.type, formatId(this.#id))) {
      this.#id = undefined;
      return false;
    }
    this.#known = this.#table.find(this.#id, facts.time);
    this.#isCalm = typeof this.#known === 'object' && this.#known.isCalm(facts.time);
    return true;
  }

  /** How the rule sees the key so far; undefined: it has used none of its events, or a few that tell it nothing. */
  find({ slot }: Reader): Timeline | undefined {
    return typeof this.#known === 'object' ? this.#known.get(slot) : undefined;
  }

  /** The rule uses the event, but does not count it: it only follows what is open. */
  follow(): void {
    this.#needsSubject = true;
  }

  /** The rule uses the event: `code` is what it adds. */
  use(reader: Reader, code: number): void {
    if (!this.#isCalm && !this.#isReady(reader)) return;
    const next = this.#table.classes.step(this.#node, reader, code);
    if (next === undefined) this.timelineOf(reader).keepOwn();
    else this.#node = next;
  }

  /** Whether the rule takes the event from those that are shared. */
  #isReady(reader: Reader): boolean {
    const { time, isLate } = this.#facts;
    const timeline = this.find(reader);
    if (timeline === undefined || timeline.isReady(time, isLate)) return true;
    return timeline.share(time, (at) => this.#leaveOut(reader, at));
  }

  /** All rules have said whether they use the event. Keeps it. */
  keep(): void {
    if (this.#isKept || this.#id === undefined) return;
    this.#isKept = true;
    const node = this.#node;
    const { classes } = this.#table;
    if (node === classes.root) return;
    const number = classes.numberOf(node);
    if (number === undefined) {
      for (const { reader } of node.uses()) this.timelineOf(reader).keepOwn();
      return;
    }
    if (typeof this.#known !== 'object' && this.#keepFew(this.#id, number)) return;
    this.#at = this.#subject().add(this.#facts, number, node.needs, this.#table.keep);
  }

  #keepFew(id: Id, number: number): boolean {
    const known = this.#known as number | undefined;
    if (this.#needsSubject || this.#facts.isLate) return false;
    this.#isFew = this.#table.addFew(id, known, this.#node, number, this.#facts);
    return this.#isFew;
  }

  /** Whether the event was kept as one of a few, which meet no limit. */
  get isFew(): boolean {
    return this.#isFew;
  }

  /** Index of the event among those that the rules share. */
  get at(): number {
    return this.#at;
  }

  /** Whether the rule may count the event later: it was kept, and nothing else of the key depends on it. */
  mayWait(reader: Reader): boolean {
    if (!reader.shape.defersWhole || !this.#isCalm) return false;
    const timeline = this.find(reader);
    if (timeline === undefined) return false;
    // Mostly, nothing has to be read of the timeline itself.
    return (this.#known as Subject).entries.others.length === 0 || timeline.isPlain;
  }

  /** How the rule sees the key. */
  timelineOf(reader: Reader): Timeline {
    const subject = this.#subject();
    return subject.get(reader.slot) ?? subject.addTimeline(reader);
  }

  /** The rule does not use the event after all. */
  leave(reader: Reader): void {
    if (this.#isFew || this.find(reader)?.isShared === false) return;
    if (!this.#leaveOut(reader, this.#at)) this.timelineOf(reader).keepOwn(this.#at);
  }

  /** The event has been counted. May be called once for each track. */
  end(): void {
    const known = this.#known;
    if (!this.#isKept || typeof known !== 'object') return;
    this.#isKept = false;
    if (this.#facts.time > known.lastSeen) known.lastSeen = this.#facts.time;
    this.#table.changed(known);
  }

  #subject(): Subject {
    const id = this.#id as Id;
    if (this.#known === undefined) this.#known = this.#table.create(id, this.#facts.time);
    if (typeof this.#known === 'number') this.#known = this.#table.open(id, this.#known);
    return this.#known;
  }

  /** Gives a shared event the class of its other rules. */
  #leaveOut(reader: Reader, at: number): boolean {
    const { entries } = this.#subject();
    const number = this.#table.classes.without(entries.classes[at] as number, reader);
    if (number === undefined) return false;
    entries.classes[at] = number;
    return true;
  }
}
