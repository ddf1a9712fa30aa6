/** What the columns of a page say without the records is what the records say. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { MailEvent } from '../../src/model/event.ts';
import type { Page } from '../../src/store/page.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { batches, event, START } from './made-up.ts';
import { countPeriod } from './sums.ts';

const ALL = { since: 0, until: Number.MAX_SAFE_INTEGER };

function visitAll(store: Store, visit: (page: Page, at: number, event: MailEvent) => void): void {
  store.events.scan(ALL, (page, at) => visit(page, at, page.event(at, store.events.names)));
}

/** Takes the details away, as pages of an earlier version have none. */
function takeDetails(db: Db): void {
  const pages = db.prepare('SELECT first, count, columns FROM page').all() as {
    readonly first: number;
    readonly count: number;
    readonly columns: Buffer;
  }[];
  for (const { first, count, columns } of pages) {
    const old = [columns.subarray(0, 20 * count), columns.subarray(24 * count, 26 * count)];
    db.prepare('UPDATE page SET columns = ? WHERE first = ?').run(Buffer.concat(old), first);
  }
}

function sum(store: Store): unknown {
  const sums = countPeriod(store, ALL.since, START + 3_600_000, 1000);
  const { totals, events, volume, refusers, deferrals, attackers, figures } = sums;
  return [
    totals.totals(),
    events.submitters(1000),
    events.ownMailboxes(1000),
    events.backscatter(1000),
    volume.senders(1000),
    refusers.rows(),
    deferrals.rows(),
    attackers.rows(),
    figures.figures,
  ];
}

it('relay, size, sender and client are those of the event, also in a page of an earlier version', () => {
  const { store, db } = openStore(':memory:');
  fc.assert(
    fc.property(batches, (batch) => {
      db.exec('DELETE FROM page; DELETE FROM page_submitter');
      store.commit(() => store.events.insert(batch));
      const check = () =>
        visitAll(store, (page, at, { relay, size, sender, client }) => {
          expect(page.relay(at)).toBe(relay?.host ?? relay?.address);
          expect(page.size(at)).toBe(size);
          expect(page.isFromNull(at)).toBe(sender === '');
          expect(page.client(at)).toEqual(client && expect.anything());
        });
      check();
      const sums = sum(store);
      takeDetails(db);
      check();
      expect(sum(store)).toEqual(sums);
    }),
    { numRuns: 60 },
  );
  store.close();
});

it('a brief event is the event without its texts', () => {
  const { store } = openStore(':memory:');
  store.commit(() => {
    store.events.insert([
      event({ client: { address: '192.0.2.1', name: 'pc' }, newRecipients: 2, sender: 'a' }),
      event({ client: { address: '2001:db8::1' }, submitter: { type: 'user', id: 'Al' } }),
      event({ kind: 'auth-failed', reason: 'auth', direction: 'inbound', repeated: true }),
    ]);
  });
  visitAll(store, (page, at, whole) => {
    const { time, mta, kind, submitter, client, reason, direction, repeated, newRecipients } =
      whole;
    const known = { time, mta, kind, submitter, reason, direction, repeated, newRecipients };
    const address = client && { address: client.address };
    const expected = { source: '', line: 0, offset: 0, ...known, client: address };
    expect(page.brief(at, store.events.names)).toEqual(expected);
  });
  store.close();
});

it('addresses that share a mark are read from the records', () => {
  const { store } = openStore(':memory:');
  // Two spellings of one address.
  const addresses = ['2001:db8::1', '2001:DB8::1', '2001:db8::2'];
  store.commit(() => {
    store.events.insert(addresses.map((address) => event({ client: { address } })));
  });
  const found: unknown[] = [];
  visitAll(store, (page, at) => void found.push(page.client(at)));
  expect(found).toEqual(addresses);
  store.close();
});

it('knows the server of a page if there is one only', () => {
  const { store, db } = openStore(':memory:');
  const hostOf = (...hosts: readonly (string | undefined)[]) => {
    db.exec('DELETE FROM page; DELETE FROM page_submitter');
    store.commit(() => store.events.insert(hosts.map((host) => event({ host }))));
    const found: unknown[] = [];
    visitAll(store, (page) => void found.push(page.host));
    return found[0];
  };
  expect(hostOf('mx1', 'mx1')).toBe('mx1');
  expect(hostOf('mx1', 'mx2')).toBeUndefined();
  expect(hostOf('mx1', undefined)).toBeUndefined();
  expect(hostOf(undefined, 'mx1')).toBeUndefined();
  store.close();
});
