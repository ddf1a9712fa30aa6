/** Pruning deletes what is too old and nothing else; a step over many rows that stay is short. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY } from '../../src/base/time.ts';
import { keepPruned } from '../../src/daemon/prune.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { event, START } from './made-up.ts';

let store: Store;
let db: Db;
beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
});
afterEach(() => store.close());

function verdict(user: number, time: number): Verdict {
  return {
    rule: 'r',
    action: 'block',
    key: { type: 'user', id: `user${user}` },
    time,
    source: '/var/log/mail.log',
    line: 1,
    offset: 0,
    count: 3,
    limit: 3,
    period: 1000,
  };
}

/** Adds this many ended blocks, each with its verdict. */
function addBlocks(count: number): void {
  store.commit(() => {
    for (let user = 0; user < count; user++) {
      const id = store.verdicts.insert(verdict(user, START), 'blocked', 0);
      const key = { type: 'user' as const, id: `user${user}` };
      store.blocks.start({ key, cause: 'r', start: START, verdict: id });
    }
  });
}

function addVerdicts(count: number, time: number): void {
  store.commit(() => {
    for (let user = 0; user < count; user++) {
      store.verdicts.insert(verdict(user, time), 'observed', 0);
    }
  });
}

function addMessages(count: number, host: string, touched: number): void {
  const messages = Array.from({ length: count }, (_, index) => ({
    host,
    queueId: `Q${index}`,
    touched,
  }));
  store.commit(() => store.state.saveMessages(messages, []));
}

const count = (table: string) => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get();

/** Runs steps until one reports that there are no more; how many there were. */
function countSteps(step: () => boolean): number {
  for (let steps = 1; ; steps++) if (!step()) return steps;
}

test('verdicts go once they are old, those of blocks stay, a part at a time', () => {
  addVerdicts(3, START);
  addBlocks(4);
  addVerdicts(2, START + 10);
  for (const round of [1, 2]) {
    expect(countSteps(() => store.verdicts.prune(START + 10, 2))).toBe(round === 1 ? 6 : 4);
    expect(store.verdicts.between(0, START + 20).map(({ outcome }) => outcome)).toEqual([
      ...Array(4).fill('blocked'),
      ...Array(2).fill('observed'),
    ]);
  }
});

test('a step looks at its own verdicts only, and finds the block of each by an index', () => {
  addBlocks(1);
  const prepare = vi.spyOn(db, 'prepare');
  store.verdicts.prune(START + 10, 2000);
  const [sql = ''] = prepare.mock.calls.flat().filter((text) => text.startsWith('DELETE'));
  const plan = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(0, 0, 0);
  const searches = plan.map(({ detail }) => detail).filter((text) => /SEARCH|SCAN/.test(text));
  // The second one twice: blocks name verdicts as a foreign key.
  expect(new Set(searches)).toEqual(
    new Set([
      'SEARCH verdict USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)',
      'SEARCH block USING COVERING INDEX block_verdict (verdict=?)',
    ]),
  );
});

test('messages go once they are old, a part at a time', () => {
  addMessages(5, 'mx1', START);
  addMessages(5, 'mx2', START + 10);
  expect(countSteps(() => store.state.pruneMessages(START + 10, 3))).toBe(5);
  expect(count('message')).toBe(5);
  expect(store.state.loadMessage('mx2', 'Q4')).toBeDefined();
  expect(countSteps(() => store.state.pruneMessages(START + 11, 3))).toBe(3);
  expect(count('message')).toBe(0);
});

test('the loop takes all kinds to their end, then rests', async () => {
  const now = START + 40 * DAY;
  const users = Array.from({ length: 1200 }, (_, index) => ({
    type: 'user' as const,
    id: `u${index}`,
  }));
  store.commit(() => {
    store.events.insert(users.map((submitter) => event({ submitter })));
    store.events.insert([event({ time: now, submitter: { type: 'user', id: 'left' } })]);
  });
  addVerdicts(700, START);
  addBlocks(3);
  addMessages(700, 'mx1', START);
  addMessages(1, 'mx2', now);
  const end = new AbortController();
  const clock = { now: () => now };
  const options = { store, retention: 30 * DAY, clock, log: silentLog, signal: end.signal };
  const pruning = keepPruned(options);
  const left = () => ['page', 'submitter', 'verdict', 'message'].map(count);
  await vi.waitFor(() => expect(left()).toEqual([1, 1, 3, 1]), { timeout: 20_000 });
  end.abort();
  await pruning;
});

test('what is read while it deletes is for the next round, which notes what is pruned', async () => {
  const now = START + 40 * DAY;
  const end = new AbortController();
  const clock = { now: () => now };
  const options = { store, retention: 30 * DAY, clock, log: silentLog, signal: end.signal };
  const shrink = vi.spyOn(store, 'shrink');
  const pruning = keepPruned(options);
  const submitter = { type: 'user', id: 'alice' } as const;
  store.commit(() => {
    store.events.insert([event({ submitter }), event({ time: now, submitter })]);
  });
  addVerdicts(2, START);
  await vi.waitFor(() => expect(shrink).toHaveBeenCalled(), { timeout: 20_000 });
  expect(count('verdict')).toBe(2);
  expect(store.state.read('pruned')).toBeUndefined();
  end.abort();
  await pruning;
});
