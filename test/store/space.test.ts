/** The database file shrinks after a prune, or says what is free in it. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY } from '../../src/base/time.ts';
import { keepPruned } from '../../src/daemon/prune.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { event, START } from './made-up.ts';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

const path = () => folder.at('postern.db');

/** Some hundred characters that no compression makes shorter. */
function randomText(seed: number): string {
  return createHash('shake256', { outputLength: 400 }).update(String(seed)).digest('base64');
}

/** Ten thousand old events, and one of today. */
function fill(store: Store): void {
  const old = Array.from({ length: 10_000 }, (_, n) => event({ offset: n, reply: randomText(n) }));
  store.commit(() => {
    store.events.insert(old);
    store.events.insert([event({ time: START + 40 * DAY })]);
  });
}

/** Prunes until nothing is left to do. */
async function pruneAll(store: Store, left = 1): Promise<void> {
  const end = new AbortController();
  const clock = { now: () => START + 40 * DAY };
  const options = { store, retention: 30 * DAY, clock, log: silentLog, signal: end.signal };
  const done = keepPruned(options);
  await vi.waitFor(() => expect([...store.events.query({})]).toHaveLength(left), {
    timeout: 20_000,
  });
  await vi.waitFor(() => expect(store.shrink(0)).toBe(false), { timeout: 20_000 });
  end.abort();
  await done;
}

it('a new file shrinks in steps, and keeps a reserve', async () => {
  const { store, db } = openStore(path());
  fill(store);
  const before = store.space();
  expect(before).toMatchObject({ free: 0, shrinks: true });
  await pruneAll(store);
  const after = store.space();
  expect(after.bytes).toBeLessThan(before.bytes / 2);
  expect(after.free).toBeLessThanOrEqual(Math.max(256 * 4096, after.bytes / 5));
  db.pragma('wal_checkpoint(TRUNCATE)');
  expect(statSync(path()).size).toBe(after.bytes);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  store.close();
});

it('an older file keeps its size, and says what is free', async () => {
  const made = openStore(path());
  made.store.close();
  const old = new Database(path());
  old.pragma('journal_mode = DELETE');
  old.pragma('auto_vacuum = NONE');
  old.exec('VACUUM');
  old.close();
  const { store } = openStore(path());
  fill(store);
  const { bytes } = store.space();
  await pruneAll(store);
  expect(store.space()).toMatchObject({ bytes, shrinks: false });
  expect(store.space().free).toBeGreaterThan(bytes / 2);
  store.close();
});

it('a prune notes until when events are gone, and only if any are', async () => {
  const { store } = openStore(path());
  store.commit(() => store.events.insert([event({ time: START + 39 * DAY })]));
  const end = new AbortController();
  const clock = { now: () => START + 40 * DAY };
  const options = { store, retention: 30 * DAY, clock, log: silentLog, signal: end.signal };
  const done = keepPruned(options);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(store.state.read('pruned')).toBeUndefined();
  end.abort();
  await done;
  fill(store);
  await pruneAll(store, 2);
  expect(store.state.read('pruned')).toBe(START + 10 * DAY);
  store.close();
});
