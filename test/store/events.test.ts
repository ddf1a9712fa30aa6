/** Events in the database: every query finds what was inserted, in batches or one by one. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MailEvent, Submitter } from '../../src/model/event.ts';
import type { EventQuery } from '../../src/store/events.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { batches, event, events, START, submitters } from './made-up.ts';

let store: Store;
let db: Db;

beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
});
afterEach(() => store.close());

function stored(query: EventQuery = {}): MailEvent[] {
  return Array.from(store.events.query(query), ({ event }) => event);
}

function empty(): void {
  db.exec(
    'DELETE FROM page; DELETE FROM page_submitter; DELETE FROM submitter; DELETE FROM source',
  );
  store.events.rolledBack();
}

const alice: Submitter = { type: 'user', id: 'alice@example.net' };
const upper: Submitter = { type: 'user', id: 'ALICE@example.net' };

describe('a batch', () => {
  test('comes out as it went in, at once or one by one', () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 70 }), (batch) => {
        empty();
        store.commit(() => store.events.insert(batch));
        expect(stored()).toEqual(batch);
        empty();
        for (const one of batch) store.events.insert([one]);
        expect(stored()).toEqual(batch);
      }),
      { numRuns: 60 },
    );
  });

  test('is stored as a whole or not at all', () => {
    const bad = event({ time: Number.NaN });
    const batch = [...Array.from({ length: 40 }, () => event()), bad, event()];
    expect(() => store.commit(() => store.events.insert(batch))).toThrow(/NOT NULL/);
    expect(stored()).toEqual([]);
    store.commit(() => store.events.insert([event({ submitter: alice })]));
    expect(stored()).toEqual([event({ submitter: alice })]);
  });

  test('that is rolled back leaves no number behind', () => {
    const work = (fail: boolean) => () => {
      store.events.insert([event({ source: 'a.log', submitter: alice })]);
      if (fail) throw new Error('no room');
    };
    expect(() => store.commit(work(true))).toThrow('no room');
    store.commit(() => store.events.insert([event({ source: 'b.log', submitter: upper })]));
    store.commit(work(false));
    expect(stored().map(({ source, submitter }) => [source, submitter?.id])).toEqual([
      ['b.log', upper.id],
      ['a.log', alice.id],
    ]);
  });
});

describe('an event that amends', () => {
  const first = event({ offset: 5, client: { address: '192.0.2.1', name: 'mx.example.org' } });
  const amending = { ...first, submitter: alice, direction: 'outbound', amends: true } as const;
  const others = [event({ offset: 4 }), event({ offset: 5, kind: 'bounced' })];
  const { amends: _, ...amended } = amending;

  test.each([
    ['of the same batch', [[...others, first, event({ offset: 6 }), amending]]],
    ['of an earlier batch', [[...others, first], [event({ offset: 6 })], [amending]]],
  ])('replaces the one %s', (_what, list) => {
    for (const batch of list) store.commit(() => store.events.insert(batch));
    expect(stored()).toEqual([...others, amended, event({ offset: 6 })]);
    expect(stored({ submitter: alice })).toEqual([amended]);
  });
});

describe('a query', () => {
  const queries: fc.Arbitrary<EventQuery> = fc.record(
    {
      since: fc.integer({ min: START - 10, max: START + 3_700_000 }),
      until: fc.integer({ min: START - 10, max: START + 3_700_000 }),
      submitter: submitters,
      clientAddress: fc.constantFrom('192.0.2.1', '198.51.100.9'),
      recipient: fc.constantFrom('A', 'nobody'),
      kinds: fc.constant(['accepted', 'bounced'] as const),
      reasons: fc.constant(['invalid-recipient', 'invalid-domain', 'other'] as const),
      limit: fc.integer({ min: 1, max: 10 }),
    },
    { requiredKeys: [] },
  );

  test('finds what a plain filter finds', () => {
    fc.assert(
      fc.property(batches, queries, (batch, query) => {
        empty();
        store.commit(() => store.events.insert(batch));
        expect(stored(query)).toEqual(filtered(batch, query));
      }),
      { numRuns: 200 },
    );
  });

  test.each([0, 366, 367, 368, 600, 733, 734, 1099, 1100])('after %i of three pages', (number) => {
    empty();
    const many = Array.from({ length: 1100 }, (_, offset) => event({ offset }));
    store.commit(() => store.events.insert(many));
    const [first = 0] = Array.from(store.events.query({}), ({ id }) => id);
    const found = Array.from(store.events.after(first - 1 + number), ({ event }) => event.offset);
    expect(found).toEqual(many.slice(number).map(({ offset }) => offset));
  });

  test('after a number, from a time', () => {
    fc.assert(
      fc.property(batches, fc.nat(70), fc.nat(3_600_000), (batch, number, later) => {
        empty();
        store.commit(() => store.events.insert(batch));
        const ids = Array.from(store.events.query({}), ({ id }) => id);
        const after = (ids[0] ?? 1) + number;
        const found = Array.from(store.events.after(after, START + later), ({ event }) => event);
        const wanted = batch.filter((one, index) => {
          return (ids[index] ?? 0) > after && one.time >= START + later;
        });
        expect(found).toEqual(wanted);
      }),
      { numRuns: 100 },
    );
  });
});

/** What `EventQuery` asks for, by a plain filter. */
function filtered(batch: readonly MailEvent[], query: EventQuery): MailEvent[] {
  const folded = (text: string | undefined) => text?.replace(/[A-Z]/g, (one) => one.toLowerCase());
  const { since = 0, until = Number.MAX_SAFE_INTEGER, submitter, limit = 1000 } = query;
  const found = batch.filter((one) => {
    if (one.time < since || one.time >= until) return false;
    if (submitter !== undefined && one.submitter?.type !== submitter.type) return false;
    if (submitter !== undefined && folded(one.submitter?.id) !== folded(submitter.id)) return false;
    if (query.clientAddress !== undefined && one.client?.address !== query.clientAddress)
      return false;
    if (query.recipient !== undefined && folded(one.recipient) !== folded(query.recipient))
      return false;
    if (query.kinds !== undefined && !query.kinds.includes(one.kind)) return false;
    return query.reasons === undefined || query.reasons.includes(one.reason ?? 'network');
  });
  const newest = found
    .map((one, index) => ({ one, index }))
    .sort((a, b) => b.one.time - a.one.time || b.index - a.index)
    .slice(0, limit);
  return newest.sort((a, b) => a.index - b.index).map(({ one }) => one);
}

describe('pruning', () => {
  test('forgets submitters without events, and knows them again', () => {
    store.commit(() =>
      store.events.insert([
        event({ submitter: alice }),
        event({ submitter: { type: 'user', id: 'bob' }, time: START + 10 }),
      ]),
    );
    expect(store.events.prune(START + 5, 1)).toBe(true);
    expect(store.events.prune(START + 5, 1)).toBe(false);
    expect(store.events.pruneSubmitters(100)).toBe(true);
    expect(store.events.pruneSubmitters(100)).toBe(false);
    expect(db.prepare('SELECT name FROM submitter').pluck().all()).toEqual(['bob']);
    store.commit(() => store.events.insert([event({ submitter: alice, time: START + 20 })]));
    expect(stored({ submitter: upper }).map(({ submitter }) => submitter)).toEqual([alice]);
  });

  test('looks at a few submitters at a time, and at all of them', () => {
    const users = Array.from({ length: 50 }, (_, index) => ({
      type: 'user' as const,
      id: `${index}`,
    }));
    store.commit(() => store.events.insert(users.map((submitter) => event({ submitter }))));
    db.exec('DELETE FROM page; DELETE FROM page_submitter');
    const left = [1, 2, 3, 4].map(() => [
      store.events.pruneSubmitters(20),
      db.prepare('SELECT count(*) FROM submitter').pluck().get(),
    ]);
    expect(left).toEqual([
      [true, 30],
      [true, 10],
      [true, 0],
      [false, 0],
    ]);
  });
});
