/** Listings as they are stored: what is a change, and what is not. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ListingResult } from '../../src/model/listing.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const NOW = Date.UTC(2026, 10, 10);

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

const result = (changes: Partial<ListingResult> = {}): ListingResult => ({
  address: '192.0.2.7',
  list: 'spamhaus-zen',
  state: 'listed',
  codes: ['127.0.0.3'],
  meaning: 'CSS',
  removal: 'Ask.',
  cost: 'mail',
  ...changes,
});
const clear = result({ state: 'clear', codes: [], meaning: 'not listed', removal: '' });
const record = (one: ListingResult, at: number) =>
  store.listings.record([one], NOW + at).map(({ state, codes }) => [state, ...codes]);

it('are a change when they begin, get another code, and end', () => {
  expect(record(clear, 0)).toEqual([]);
  expect(record(result(), 1)).toEqual([['listed', '127.0.0.3']]);
  expect(record(result(), 2)).toEqual([]);
  expect(record(result({ codes: ['127.0.0.2', '127.0.0.3'] }), 3)).toEqual([
    ['listed', '127.0.0.2', '127.0.0.3'],
  ]);
  expect(record(result({ codes: ['127.0.0.2'] }), 4)).toEqual([]);
  expect(record(clear, 5)).toEqual([['clear']]);
  expect(record(clear, 6)).toEqual([]);
  expect(record(result(), 7)).toEqual([['listed', '127.0.0.3']]);
  expect(store.listings.between(NOW, NOW + 10)).toMatchObject([
    { began: NOW + 1, ended: NOW + 5, codes: ['127.0.0.2'] },
    { began: NOW + 7, codes: ['127.0.0.3'] },
  ]);
  expect(store.listings.running()).toHaveLength(1);
});

it.each(['unknown', 'refused', 'dead'] as const)('do not end because a list is %s', (state) => {
  record(result(), 0);
  expect(record({ ...clear, state }, 1)).toEqual([]);
  expect(store.listings.running()).toHaveLength(1);
  expect(store.listings.lastAsked('192.0.2.7', 'spamhaus-zen')).toBe(NOW + 1);
});

it('are pruned when they have ended', () => {
  record(result(), 0);
  record(clear, 1);
  record(result(), 2);
  store.listings.prune(NOW + 2);
  expect(store.listings.between(NOW, NOW + 9)).toMatchObject([{ began: NOW + 2 }]);
  store.listings.prune(NOW + 3);
  expect(store.listings.running()).toHaveLength(1);
  expect(store.listings.lastAsked('192.0.2.7', 'spamhaus-zen')).toBeUndefined();
});
