/** The watch over blocklists: asks once in an interval, stores and tells changes, believes no list that fails its test. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { HOUR } from '../../src/base/time.ts';
import { parseConfig } from '../../src/config/load.ts';
import { ListingWatch } from '../../src/daemon/listing-watch.ts';
import type { Store } from '../../src/store/store.ts';
import { openStore } from '../support/database.ts';
import { type DnsServer, fromTable, type Reply, startDns } from '../support/dns.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';

const PSBL = 'psbl.surriel.com';
const UCE3 = 'dnsbl-3.uceprotect.net';
const TESTS = { [`2.0.0.127.${PSBL}`]: ['127.0.0.2'], [`2.0.0.127.${UCE3}`]: ['127.0.0.2'] };

let folder: Folder;
let store: Store;
let dns: DnsServer;
let table: Record<string, Reply>;
let now: number;
let woken: number;
beforeEach(async () => {
  folder = scratchFolder();
  ({ store } = openStore(folder.at('x.db')));
  table = { ...TESTS };
  dns = await startDns((name) => fromTable(table)(name));
  now = Date.UTC(2026, 10, 10);
  woken = 0;
});
afterEach(async () => {
  await dns.close();
  store.close();
  folder.remove();
});

function watch(lists: string, more = '', addresses = '192.0.2.7'): ListingWatch {
  const text = `listings: { addresses: [ ${addresses} ], names: [], lists: [ ${lists} ], resolver: '${dns.address}'${more} }\n`;
  const { listings } = parseConfig(text, folder.at('postern.yaml'));
  if (listings === undefined) throw new Error('no listings');
  return new ListingWatch({
    store,
    config: listings,
    notifies: true,
    clock: { now: () => now },
    log: silentLog,
    signal: new AbortController().signal,
    onNotice: () => woken++,
  });
}

const notices = () =>
  store.outbox.waiting().map(({ kind, about }) => [kind, (about as { state: string }).state]);

it('tells when a listing begins and when it ends, once each', async () => {
  const one = watch('psbl');
  await one.askDue();
  expect(notices()).toEqual([]);
  table[`7.2.0.192.${PSBL}`] = ['127.0.0.2'];
  now += 6 * HOUR;
  await one.askDue();
  expect(notices()).toEqual([['listing', 'listed']]);
  now += 6 * HOUR;
  await one.askDue();
  expect(notices()).toHaveLength(1);
  delete table[`7.2.0.192.${PSBL}`];
  now += 6 * HOUR;
  await one.askDue();
  expect(notices()).toEqual([
    ['listing', 'listed'],
    ['listing', 'clear'],
  ]);
  expect(woken).toBe(2);
  expect(store.listings.between(0, now + 1)).toMatchObject([
    { address: '192.0.2.7', list: 'psbl', ended: now },
  ]);
});

it('asks a list about an address once in the interval, also after a restart', async () => {
  await watch('psbl').askDue();
  const asked = [`2.0.0.127.${PSBL}`, `1.0.0.127.${PSBL}`, `7.2.0.192.${PSBL}`].sort();
  expect([...dns.asked].sort()).toEqual(asked);
  now += 6 * HOUR - 1;
  await watch('psbl').askDue();
  expect(dns.asked).toHaveLength(3);
  now += 1;
  await watch('psbl').askDue();
  expect(dns.asked).toHaveLength(6);
});

it('keeps a listing while the list is not believed, and tells nothing of a list that lists the world', async () => {
  const one = watch('psbl');
  table[`7.2.0.192.${PSBL}`] = ['127.0.0.2'];
  await one.askDue();
  delete table[`2.0.0.127.${PSBL}`];
  delete table[`7.2.0.192.${PSBL}`];
  now += 6 * HOUR;
  await one.askDue();
  expect(notices()).toEqual([['listing', 'listed']]);
  expect(store.listings.running()).toHaveLength(1);
});

it('stores a listing of a whole network and writes to nobody', async () => {
  table[`7.2.0.192.${UCE3}`] = ['127.0.0.2'];
  await watch('uceprotect-3').askDue();
  expect(store.listings.running()).toMatchObject([{ list: 'uceprotect-3', cost: 'information' }]);
  expect(notices()).toEqual([]);
  expect(woken).toBe(0);
});

it('ends what is no longer watched without a word', async () => {
  table[`7.2.0.192.${PSBL}`] = ['127.0.0.2'];
  await watch('psbl').askDue();
  now += 18 * HOUR;
  await watch('uceprotect-3').askDue();
  expect(store.listings.running()).toHaveLength(1);
  now += 6 * HOUR;
  await watch('uceprotect-3').askDue();
  expect(store.listings.running()).toEqual([]);
  expect(notices()).toEqual([['listing', 'listed']]);
});

it('remembers why no list answers, until one does', async () => {
  const one = watch('psbl');
  table[`2.0.0.127.${PSBL}`] = 'servfail';
  await one.askDue();
  expect(store.state.read('listings unanswered')).toContain('SERVFAIL');
  table[`2.0.0.127.${PSBL}`] = ['127.0.0.2'];
  now += 6 * HOUR;
  await one.askDue();
  expect(store.state.read('listings unanswered')).toBeNull();
});

it('says that it has nothing to ask about', async () => {
  await watch('psbl', '', '').askDue();
  expect(store.state.read('listings unanswered')).toContain('name it: listings.addresses');
  expect(dns.asked).toEqual([]);
});

it('asks with the key in the file, and without it when the file is wrong', async () => {
  folder.write('key', 'abcdefgh12345678\n');
  const one = watch('spamhaus-zen', ', dqsKeyFile: key');
  await one.askDue();
  expect(dns.asked).toContain('2.0.0.127.abcdefgh12345678.zen.dq.spamhaus.net');
  folder.write('key', 'no key\n');
  now += 6 * HOUR;
  await one.askDue();
  expect(dns.asked).toContain('2.0.0.127.zen.spamhaus.org');
});
