/** What the service has read is committed: many small reads together, and nothing waits for lines that do not come. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { LogReader, READ_SIZE } from '../../src/daemon/log-reader.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { Follower } from '../../src/follow/follower.ts';
import type { FollowPosition } from '../../src/follow/position.ts';
import { Store } from '../../src/store/store.ts';
import { scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';

const folder = scratchFolder();
let path: string;
let store: Store;
let number = 0;

beforeEach(() => {
  path = folder.write(`${++number}/mail.log`, '');
  store = new Store(`${path}.db`);
});
afterEach(() => {
  store.close();
  folder.remove();
});

/** Refusals, each an event; some 200 bytes each. */
function buildLines(count: number): string {
  const line = (n: number) =>
    `2026-11-10T09:00:00+00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 550 5.1.1 <r${n}@example.org>: Recipient address rejected: User unknown in local recipient table; from=<s@example.com> to=<r${n}@example.org> proto=ESMTP helo=<x>\n`;
  return Array.from({ length: count }, (_, n) => line(n)).join('');
}

/** Reads until all is stored that `isDone` asks for; how many commits there were. */
async function read(isDone: (reader: LogReader) => boolean): Promise<number> {
  const ending = new AbortController();
  const pipeline = new Pipeline({
    ...{ store, judge: rebuildAtOnce(store, [], Date.now()), log: silentLog, clock: systemClock },
    policy: { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 1e9 },
    interpreter: { mta: 'postfix' },
  });
  const position = store.state.positions().get(path) as FollowPosition | undefined;
  const follower = new Follower({
    ...{ path, signal: ending.signal, maxBatchBytes: READ_SIZE, pollInterval: 10 },
    ...(position === undefined ? {} : { position }),
  });
  let commits = 0;
  const reader = new LogReader(pipeline, [follower], () => {
    commits++;
    return undefined;
  });
  const loops = Promise.all(reader.start());
  await vi.waitFor(() => expect(isDone(reader)).toBe(true), { timeout: 20_000, interval: 5 });
  ending.abort();
  await loops;
  return commits;
}

function listRecipients(): (string | undefined)[] {
  return Array.from(store.events.query({}), ({ event }) => event.recipient);
}

function expected(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `r${n}@example.org`);
}

describe('a reader of logs', () => {
  test('commits small reads of a long log together', async () => {
    const text = buildLines(15_000);
    folder.write(`${number}/mail.log`, text);
    const commits = await read((reader) => reader.isCaughtUp());
    expect(listRecipients()).toEqual(expected(15_000));
    expect(commits).toBeLessThan(text.length / READ_SIZE / 2);
  });

  test('commits what waits although the rest of the log is not a whole line', async () => {
    folder.write(`${number}/mail.log`, `${buildLines(2000)}${'x'.repeat(3 * READ_SIZE)}`);
    await read(() => store.events.newest() === 2000);
    expect(listRecipients()).toEqual(expected(2000));
  });

  test('reads each line once, whenever it is stopped', async () => {
    folder.write(`${number}/mail.log`, buildLines(15_000));
    for (const least of [1, 3000, 9000]) await read(() => store.events.newest() >= least);
    await read((reader) => reader.isCaughtUp());
    expect(listRecipients()).toEqual(expected(15_000));
  });
});
