/** Runs of the enforcer over a real database: what it does if that cannot be written, and what it forgets. */
import { chmodSync, existsSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { SECOND } from '../../src/base/time.ts';
import { Enforcer, type EnforcerOptions } from '../../src/daemon/enforcer.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { reconcile } from '../../src/enforce/reconcile.ts';
import type { BlockableType } from '../../src/model/block.ts';
import type { Store } from '../../src/store/store.ts';
import { type Db, openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

let folder: Folder;
let store: Store;
let db: Db;
let now = 0;
beforeEach(() => {
  folder = scratchFolder();
  ({ store, db } = openStore(folder.at('x.db')));
  store.waitFor(1);
  now = Date.UTC(2096, 10, 10);
});
afterEach(() => {
  store.close();
  folder.remove();
});

function enforcer(more: Partial<EnforcerOptions> = {}): Enforcer {
  const reload = folder.write(
    'reload',
    `#!/bin/sh\necho x >>${folder.at('calls')}\ntest ! -e ${folder.at('broken')}\n`,
  );
  chmodSync(reload, 0o755);
  const targets = buildPostfixTargets({
    user: { file: folder.at('user'), type: 'texthash' },
    client: { file: folder.at('client'), type: 'cidr' },
    reload: [reload],
  });
  return new Enforcer({
    store,
    targets,
    configured: targets.map(({ name }) => name),
    reconcile: (request) => reconcile(targets, request),
    clock: { now: () => now },
    log: silentLog,
    ...more,
  });
}

function block(type: BlockableType, id: string, times: { end?: number } = {}): number {
  const started = store.blocks.start({ key: { type, id }, cause: 'manual', start: now, ...times });
  return started?.id ?? 0;
}

const reloads = () => folder.read('calls').length / 2;
const isPassing = (error: unknown) => store.isPassing(error);

/** While `work` runs, another process writes. */
async function locked(work: () => Promise<unknown>): Promise<void> {
  const other = new Database(folder.at('x.db'));
  try {
    other.exec('BEGIN IMMEDIATE');
    await work();
  } finally {
    other.close();
  }
}

describe('while the database is locked', () => {
  it('blocks are brought into force, and expired ones are not', async () => {
    const one = enforcer();
    const over = block('client', '192.0.2.1', { end: now + SECOND });
    await one.run();
    expect(folder.read('client')).toContain('192.0.2.1');
    now += 2 * SECOND;
    block('client', '192.0.2.2');
    await locked(() => expect(one.run()).rejects.toSatisfy(isPassing));
    expect(folder.read('client')).toContain('192.0.2.2');
    expect(folder.read('client')).not.toContain('192.0.2.1');
    expect(await one.run()).toMatchObject({ expired: [{ id: over }], released: [] });
    expect(store.blocks.get(over)).toMatchObject({ releasedBy: 'expiry' });
  });

  it('a reload that fails is not forgotten', async () => {
    const one = enforcer();
    await one.run();
    block('client', '192.0.2.2');
    folder.write('broken', '');
    await locked(() => expect(one.run()).rejects.toSatisfy(isPassing));
    expect(reloads()).toBe(2);
    rmSync(folder.at('broken'));
    await one.run();
    expect(reloads()).toBe(3);
    expect(store.state.target('postfix.client')).toMatchObject({ pending: false });
    await one.run();
    expect(reloads()).toBe(3);
  });

  it('a reload that is done is not repeated', async () => {
    const one = enforcer();
    await one.run();
    block('client', '192.0.2.2');
    for (let times = 0; times < 3; times++) {
      await locked(() => expect(one.run()).rejects.toSatisfy(isPassing));
    }
    expect(reloads()).toBe(2);
  });
});

it('reports a line deleted by hand, though the run failed after that', async () => {
  let isFull = true;
  const find = async ({ owner }: { owner: { id: string } }) => ({
    messages: owner.id === 'bob' ? [{ queueId: '9BE7E21449E', held: false }] : [],
    unread: 0,
  });
  const hold = async () => {
    db.pragma(`query_only = ${isFull}`);
    return { outcomes: [], refused: [] };
  };
  const one = enforcer({ queue: { find, hold } });
  const alice = block('user', 'alice');
  await one.run();
  folder.write('user', '');
  block('user', 'bob');
  await expect(one.run()).rejects.toSatisfy(isPassing);
  isFull = false;
  db.pragma('query_only = false');
  expect((await one.run()).released).toMatchObject([{ id: alice }]);
});

describe('a target that the configuration no longer has', () => {
  beforeEach(async () => {
    folder.write('broken', '');
    block('client', '192.0.2.1');
    await enforcer().run();
    expect(store.state.enforced().get('postfix.client')?.size).toBe(1);
    expect(store.state.target('postfix.client')).toMatchObject({ pending: true });
  });

  const without = (configured: readonly string[]) =>
    enforcer({ targets: [], configured, reconcile: (request) => reconcile([], request) });

  it('is forgotten', async () => {
    await without(['postfix.user']).run();
    expect(store.state.targets().map(({ name }) => name)).toEqual(['postfix.user']);
    expect(store.state.enforced()).toEqual(new Map());
  });

  it('is remembered while nothing may be touched: its file is as it was', async () => {
    await without(['postfix.user', 'postfix.client']).run();
    expect(store.state.targets()).toHaveLength(2);
    expect(store.state.enforced().get('postfix.client')?.size).toBe(1);
    expect(existsSync(folder.at('client'))).toBe(true);
  });
});
