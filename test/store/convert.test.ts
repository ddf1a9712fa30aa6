/** Events that an earlier version stored as rows are read as before, and become pages while the service works. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MailEvent } from '../../src/model/event.ts';
import type { EventQuery } from '../../src/store/events.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { batches, event, START } from './made-up.ts';
import { insertOldRows, OLD_VERSIONS, writeOldDatabase } from './old-layout.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

const path = () => folder.at('postern.db');
const read = (store: Store, query: EventQuery = {}) =>
  Array.from(store.events.query(query), ({ id, event }) => ({ id, event }));

/** Some hundred events of a few people. */
function made(count: number): MailEvent[] {
  return Array.from({ length: count }, (_, offset) =>
    event({
      offset,
      time: START + offset,
      kind: offset % 7 === 0 ? 'bounced' : 'delivered',
      submitter: { type: offset % 3 === 0 ? 'client' : 'user', id: `user${offset % 11}` },
      client: { address: offset % 2 === 0 ? `192.0.2.${offset % 200}` : '2001:db8::1' },
      recipient: `r${offset}@example.org`,
    }),
  );
}

function convertAll(store: Store): void {
  while (store.commit(() => store.events.convert()));
}

describe('a database of an earlier version', () => {
  it.each(OLD_VERSIONS)(
    'with the schema %i has the same events before, during and after',
    (version) => {
      const events = made(1500);
      writeOldDatabase(path(), version, events);
      const { store, db } = openStore(path());
      const queries: EventQuery[] = [
        {},
        { since: START + 300, until: START + 900, kinds: ['bounced'] },
        { submitter: { type: 'user', id: 'USER4' }, limit: 20 },
        { clientAddress: '192.0.2.8' },
        { limit: 7 },
      ];
      const wanted = queries.map((query) => read(store, query));
      expect(wanted[0]?.map(({ event }) => event)).toEqual(events);
      expect(store.events.hasOldRows).toBe(true);
      const added = event({ time: START + 5000 });
      store.commit(() => store.events.insert([added]));
      expect(store.events.newest()).toBe(1501);
      for (let more = true; more; ) {
        more = store.commit(() => store.events.convert());
        const found = queries.slice(0, 4).map((query) => read(store, query).slice(0, 1500));
        expect(found).toEqual(wanted.slice(0, 4));
      }
      expect(store.events.hasOldRows).toBe(false);
      expect(db.prepare('SELECT count(*) FROM event').pluck().get()).toBe(0);
      expect(read(store, { limit: 1 })[0]?.event).toEqual(added);
      expect(store.damage({ thorough: true })).toBeUndefined();
      store.close();
    },
  );

  it('has every part of its events afterwards', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        const { store, db } = openStore(':memory:');
        insertOldRows(db, batch);
        const before = read(store);
        expect(before.map(({ event }) => event)).toEqual(batch);
        convertAll(store);
        expect(read(store)).toEqual(before);
        store.close();
      }),
      { numRuns: 60 },
    );
  });

  it('with a gap in its numbers keeps them', () => {
    const { store, db } = openStore(':memory:');
    insertOldRows(db, made(900));
    db.exec('DELETE FROM event WHERE id % 100 = 50');
    const before = read(store);
    convertAll(store);
    expect(read(store)).toEqual(before);
    store.close();
  });

  it('takes corrections and prunes in both forms', () => {
    const { store, db } = openStore(':memory:');
    insertOldRows(db, made(1200));
    store.commit(() => store.events.convert());
    const late = { type: 'user', id: 'late' } as const;
    const amending = [100, 1100].map((at) => ({
      ...(made(1200)[at] as MailEvent),
      submitter: late,
      amends: true,
    }));
    store.commit(() => store.events.insert(amending));
    expect(read(store, { submitter: late }).map(({ id }) => id)).toEqual([101, 1101]);
    while (store.events.prune(START + 1000, 100));
    expect(read(store).map(({ id }) => id)).toEqual(
      Array.from({ length: 200 }, (_, at) => 1001 + at),
    );
    store.close();
  });
});

const CONVERT = `
  const { writeSync } = await import('node:fs');
  const { Store } = await import(process.argv[1]);
  const store = new Store(process.argv[2]);
  for (let more = true; more; ) {
    writeSync(1, '.');
    more = store.commit(() => store.events.convert());
  }
`;

it('is converted without a loss although the process is killed again and again', async () => {
  const events = made(8000);
  writeOldDatabase(path(), 5, events);
  const module = pathToFileURL(resolve('src/store/store.ts')).href;
  const argv = ['--input-type=module', '--eval', CONVERT, module, path()];
  const intact = (isDone: boolean) => {
    const { store } = openStore(path());
    expect(read(store).map(({ event }) => event)).toEqual(events);
    expect(store.damage({ thorough: true })).toBeUndefined();
    if (isDone) expect(store.events.hasOldRows).toBe(false);
    store.close();
  };
  for (const steps of [1, 2, 3, Number.POSITIVE_INFINITY]) {
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let seen = 0;
    child.stdout.on('data', (dots: Buffer) => {
      seen += dots.length;
      // At any moment of the step that begins now.
      if (seen >= steps) setTimeout(() => child.kill('SIGKILL'), Math.random() * 5);
    });
    const [, signal] = await ended;
    intact(signal === null);
  }
});

describe('small pages', () => {
  it('are put together, and have the same events under the same numbers', () => {
    const { store, db } = openStore(':memory:');
    const events = made(3000);
    for (let at = 0; at < events.length; at += 3) {
      store.commit(() => store.events.insert(events.slice(at, at + 3)));
    }
    const count = () => db.prepare('SELECT count(*) FROM page').pluck().get() as number;
    expect(count()).toBe(1000);
    const before = read(store);
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after;
      after = store.commit(() => store.events.pack(from));
    }
    for (let after: number | undefined = 0; after !== undefined; ) {
      const from: number = after;
      after = store.commit(() => store.events.pack(from));
    }
    expect(count()).toBeLessThan(20);
    expect(read(store)).toEqual(before);
    expect(read(store, { submitter: { type: 'user', id: 'user4' }, limit: 5 })).toHaveLength(5);
    store.close();
  });
});

it('a page with other bytes is damage of the database', () => {
  const { store, db } = openStore(':memory:');
  store.commit(() => store.events.insert(made(300)));
  const whole = db.prepare('SELECT columns, records FROM page').get() as Record<string, Buffer>;
  const flipped = Buffer.from(whole.records as Buffer);
  flipped[flipped.length >> 1] = ~(flipped[flipped.length >> 1] as number);
  const put = db.prepare('UPDATE page SET columns = ?, records = ?');
  for (const [columns, records] of [
    [whole.columns, flipped],
    [whole.columns, whole.records?.subarray(0, 50)],
    [whole.columns?.subarray(0, 50), whole.records],
  ]) {
    put.run(columns, records);
    let error: unknown;
    try {
      read(store);
    } catch (thrown) {
      error = thrown;
    }
    expect(store.isCorrupt(error)).toBe(true);
  }
  put.run(whole.columns, whole.records);
  expect(read(store)).toHaveLength(300);
  store.close();
});
