/** A person is forgotten, recipients become pseudonyms: nothing names them any more, and all counts stay. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildPseudonyms } from '../../src/daemon/pseudonyms.ts';
import { buildReplacer } from '../../src/model/address-search.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { event, START } from './made-up.ts';
import { countPeriod } from './sums.ts';

let store: Store;
let db: Db;
beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
});
afterEach(() => store.close());

const PERSON = { names: ['bob@example.org'], replacement: 'forgotten-1a2b3c4d5e6f@example.org' };

function erase(person = PERSON): number {
  let changed = 0;
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    const step = store.commit(() => store.erasure.eraseEvents(from, person));
    changed += step.changed;
    after = step.next;
  }
  store.commit(() => store.erasure.eraseRest(person));
  return changed;
}

const insert = (events: readonly MailEvent[]) => store.commit(() => store.events.insert(events));
const read = () => Array.from(store.events.query({}), ({ event }) => event);

/** Everything in the database, as text. */
function dump(): string {
  const tables = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all();
  const rows = (tables as string[]).filter((name) => name !== 'page');
  return JSON.stringify([read(), rows.map((name) => db.prepare(`SELECT * FROM ${name}`).all())]);
}

describe('an address in a text', () => {
  const replace = buildReplacer(['bob@example.org', 'bob'], 'X');
  it.each([
    ['bob@example.org', 'X'],
    ['550 5.1.1 <BOB@Example.org>: unknown', '550 5.1.1 <X>: unknown'],
    ['mail for bob@example.org.', 'mail for X.'],
    ['prvs=1234abcdef=bob@example.org', 'prvs=1234abcdef=X'],
    [
      'list-bounces+bob=example.org@lists.example.com',
      'list-bounces+bob=example.org@lists.example.com',
    ],
    ['<bob=example.org@lists.example.com>', '<X@lists.example.com>'],
    ['jim-bob@example.org', 'jim-bob@example.org'],
    ['bob@example.org.uk', 'bob@example.org.uk'],
    ['bob@example.organic', 'bob@example.organic'],
    ['bob', 'X'],
    ['thingumbob is no bob', 'thingumbob is no bob'],
  ])('%s becomes %s', (text, expected) => {
    expect(replace(text)).toBe(expected);
  });

  it('is replaced with characters that mean something to a pattern, and never read as one', () => {
    const address = fc
      .stringMatching(/^[a-z.*+?^${}()|[\]\\/$&-]{1,12}$/)
      .map((local) => `${local}@example.org`);
    fc.assert(
      fc.property(address, (one) => {
        expect(buildReplacer([one], "$&'$1")(`<${one}>`)).toBe("<$&'$1>");
      }),
    );
  });
});

/** What mail servers say of bob@example.org without naming him whole. */
const SHORT_REPLIES = [
  'unknown user: "bob"',
  "550 5.1.1 User unknown 'Bob'",
  '550 5.1.1 <bob>... User unknown',
  '550 5.1.1 no mailbox /home/bob/Maildir',
  '552 5.2.2 quota of bob@mail.example.org exceeded',
];

describe('forget', () => {
  it.each(SHORT_REPLIES)('leaves no mailbox in a reply: %s', (reply) => {
    insert([event({ recipient: 'bob@example.org', reply, cause: { about: 'failure', reply } })]);
    insert([event({ offset: 1, recipient: 'jim@example.org', reply })]);
    erase();
    expect(JSON.stringify(read()[0]).toLowerCase()).not.toMatch(/bob/);
    expect(read()[1]?.reply).toBe(reply);
  });

  it('leaves the person in no field, with all numbers as before', () => {
    const events = Array.from({ length: 1200 }, (_, offset): MailEvent => {
      const isBob = offset % 5 === 0;
      const recipient = isBob ? 'Bob@Example.org' : `r${offset}@example.org`;
      return event({
        offset,
        kind: offset % 3 === 0 ? 'bounced' : 'delivered',
        reason: offset % 3 === 0 ? 'invalid-recipient' : undefined,
        direction: 'outbound',
        submitter: { type: 'user', id: offset % 7 === 0 ? 'bob@example.org' : 'alice@example.net' },
        recipient,
        originalRecipient: offset % 50 === 0 ? 'bob@example.org' : undefined,
        relay: { host: 'mx.example.org' },
        reply: `550 5.1.1 <${recipient}> unknown`,
        cause: offset % 100 === 0 ? { about: 'failure', recipient: 'bob@example.org' } : undefined,
      });
    });
    for (let at = 0; at < events.length; at += 130) insert(events.slice(at, at + 130));
    store.commit(() => {
      store.verdicts.insert(
        {
          source: '',
          line: 1,
          offset: 0,
          rule: 'r',
          action: 'block',
          time: START,
          count: 5,
          limit: 5,
          period: 1,
          key: { type: 'user', id: 'bob@example.org' },
        },
        'blocked',
        1,
      );
      const block = store.blocks.start({
        key: { type: 'user', id: 'bob@example.org' },
        cause: 'r',
        start: START,
        note: 'told bob@example.org',
      });
      store.blocks.release(block?.id ?? 0, START + 1, 'operator', 1);
      store.blocks.start({
        key: { type: 'user', id: 'alice@example.net' },
        cause: 'r',
        start: START,
        verdict: 1,
      });
      store.logins.add('bob@example.org', 'BOB', START);
      store.outbox.tell('verdict', { about: 'bob@example.org' }, START);
    });
    const sum = () => {
      const sums = countPeriod(store, 0, Number.MAX_SAFE_INTEGER, 10);
      return [sums.totals.totals(), sums.events.submitters(10), sums.refusers.rows()];
    };
    const before = sum();
    const ids = Array.from(store.events.query({}), ({ id }) => id);
    expect(erase()).toBeGreaterThan(300);
    expect(dump().toLowerCase()).not.toMatch(/bob/);
    const forgotten = PERSON.replacement;
    const renamed = JSON.stringify(before).replace(/bob@example\.org/gi, forgotten);
    expect(JSON.stringify(sum())).toBe(renamed);
    expect(Array.from(store.events.query({}), ({ id }) => id)).toEqual(ids);
    expect(read().filter(({ recipient }) => recipient === forgotten)).toHaveLength(240);
    const own = { submitter: { type: 'user', id: forgotten } as const };
    expect([...store.events.query(own)]).toHaveLength(172);
    expect(store.blocks.allRunning()).toMatchObject([
      { key: { id: 'alice@example.net' }, verdict: 1 },
    ]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  });

  it('goes on after pages were put together between two steps, and misses none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 40 }), (sizes) => {
        const one = openStore(':memory:').store;
        let offset = 0;
        for (const size of sizes) {
          const batch = Array.from({ length: size }, () =>
            event({ offset: offset++, recipient: 'bob@example.org' }),
          );
          one.commit(() => one.events.insert(batch));
        }
        for (let after: number | undefined = 0; after !== undefined; ) {
          const from: number = after;
          after = one.commit(() => one.erasure.eraseEvents(from, PERSON)).next;
          for (let next: number | undefined = 0; next !== undefined; ) {
            const small: number = next;
            next = one.commit(() => one.events.pack(small));
          }
        }
        const left = [...one.events.query({ recipient: 'bob@example.org' })].length;
        const renamed = [...one.events.query({ recipient: PERSON.replacement })].length;
        one.close();
        expect([left, renamed]).toEqual([0, offset]);
      }),
      { numRuns: 20 },
    );
  });
});

describe('pseudonyms', () => {
  const rename = buildPseudonyms(Buffer.alloc(32, 7));

  it('are one for one address, keep the domain, and stay themselves', () => {
    const one = rename('Bob@Example.org');
    expect(one).toMatch(/^pseudonym-[0-9a-f]{24}@example\.org$/);
    expect(rename('bob@example.org')).toBe(one);
    expect(rename(one)).toBe(one);
    expect(rename('jim@example.org')).not.toBe(one);
    expect(buildPseudonyms(Buffer.alloc(32, 8))('bob@example.org')).not.toBe(one);
    expect(rename('no-domain')).toBe('no-domain');
  });

  it.each(SHORT_REPLIES)('leave no mailbox in a reply: %s', (reply) => {
    insert([event({ recipient: 'bob@example.org', reply, time: START })]);
    store.commit(() => store.erasure.rename(0, START + 1, rename));
    const [renamed] = read();
    const name = /^pseudonym-[^@]+/.exec(renamed?.recipient ?? '')?.[0];
    expect(renamed?.reply).toContain(name);
    expect(renamed?.reply?.toLowerCase()).not.toMatch(/bob/);
  });

  it('take the place of old recipients only, in steps, once', () => {
    const events = Array.from({ length: 1500 }, (_, offset) =>
      event({
        offset,
        time: START + offset,
        kind: 'bounced',
        sender: 'alice@example.net',
        recipient: `r${offset % 100}@example.org`,
        reply: `550 <r${offset % 100}@example.org> unknown`,
      }),
    );
    for (let at = 0; at < 1500; at += 100) insert(events.slice(at, at + 100));
    let after: number | undefined = 0;
    let upTo = 0;
    const run = () => {
      for (; after !== undefined; upTo = after ?? upTo) {
        const from: number = after;
        after = store.commit(() => store.erasure.rename(from, START + 900, rename));
      }
    };
    run();
    expect(upTo).toBe(900);
    const all = read();
    expect(
      all
        .slice(0, 900)
        .every(
          ({ recipient = '', reply = '' }) =>
            recipient.startsWith('pseudonym-') && reply.includes(recipient),
        ),
    ).toBe(true);
    expect(new Set(all.slice(0, 900).map(({ recipient }) => recipient)).size).toBe(100);
    expect(all.slice(900)).toEqual(events.slice(900));
    expect(all.every(({ sender }) => sender === 'alice@example.net')).toBe(true);
    after = upTo;
    run();
    expect(read()).toEqual(all);
  });
});
