/** A lost database: its blocks are restored from the block files, with the identities that the rules will use again. */
import { readFileSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY } from '../../src/base/time.ts';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { takeOver } from '../../src/daemon/instance.ts';
import { buildMtaControl } from '../../src/daemon/mta-control.ts';
import { openOrRebuild } from '../../src/daemon/recovery.ts';
import { parseLoginNames } from '../../src/enforce/accounts.ts';
import type { Block } from '../../src/model/block.ts';
import { Store } from '../../src/store/store.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const clock = { now: () => Date.UTC(2026, 10, 10, 9) };
const open: (() => unknown)[] = [];
afterEach(() => {
  for (const close of open.splice(0).reverse()) close();
});

function scratch(): Folder {
  const folder = scratchFolder('postern-recovery-');
  open.push(() => folder.remove());
  return folder;
}

function opened(store: Store): Store {
  open.push(() => store.close());
  return store;
}

const enforce = (store: Store, config: Config) =>
  new Enforcer({ store, ...buildMtaControl(config), clock, log: silentLog }).run();

/** Blocks these keys, writes the files, loses the database; returns what the next start restores. */
async function afterLoss(config: Config, keys: readonly Block['key'][]): Promise<Store> {
  const before = new Store(config.database);
  for (const key of keys) before.blocks.start({ key, cause: 'manual', start: clock.now() });
  await enforce(before, config);
  before.close();
  for (const end of ['', '-wal', '-shm']) rmSync(config.database + end, { force: true });
  const isAlive = () => false;
  return opened(await openOrRebuild({ config, clock, log: silentLog, reach: DAY, isAlive }));
}

/** An account of this machine other than root. */
const [uid = '', login = ''] =
  [...parseLoginNames(readFileSync('/etc/passwd', 'utf8'))].find(
    ([number, name]) => number !== '0' && /^[a-z][a-z0-9-]*$/.test(name),
  ) ?? [];

describe.each(['list', 'texthash'])('local accounts in a Postfix %s', (type) => {
  const configIn = (folder: Folder) =>
    parseConfig(
      `mta: postfix\ndatabase: ${folder.at('postern.db')}\nlogs: [ ${folder.at('mail.log')} ]\nqueue: { hold: false }\ntargets: { postfix: { user: false, client: false, sender: false, uid: { file: ${folder.at('uids')}, type: ${type} }, reload: [] } }\n`,
      folder.at('postern.yaml'),
    );

  it('are the numbers again that the log tells: blocked once, and unblocked', async () => {
    const folder = scratch();
    const config = configIn(folder);
    const key = { type: 'uid', id: uid } as const;
    const store = await afterLoss(config, [key]);
    expect(folder.read('uids')).toContain(login);
    expect(store.blocks.allRunning()).toMatchObject([{ id: 1, key }]);
    expect(store.blocks.start({ key, cause: 'r', start: clock.now() })).toBeUndefined();
    store.blocks.release(1, clock.now(), 'operator', 0);
    await enforce(store, config);
    expect(folder.read('uids')).not.toContain(login);
  });

  it('keep their name when no account has it', async () => {
    const key = { type: 'uid', id: 'nobody-has-this-name' } as const;
    const store = await afterLoss(configIn(scratch()), [key]);
    expect(store.blocks.allRunning()).toMatchObject([{ id: 1, key }]);
  });
});

it("in Exim's file are names, as in its log, and not told from users", async () => {
  const folder = scratch();
  const config = parseConfig(
    `mta: exim\ndatabase: ${folder.at('postern.db')}\nlogs: [ ${folder.at('mainlog')} ]\nqueue: { hold: false }\ntargets: { exim: { blockedUsers: ${folder.at('users')}, blockedSenders: ${folder.at('senders')} } }\n`,
    folder.at('postern.yaml'),
  );
  const store = await afterLoss(config, [{ type: 'uid', id: login }]);
  expect(store.blocks.allRunning()).toMatchObject([{ id: 1, key: { type: 'user', id: login } }]);
});

describe('a database that is empty though nobody is blocked', () => {
  const positions = async (prepare: (store: Store) => void, isLost: boolean) => {
    const folder = scratch();
    const config = parseConfig(
      `mta: postfix\ndatabase: ${folder.at('postern.db')}\nlogs: [ ${folder.at('mail.log')} ]\nmode: observe\n`,
      folder.at('postern.yaml'),
    );
    const before = new Store(config.database);
    prepare(before);
    before.close();
    if (isLost) rmSync(config.database);
    const isAlive = () => false;
    const store = await openOrRebuild({ config, clock, log: silentLog, reach: DAY, isAlive });
    return opened(store).state.positions();
  };
  const serve = (store: Store) => takeOver(store, { clock, version: '0' });

  it('was lost when a service ran with it: the logs are read again', async () => {
    const found = await positions(serve, true);
    expect([...found.values()]).toMatchObject([{ offset: 0, modified: clock.now() - DAY }]);
  });

  it('is one that has only just begun', async () => {
    expect(await positions(serve, false)).toEqual(new Map());
    expect(await positions(() => undefined, true)).toEqual(new Map());
  });
});

it('brings back a person with all logins as one block', async () => {
  const folder = scratch();
  const config = parseConfig(
    `mta: exim\ndatabase: ${folder.at('postern.db')}\nlogs: [ ${folder.at('mail.log')} ]\nqueue: { hold: false }\nlogins: { defaultDomain: example.net, extension: + }\ntargets: { exim: { blockedUsers: ${folder.at('users')}, blockedSenders: ${folder.at('senders')} } }\n`,
    folder.at('postern.yaml'),
  );
  const before = new Store(config.database);
  before.logins.add('alice@example.net', 'alice+phone', clock.now());
  before.close();
  const store = await afterLoss(config, [{ type: 'user', id: 'alice@example.net' }]);
  expect(store.blocks.allRunning()).toMatchObject([
    { id: 1, key: { type: 'user', id: 'alice@example.net' } },
  ]);
  expect(store.logins.find('alice@example.net')).toEqual(['alice', 'alice+phone']);
  const file = folder.read('users');
  await enforce(store, config);
  expect(folder.read('users')).toBe(file);
});
