/** A database that cannot be read for a while: no part of the service ends. */
import { appendFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Log } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/time.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Lasting } from '../../src/daemon/lasting.ts';
import { Service } from '../../src/daemon/service.ts';
import { loadRules } from '../../src/judge/rule.ts';
import { BlockTable } from '../../src/store/blocks.ts';
import type { Store } from '../../src/store/store.ts';
import { exchange, requestText } from '../policy/client.ts';
import { openStore } from '../support/database.ts';
import { type Scratch, scratch } from './scratch.ts';

let at: Scratch;
let end = async () => {};

beforeEach(() => {
  at = scratch();
});
afterEach(async () => {
  await end();
  await at.remove();
});

/** The service over a database in which a writer locks out readers, as SQLite does without its write-ahead log. */
async function start(said: string[]): Promise<Store> {
  const { store, db } = openStore(at.path('postern.db'));
  db.pragma('journal_mode = DELETE');
  store.waitFor(1);
  const config = loadConfig(at.config);
  const say = (_: unknown, text: string) => void said.push(text);
  const log = { debug: say, info: say, warn: say, error: say } as unknown as Log;
  const ending = new AbortController();
  const { signal } = ending;
  const lasting = new Lasting(Date.now());
  const options = { config, clock: systemClock, log, version: '0', lasting, signal };
  const service = await Service.build(store, loadRules(config.rules), options);
  const done = service.run(ending);
  end = async () => {
    ending.abort();
    await done.finally(() => lasting.end()).finally(() => store.close());
  };
  return store;
}

it('continues when it can be read again, and knows what was changed meanwhile', async () => {
  appendFileSync(at.config, `policy: { listen: "unix:${at.path('policy')}" }\n`);
  const said: string[] = [];
  const store = await start(said);
  writeFileSync(at.log, '');
  await expect.poll(() => store.state.positions().size).toBe(1);
  const operator = new Database(at.path('postern.db'));
  operator.exec('BEGIN EXCLUSIVE');
  await expect.poll(() => said).toContain('the database cannot be read, will try again');
  const key = { type: 'user', id: 'alice@example.net' } as const;
  new BlockTable(operator).start({ key, cause: 'manual', start: Date.now(), end: undefined });
  operator.exec('COMMIT');
  operator.close();
  const ask = () =>
    exchange({ path: at.path('policy') }, requestText({ sasl_username: key.id })).catch(String);
  await expect.poll(ask, { timeout: 30_000 }).toContain('HOLD');
});
