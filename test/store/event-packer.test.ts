/** Events that are packed before their transaction are stored as if they had been inserted in it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MailEvent } from '../../src/model/event.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { event, events, submitters } from './made-up.ts';

let store: Store;
let db: Db;
let plain: Store;

beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
  ({ store: plain } = openStore(':memory:'));
});
afterEach(() => {
  store.close();
  plain.close();
});

function stored(from: Store): MailEvent[] {
  return Array.from(from.events.query({}), ({ event }) => event);
}

function pack(batches: readonly (readonly MailEvent[])[]) {
  const packer = store.events.newPacker();
  for (const batch of batches) packer.add(batch);
  return packer.take();
}

/** Batches of events, each at a place of its own; some correct one that came before, in any batch. */
const commits = fc
  .array(
    fc.tuple(
      fc.array(events, { maxLength: 300 }),
      fc.array(fc.tuple(fc.nat(), submitters), { maxLength: 3 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => {
    const before: MailEvent[] = [];
    return parts.map(([list, corrections]) => {
      const placed = list.map((one, at) => ({ ...one, offset: 1000 * before.length + at }));
      before.push(...placed);
      const amending = corrections
        .filter(() => before.length > 0)
        .map(([nth, submitter]): MailEvent => {
          const one = before[nth % before.length] as MailEvent;
          return { ...one, submitter, direction: 'outbound', amends: true };
        });
      return [...placed, ...amending];
    });
  });

describe('events that were packed', () => {
  test('are what was inserted, corrections included', () => {
    fc.assert(
      fc.property(commits, fc.nat(5), (batches, size) => {
        for (const one of [store, plain]) one.events.rolledBack();
        const packer = store.events.newPacker();
        for (let at = 0; at < batches.length; at += size + 1) {
          const together = batches.slice(at, at + size + 1);
          for (const batch of together) packer.add(batch);
          const packed = packer.take();
          store.commit(() => store.events.insertPacked(packed));
          for (const batch of together) plain.commit(() => plain.events.insert(batch));
        }
        expect(stored(store)).toEqual(stored(plain));
      }),
      { numRuns: 40 },
    );
  });

  test('are stored again with other numbers after a transaction that failed', () => {
    const source = 'a.log';
    store.events.insert([event({ source, submitter: { type: 'user', id: 'first' } })]);
    const list = ['alice', 'bob', 'first'].map((id) =>
      event({ source, submitter: { type: 'user', id } }),
    );
    const packed = pack([list.slice(0, 2), list.slice(2)]);
    expect(packed.pages).toHaveLength(1);
    const failing = () =>
      store.commit(() => {
        store.events.insertPacked(packed);
        throw new Error('no room');
      });
    expect(failing).toThrow('no room');
    store.events.insert([event({ source, submitter: { type: 'user', id: 'between' } })]);
    store.commit(() => store.events.insertPacked(packed));
    expect(stored(store).map(({ submitter }) => submitter?.id)).toEqual([
      'first',
      'between',
      ...list.map(({ submitter }) => submitter?.id),
    ]);
    const found = Array.from(store.events.query({ submitter: { type: 'user', id: 'BOB' } }));
    expect(found).toHaveLength(1);
    const count = db.prepare('SELECT count(*) FROM page_submitter').pluck().get();
    expect(count).toBe(5);
  });

  test('wait as events when their log has no number yet', () => {
    const list = [event({ source: 'new.log' }), event({ source: 'new.log', line: 2 })];
    const packed = pack([list]);
    expect(packed.pages).toEqual([]);
    expect(packed.rest).toEqual(list);
    store.commit(() => store.events.insertPacked(packed));
    expect(stored(store)).toEqual(list);
    expect(pack([list]).rest).toEqual([]);
  });
});
