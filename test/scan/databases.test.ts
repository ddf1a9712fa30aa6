/** The service leaves the same database whether its lines were scanned or went the plain way, row by row. */
import { afterEach, expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { Pipeline } from '../../src/daemon/pipeline.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { LineSplitter } from '../../src/follow/lines.ts';
import { loadRules } from '../../src/judge/rule.ts';
import { type Db, openStore } from '../support/database.ts';
import { scratchFolder } from '../support/folder.ts';
import { rebuildAtOnce } from '../support/rebuilt-judge.ts';
import { makeLogs, readSamples } from './logs.ts';

const folder = scratchFolder();
afterEach(() => folder.remove());

const NOW = Date.UTC(2026, 10, 20);
const SHIPPED = new URL('../../rules', import.meta.url).pathname;
/** Bytes of a batch: small, so that lines are cut and state is saved at many places. */
const BATCH = 50_000;

type Rows = Readonly<Record<string, readonly unknown[]>>;

/** All rows of all tables, in the order in which they were written, and the events that pages hold. */
function readTables(db: Db): Rows {
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    .pluck()
    .all() as string[];
  return Object.fromEntries(
    names.map((name) => [name, db.prepare(`SELECT * FROM "${name}"`).all()]),
  );
}

/** Takes the logs one after the other through the service's pipeline; returns what it stored. */
async function store(logs: readonly Buffer[], plain: boolean): Promise<Rows> {
  const { store, db } = openStore(folder.at(`${plain ? 'plain' : 'scanned'}.db`));
  try {
    const pipeline = new Pipeline({
      ...{ store, log: silentLog, clock: { now: () => NOW } },
      judge: rebuildAtOnce(store, loadRules(SHIPPED), NOW),
      policy: { mode: 'enforce', allow: makeAllowList({}), blocksPerHour: 1000 },
      interpreter: { zone: '+00:00', plain },
    });
    for (const [index, bytes] of logs.entries()) {
      const path = `mail.log.${index}`;
      const splitter = new LineSplitter(path);
      for (let at = 0; at < bytes.length; at += BATCH) {
        const lines = splitter.push(bytes.subarray(at, at + BATCH));
        const position = { path, inode: '1', offset: splitter.offset, line: splitter.line };
        pipeline.take({ path, lines, position: { ...position, before: [] } });
        await pipeline.commit();
      }
    }
    return { ...readTables(db), events: [...store.events.query({})] };
  } finally {
    store.close();
  }
}

test('the scanner leaves the same database', async () => {
  const samples = Buffer.concat(readSamples().map(({ bytes }) => bytes));
  const logs = [...makeLogs(1500).map(({ bytes }) => bytes), samples];
  const [scanned, plain] = [await store(logs, false), await store(logs, true)];
  expect(scanned.events?.length).toBeGreaterThan(2000);
  for (const [table, rows] of Object.entries(plain))
    expect([table, scanned[table]]).toEqual([table, rows]);
});
