import { describe, expect, test } from 'vitest';
import type { Bounds } from '../../src/judge/bounds.ts';
import { buildCode, MOST_CLASSES, type Reader } from '../../src/judge/classes.ts';
import { NO_FACTS } from '../../src/judge/entries.ts';
import { formatId, type Id } from '../../src/judge/facts.ts';
import { KeyTable } from '../../src/judge/table.ts';
import { shape } from './timeline.ts';

const PERIOD = 60_000;
const SHAPE = shape('sum', PERIOD);
const BOUNDS: Bounds = { keys: 500, few: 500, entries: 2000 };

/** A table with one rule of a limit of ten. */
class Counted {
  readonly dropped: string[] = [];
  readonly lost: string[] = [];
  readonly table: KeyTable;
  readonly #reader: Reader = {
    slot: 0,
    shape: SHAPE,
    codes: new Uint8Array(MOST_CLASSES),
    least: 10,
  };

  constructor(bounds = BOUNDS) {
    this.table = new KeyTable('client', bounds, {
      dropped: (id, _subject, _time, isLost) => {
        this.dropped.push(formatId(id));
        if (isLost) this.lost.push(formatId(id));
      },
      counted: () => undefined,
      isWorth: () => true,
    });
    this.table.join(this.#reader);
  }

  /** Counts an event with a timeline and returns how many are in its window. */
  count(id: Id, time: number): number {
    const { table } = this;
    const [node, number] = this.#class();
    const subject = table.get(id) ?? table.create(id, time);
    const timeline = subject.get(0) ?? subject.addTimeline(this.#reader);
    timeline.count(subject.add({ ...NO_FACTS, time }, number, node.needs, table.keep), time);
    subject.lastSeen = time;
    table.changed(subject);
    return timeline.measure(0);
  }

  /** Counts an event as one of a few, if it can be. */
  countFew(id: Id, time: number): boolean {
    const known = this.table.find(id);
    if (typeof known === 'object') return false;
    return this.table.addFew(id, known, ...this.#class(), { time, amount: 0 });
  }

  #class() {
    const { classes } = this.table;
    const node = classes.step(classes.root, this.#reader, buildCode(SHAPE, true));
    if (node === undefined) throw new Error('no room for a class');
    return [node, classes.numberOf(node) as number] as const;
  }
}

describe('keys with timelines', () => {
  test('made-up keys never fill it, and a busy key stays', () => {
    const counted = new Counted();
    let busy = 0;
    for (let i = 0; i < 10_000; i++) {
      counted.count(`made-up-${i}`, i / 100);
      if (i % 100 === 0) busy = counted.count('busy', i / 100);
      expect(counted.table.keys).toBeLessThanOrEqual(BOUNDS.keys);
    }
    expect(busy).toBe(100);
  });

  test('the least recently used go first', () => {
    const counted = new Counted();
    for (let i = 0; i < BOUNDS.keys; i++) counted.count(`k${i}`, i);
    counted.count('k0', 1000);
    counted.count('new', 1001);
    expect(counted.dropped[0]).toBe('k1');
    expect(counted.lost).toEqual(counted.dropped);
    expect(counted.table.get('k0')).toBeDefined();
  });

  test('entries are bounded as well as keys', () => {
    const counted = new Counted();
    for (let i = 0; i < 20_000; i++) counted.count(`k${i % 50}`, i);
    const { table } = counted;
    expect(table.entries).toBeLessThanOrEqual(BOUNDS.entries);
    const sum = table.roster().subjects.reduce((all, [, { entries }]) => all + entries.length, 0);
    expect(sum).toBe(table.entries);
  });

  test('idle keys are dropped before anyone else', () => {
    const counted = new Counted({ keys: 10_000, few: 0, entries: 100_000 });
    for (let i = 0; i < 1024; i++) counted.count(`old${i}`, i);
    counted.count('new', 1023 + 3 * PERIOD);
    expect(counted.dropped).toHaveLength(1024);
    expect(counted.lost).toEqual([]);
    expect(counted.table.keys).toBe(1);
    expect(counted.table.entries).toBe(1);
  });

  test('deleting a key deletes its entries, and does not count as dropping it', () => {
    const counted = new Counted();
    const { table, dropped } = counted;
    for (let i = 0; i < 5; i++) counted.count('a', i);
    counted.countFew('b', 5);
    for (const id of ['a', 'b', 'never-there']) table.delete(id);
    expect([table.keys, table.entries, table.weight, dropped.length]).toEqual([0, 0, 0, 0]);
  });
});

describe('keys with a few events', () => {
  test('are counted when they get more', () => {
    const counted = new Counted();
    for (let i = 0; i < 4; i++) expect(counted.countFew(7, i)).toBe(true);
    expect(counted.countFew(7, 4)).toBe(false);
    expect(counted.count(7, 5)).toBe(5);
    expect(counted.table.entries).toBe(5);
    expect(counted.countFew(7, 6)).toBe(false);
  });

  test('an event out of order needs a timeline', () => {
    const counted = new Counted();
    expect([10, 12, 11].map((time) => counted.countFew(7, time))).toEqual([true, true, false]);
  });

  test('made-up keys push out each other, and no key with a timeline', () => {
    const counted = new Counted();
    counted.count('known', 0);
    for (let i = 0; i < 20_000; i++) counted.countFew(i, i / 1000);
    expect(counted.table.keys).toBeLessThanOrEqual(BOUNDS.few + 1);
    expect(counted.lost).toContain('0.0.0.0');
    expect(counted.lost).not.toContain('known');
    expect(counted.count('known', 20)).toBe(2);
  });
});
