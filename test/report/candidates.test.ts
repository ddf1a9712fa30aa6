/** Who came near a limit is the same whether all stored events are judged, or those of the candidates only. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import { parseRule, type Rule } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { Store } from '../../src/store/store.ts';
import { event, START } from '../store/made-up.ts';
import { openStore } from '../support/database.ts';
import { findNear } from './near.ts';

const COUNTS = [
  { count: 'invalid', per: 'submitter' },
  { count: 'invalid', per: 'submitter', direction: 'outbound', distinct: 'recipient' },
  { count: 'invalid', per: 'user', 'at-least-share': '20%' },
  { count: 'invalid', per: 'submitter', 'ratio-of': 'recipients', 'at-least': 2 },
  { count: 'invalid', per: 'client', direction: 'inbound' },
  { count: 'invalid', per: 'host', distinct: 'recipient' },
  { count: 'recipients', per: 'submitter' },
  { count: 'recipients', per: 'sender' },
  { count: 'logins', per: 'user', distinct: 'client-net', 'at-least': 2 },
  { count: 'logins', per: 'user', distinct: 'client-wide-net' },
  { count: 'auth-failed', per: 'client' },
  { count: 'bounced', per: 'client-net' },
  { count: 'dsn-received', per: 'recipient' },
];

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

/** Few people, many refusals: in an hour, not quite in order. */
const events = fc.record({
  time: fc.integer({ min: START, max: START + HOUR }),
  kind: fc.constantFrom(
    'accepted',
    'delivered',
    'bounced',
    'deferred',
    'auth-failed',
    'dsn-received',
  ),
  reason: maybe(fc.constantFrom('invalid-recipient', 'invalid-domain', 'other')),
  direction: fc.constantFrom(undefined, 'inbound', 'outbound', 'local'),
  repeated: fc.constantFrom(undefined, undefined, true),
  submitter: maybe(
    fc.record({
      type: fc.constantFrom('user', 'user', 'client'),
      id: fc.constantFrom('alice', 'ALICE', 'Ålesund', 'ålesund', '192.0.2.1', '2001:DB8::1'),
    }),
  ),
  client: maybe(
    fc.record({
      address: fc.constantFrom('192.0.2.1', '192.0.3.2', '198.51.100.3', '2001:db8::1', 'unknown'),
    }),
  ),
  sender: maybe(fc.constantFrom('', 'a@example.net')),
  recipient: maybe(fc.constantFrom('a@example.org', 'b@example.org', 'c@example.org')),
  newRecipients: maybe(fc.constantFrom(0, 1, 5)),
}) as fc.Arbitrary<Partial<MailEvent>>;
const lists = fc.array(events, { minLength: 20, maxLength: 60 }).map((list) => {
  const late = list.map((parts, at) => ({
    ...parts,
    offset: at,
    came: (parts.time ?? 0) + (at % 5) * MINUTE,
  }));
  return late.sort((a, b) => a.came - b.came).map(({ came: _, ...parts }) => event(parts));
});

const rules = fc
  .array(
    fc.tuple(
      fc.constantFrom(...COUNTS),
      fc.integer({ min: 4, max: 12 }),
      fc.constantFrom(5, 20, 60),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((all) =>
    all.map(([parts, limit, minutes], index) => {
      const isShare = 'ratio-of' in parts;
      const isSum = parts.count === 'recipients';
      const steep = isShare ? `${8 * limit}%` : isSum ? 2 * limit : limit;
      const text = {
        name: `r${index}`,
        action: 'observe',
        ...parts,
        limit: steep,
        period: `${minutes}m`,
      };
      return parseRule(JSON.stringify(text), `r${index}.yaml`);
    }),
  );

/** Everybody, judged by one rule after the other. */
function judgeAll(store: Store, all: readonly Rule[], since: number, until: number): string[] {
  return all.flatMap((rule) => {
    const judge = new Judge([rule]);
    const from = since - (rule.limits[0]?.period ?? 0) + 1;
    for (const { event } of store.events.query({ since: from, until })) {
      judge.feed({ ...event, relay: undefined });
    }
    return judge
      .nearest()
      .filter(({ highest, limit }) => highest / limit >= 0.5)
      .map(({ rule, key, highest }) => `${rule} ${key.type} ${key.id} ${highest}`);
  });
}

it('as if everybody were judged', () => {
  const { store, db } = openStore(':memory:');
  let shown = 0;
  fc.assert(
    fc.property(lists, rules, fc.nat(40), (list, rules, minute) => {
      db.exec('DELETE FROM page; DELETE FROM page_submitter');
      store.commit(() => store.events.insert(list));
      const since = START + minute * MINUTE;
      const until = START + HOUR + SECOND;
      const near = findNear(store, rules, { since, until }).map(
        ({ rule, key, highest }) => `${rule} ${key.type} ${key.id} ${highest}`,
      );
      expect(near.sort()).toEqual(judgeAll(store, rules, since, until).sort());
      shown += near.length;
    }),
    { numRuns: 100 },
  );
  store.close();
  expect(shown).toBeGreaterThan(5);
});
