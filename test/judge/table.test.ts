import { expect, test } from 'vitest';
import { KeyTable } from '../../src/judge/table.ts';
import { Timeline } from '../../src/judge/timeline.ts';
import { entry, shape } from './timeline.ts';

const PERIOD = 60_000;
const SHAPE = shape('sum', PERIOD);
const BOUNDS = { keys: 500, entries: 2000 };

function tableOf(bounds = BOUNDS) {
  const dropped: string[] = [];
  const lost: string[] = [];
  const table = new KeyTable(SHAPE, bounds, (id, _, isLost) => {
    dropped.push(id);
    if (isLost) lost.push(id);
  });
  return { dropped, lost, table };
}

function count(table: KeyTable, id: string, time: number): number {
  const timeline = table.get(id) ?? table.create(id, new Timeline(SHAPE), time);
  const before = timeline.size;
  timeline.add(entry(time), false);
  table.resized(timeline.size - before);
  return timeline.measure(0);
}

test('made-up keys never fill it, and a busy key stays', () => {
  const { table } = tableOf();
  let busy = 0;
  for (let i = 0; i < 100_000; i++) {
    count(table, `made-up-${i}`, i / 100);
    if (i % 100 === 0) busy = count(table, 'busy', i / 100);
    expect(table.keys).toBeLessThanOrEqual(BOUNDS.keys);
  }
  expect(busy).toBe(1000);
});

test('the least recently used go first', () => {
  const { table, dropped, lost } = tableOf();
  for (let i = 0; i < BOUNDS.keys; i++) count(table, `k${i}`, i);
  count(table, 'k0', 1000);
  count(table, 'new', 1001);
  expect(dropped[0]).toBe('k1');
  expect(lost).toEqual(dropped);
  expect(table.get('k0')).toBeDefined();
});

test('entries are bounded as well as keys', () => {
  const { table } = tableOf();
  for (let i = 0; i < 20_000; i++) count(table, `k${i % 50}`, i);
  expect(table.entries).toBeLessThanOrEqual(BOUNDS.entries);
  expect([...table].reduce((sum, [, { size }]) => sum + size, 0)).toBe(table.entries);
});

test('idle keys are dropped before anyone else', () => {
  const { table, dropped, lost } = tableOf({ keys: 10_000, entries: 100_000 });
  for (let i = 0; i < 1024; i++) count(table, `old${i}`, i);
  count(table, 'new', 1023 + 3 * PERIOD);
  expect(dropped).toHaveLength(1024);
  expect(lost).toEqual([]);
  expect(table.keys).toBe(1);
  expect(table.entries).toBe(1);
});

test('deleting a key deletes its entries, and does not count as dropping it', () => {
  const { table, dropped } = tableOf();
  for (let i = 0; i < 5; i++) count(table, 'a', i);
  table.delete('a');
  table.delete('never-there');
  expect([table.keys, table.entries, dropped.length]).toEqual([0, 0, 0]);
});
