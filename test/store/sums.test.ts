/** The sums of a report agree with sums over the events themselves. */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isInvalid, type MailEvent } from '../../src/model/event.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { batches, START } from './made-up.ts';
import { countPeriod } from './sums.ts';

const MOST = 1000;
const lower = (text: string) => text.replace(/[A-Z]/g, (one) => one.toLowerCase());

let store: Store;
let db: Db;

beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
});
afterEach(() => store.close());

/** Groups by the key that `keyOf` gives; events without a key are left out. */
function grouped(
  events: readonly MailEvent[],
  keyOf: (event: MailEvent) => string | undefined,
): Map<string, MailEvent[]> {
  const groups = new Map<string, MailEvent[]>();
  for (const event of events) {
    const key = keyOf(event);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return groups;
}

function countsOf(events: readonly MailEvent[], keyOf: (event: MailEvent) => string | undefined) {
  return Object.fromEntries([...grouped(events, keyOf)].map(([key, { length }]) => [key, length]));
}

function submittersOf(events: readonly MailEvent[]) {
  const groups = grouped(events, ({ submitter }) =>
    submitter === undefined ? undefined : `${submitter.type} ${lower(submitter.id)}`,
  );
  return [...groups]
    .map(([name, own]) => ({
      name,
      invalid: own.filter(
        (one) => isInvalid(one) && one.repeated !== true && one.kind !== 'removed',
      ).length,
      recipients: own.reduce((sum, { newRecipients = 0 }) => sum + newRecipients, 0),
      clients: new Set(own.flatMap(({ client }) => client?.address ?? [])).size,
    }))
    .filter(({ invalid }) => invalid > 0);
}

function refusersOf(events: readonly MailEvent[]) {
  return countsOf(events, ({ kind, reason, relay, direction, repeated }) => {
    const host = relay?.host ?? relay?.address;
    if (!['bounced', 'deferred', 'expired'].includes(kind) || host === undefined) return undefined;
    if (direction === 'inbound' || repeated === true) return undefined;
    return `${host} ${reason ?? null}`;
  });
}

function attackersOf(events: readonly MailEvent[]) {
  const groups = grouped(events, ({ kind, client, direction }) =>
    direction === 'inbound' && ['rejected', 'auth-failed'].includes(kind)
      ? client?.address
      : undefined,
  );
  return [...groups].map(([address, own]) => ({
    address,
    invalid: own.filter(isInvalid).length,
    auth: own.filter(({ kind }) => kind === 'auth-failed').length,
    rejected: own.filter(({ kind }) => kind === 'rejected').length,
  }));
}

const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

test('sums over a period', () => {
  fc.assert(
    fc.property(batches, fc.nat(3_600_000), fc.nat(3_600_000), (batch, from, length) => {
      db.exec('DELETE FROM page; DELETE FROM page_submitter');
      store.commit(() => store.events.insert(batch));
      const since = START + from;
      const within = batch.filter(({ time }) => time >= since && time < since + length);
      const queries = countPeriod(store, since, since + length, MOST);
      const counted = within.filter(({ repeated }) => repeated !== true);

      const { kinds, reasons } = queries.totals.totals();
      expect(Object.fromEntries(kinds.map(({ kind, count }) => [kind, count]))).toEqual(
        countsOf(counted, ({ kind }) => kind),
      );
      expect(Object.fromEntries(reasons.map(({ reason, count }) => [reason, count]))).toEqual(
        countsOf(counted, ({ reason }) => reason),
      );
      const submitters = queries.events.submitters(MOST).map(({ type, id, ...sums }) => {
        return { name: `${type} ${id}`, ...sums };
      });
      expect(submitters.toSorted(byText)).toEqual(submittersOf(within).sort(byText));
      expect(
        Object.fromEntries(
          queries.refusers.rows().map(({ host, reason, count }) => [`${host} ${reason}`, count]),
        ),
      ).toEqual(refusersOf(within));
      const attackers = queries.attackers.rows().map(({ name: _, ...sums }) => sums);
      expect(attackers.toSorted(byText)).toEqual(attackersOf(counted).sort(byText));
    }),
    { numRuns: 150 },
  );
});

test('most first, no more than asked for', () => {
  const event = (id: string, reason: MailEvent['reason']): MailEvent => ({
    ...{ source: 'mail.log', line: 1, offset: 0, time: START, mta: 'postfix', kind: 'bounced' },
    submitter: { type: 'user', id },
    reason,
  });
  store.events.insert([
    event('bob', 'invalid-domain'),
    event('carol', 'invalid-recipient'),
    event('Bob', 'invalid-recipient'),
    event('alice', 'other'),
    event('alice', 'invalid-domain'),
  ]);
  const queries = countPeriod(store, START, START + 1, MOST);
  expect(queries.events.submitters(2).map(({ id, invalid }) => [id, invalid])).toEqual([
    ['bob', 2],
    ['alice', 1],
  ]);
  expect(queries.totals.totals().reasons).toEqual([
    { reason: 'invalid-domain', count: 2 },
    { reason: 'invalid-recipient', count: 2 },
    { reason: 'other', count: 1 },
  ]);
});
