/** From verdicts to mails: who is notified, what is not sent, and what is forgotten. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY, HOUR } from '../../src/base/time.ts';
import { Notices } from '../../src/daemon/notices.ts';
import type { Verdict } from '../../src/model/block.ts';
import type { Mail } from '../../src/notify/mail.ts';
import type { NoticeKind } from '../../src/store/outbox.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { Bench, bounceLines } from '../torture/bench.ts';

const NOW = Date.parse('2026-11-10T09:05:07Z');
const VERDICT: Verdict = {
  rule: 'invalid-recipients',
  action: 'observe',
  key: { type: 'user', id: 'alice@example.net' },
  time: NOW,
  source: '/var/log/mail.log',
  line: 1,
  offset: 0,
  count: 100,
  limit: 100,
  period: HOUR,
};

let store: Store;
let db: Db;
let sent: Mail[];
beforeEach(() => {
  ({ store, db } = openStore(':memory:'));
  sent = [];
});
afterEach(() => store.close());

async function tell(...to: string[]): Promise<void> {
  const notices = new Notices({
    store,
    notifier: { send: async (mail) => void sent.push(mail) },
    to,
    from: 'postern@mx1.example.net',
    digest: 0,
    cap: 10,
    rules: new Map(),
    clock: { now: () => NOW },
    log: silentLog,
  });
  await notices.run();
}

const verdict = () => store.commit(() => store.verdicts.insert(VERDICT, 'observed', 0));

it('each recipient gets a mail that does not name the other recipients', async () => {
  store.outbox.tell('verdict', { verdict: verdict() }, NOW);
  await tell('a@example.net', 'b@example.net');
  expect(sent.map(({ recipient }) => recipient)).toEqual(['a@example.net', 'b@example.net']);
  expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(2);
  expect(store.outbox.waiting()).toEqual([]);
});

describe('of verdicts that are forgotten', () => {
  const gone = (kind: NoticeKind) => store.outbox.tell(kind, { verdict: 4711 }, NOW);

  it('no notice is sent, then or later', async () => {
    for (let count = 0; count < 12; count++) gone('verdict');
    gone('capped');
    await tell('a@example.net');
    expect(sent).toEqual([]);
    expect(store.outbox.waiting()).toEqual([]);
  });

  it('the notice only contains what is known', async () => {
    for (const kind of ['verdict', 'capped'] as const) {
      gone(kind);
      store.outbox.tell(kind, { verdict: verdict() }, NOW);
    }
    await tell('a@example.net');
    expect(sent.map(({ subject }) => subject)).toEqual([
      '[postern] alice@example.net met a limit, nothing changed: invalid-recipients, 100 in 1h',
      '[postern] cap of 10 blocks an hour reached, 1 not blocked',
    ]);
  });
});

it.each([
  [false, ['capped', 'verdict']],
  [true, []],
])('what happens is kept for who is to be told: silent %s', async (silent, kinds) => {
  const bench = new Bench({ silent, policy: { blocksPerHour: 1 } });
  try {
    for (const user of ['alice@example.net', 'bob@example.net']) {
      for (let count = 0; count < 5; count++)
        await bench.feed(...bounceLines(user, new Date(bench.now).toISOString()));
    }
    expect(bench.store.blocks.allRunning()).toHaveLength(1);
    const waiting = bench.store.outbox.waiting();
    expect(waiting.map(({ kind }) => kind).toSorted()).toEqual(kinds);
  } finally {
    bench.remove();
  }
});

it('what was never sent is forgotten like what was', async () => {
  store.outbox.tell('verdict', { verdict: verdict() }, NOW);
  await tell('a@example.net');
  store.outbox.tell('verdict', { verdict: verdict() }, NOW);
  store.outbox.tell('verdict', { verdict: verdict() }, NOW + DAY);
  store.outbox.prune(NOW + HOUR);
  const rows = db.prepare('SELECT created FROM notice').all();
  expect(rows).toEqual([{ created: NOW + DAY }]);
});
