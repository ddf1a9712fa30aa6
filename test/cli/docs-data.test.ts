/** docs/data.md: every column is there, and the queries run (with DuckDB, where it is installed). */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EVENT_COLUMNS } from '../../src/cli/event-columns.ts';
import { ParquetEvents } from '../../src/cli/parquet.ts';
import { event, START } from '../store/made-up.ts';
import { scratchFolder } from '../support/folder.ts';

const page = readFileSync(new URL('../../docs/data.md', import.meta.url), 'utf8');
const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map(([, sql]) => sql as string);

it('names every column, in order', () => {
  const table = /\| columns[\s\S]*?\n\n/.exec(page)?.[0] ?? '';
  const cells = table.split('\n').map((row) => row.split('|')[1] ?? '');
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(named.sort()).toEqual(EVENT_COLUMNS.map(({ name }) => name).sort());
});

it('asks three questions, of columns that there are', () => {
  expect(queries).toHaveLength(3);
  const known = new Set(EVENT_COLUMNS.map(({ name }) => name));
  for (const sql of queries) {
    const words = sql.replace(/'[^']*'/g, '').match(/\b[a-z_]+\b/g) ?? [];
    const own = [...sql.matchAll(/\bAS (\w+)/g)].map(([, name]) => name);
    const functions = ['count', 'max', 'coalesce', 'time_bucket'];
    expect(
      words.filter((word) => !known.has(word) && !own.includes(word) && !functions.includes(word)),
    ).toEqual([]);
  }
});

interface Duck {
  DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<Connection> }> };
}
interface Connection {
  runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): unknown[] }>;
}

/** It has 70 MB, so it is not among the packages of the tests: npm install --no-save --ignore-scripts @duckdb/node-api */
const DUCKDB = process.env.POSTERN_DUCKDB ?? '@duckdb/node-api';
const duckdb = await import(DUCKDB).then(
  (module) => (module.DuckDBInstance === undefined ? module.default : module) as Duck,
  () => undefined,
);

it.skipIf(duckdb === undefined)('gets the answers that are meant', async () => {
  const folder = scratchFolder();
  const chunks: Uint8Array[] = [];
  const file = new ParquetEvents((bytes) => void chunks.push(bytes));
  const alice = { type: 'user', id: 'alice@example.net' } as const;
  const relay = { host: 'mx1.mail.example.org' };
  for (let offset = 0; offset < 20_000; offset++) {
    const isBounced = offset % 4 === 0;
    file.add(
      event({
        offset,
        time: START + offset,
        kind: isBounced ? 'bounced' : 'delivered',
        reason: isBounced ? 'invalid-recipient' : undefined,
        direction: 'outbound',
        submitter: alice,
        client: { address: `192.0.2.${offset % 3}` },
        relay,
      }),
    );
  }
  const cause = { about: 'failure', way: 'forward', reason: 'spam-or-content', relay } as const;
  file.add(event({ kind: 'dsn-sent', direction: 'inbound', cause }));
  file.add(event({ kind: 'dsn-sent', direction: 'inbound', cause: { ...cause, home: true } }));
  file.finish();
  writeFileSync(folder.at('year.parquet'), Buffer.concat(chunks));
  const connection = await ((
    await duckdb?.DuckDBInstance.create(':memory:')
  )?.connect() as Promise<Connection>);
  const answers: unknown[][] = [];
  for (const sql of queries) {
    const read = await connection.runAndReadAll(
      sql.replace('year.parquet', folder.at('year.parquet')),
    );
    answers.push(read.getRowObjectsJson());
  }
  expect(answers).toMatchObject([
    [{ provider: 'example.org', reason: 'invalid-recipient', refusals: '5000', submitters: '1' }],
    [{ delivered: '15000', invalid: '5000', clients: '3' }],
    [{ cause: 'forward', reason: 'spam-or-content', host: 'mx1.mail.example.org', notices: '1' }],
  ]);
  folder.remove();
});
