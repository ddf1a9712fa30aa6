/** The spellings of a login that the store remembers: bounded, and kept as long as somebody is blocked. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeReconcile,
  encodeReconcile,
  parseRequest,
} from '../../src/daemon/enforce/protocol.ts';
import type { Block } from '../../src/model/block.ts';
import { MOST_SPELLINGS } from '../../src/store/logins.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const NOW = Date.UTC(2026, 10, 10);
const ALICE = 'alice@example.net';

let folder: Folder;
let store: Store;
beforeEach(() => {
  folder = scratchFolder();
  ({ store } = openStore(folder.at('x.db')));
});
afterEach(() => {
  store.close();
  folder.remove();
});

describe('spellings', () => {
  it('are new once, in whatever case', () => {
    expect(store.logins.add(ALICE, 'alice', NOW)).toBe(true);
    expect(store.logins.add(ALICE, 'ALICE', NOW + 1)).toBe(false);
    expect(store.logins.add(ALICE, 'Alice@Example.NET', NOW)).toBe(false);
    store.logins.forget();
    expect(store.logins.add(ALICE, 'alice', NOW + 2)).toBe(false);
    expect(store.logins.find(ALICE)).toEqual(['alice']);
  });

  it('are the newest hundred of a person', () => {
    for (let number = 0; number < MOST_SPELLINGS + 20; number++) {
      store.logins.add(ALICE, `alice+${number}`, NOW + number);
    }
    const found = store.logins.find(ALICE);
    expect(found).toHaveLength(MOST_SPELLINGS);
    expect(found).not.toContain('alice+19');
    expect(found).toContain('alice+20');
  });

  it('are none that no target could name', () => {
    expect(store.logins.add(ALICE, 'a'.repeat(321), NOW)).toBe(false);
    expect(store.logins.find(ALICE)).toEqual([]);
  });

  it('are kept while the person is blocked', () => {
    store.logins.add(ALICE, 'alice', NOW);
    store.logins.add('bob@example.net', 'bob', NOW);
    store.blocks.start({ key: { type: 'user', id: ALICE }, cause: 'manual', start: NOW });
    store.logins.prune(NOW + 1);
    expect([store.logins.find(ALICE), store.logins.find('bob@example.net')]).toEqual([
      ['alice'],
      [],
    ]);
  });

  it('are forgotten with the transaction that did not come about', () => {
    const fails = () =>
      store.commit(() => {
        store.logins.add(ALICE, 'alice', NOW);
        throw new Error('disk full');
      });
    expect(fails).toThrow('disk full');
    expect(store.logins.add(ALICE, 'alice', NOW)).toBe(true);
  });

  it('reach the process that writes the files', () => {
    const key = { type: 'user', id: ALICE } as const;
    const block: Block = { id: 1, key, cause: 'manual', start: NOW, spellings: ['alice'] };
    const request = { blocks: [block], written: new Map(), pending: new Set<string>(), now: NOW };
    const sent = parseRequest(JSON.stringify(encodeReconcile(request)));
    if (!('kind' in sent) || sent.kind !== 'reconcile') throw new Error('refused');
    expect(decodeReconcile(sent, NOW).blocks).toEqual([block]);
  });
});
