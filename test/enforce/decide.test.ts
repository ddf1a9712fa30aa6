import { describe, expect, it } from 'vitest';
import { HOUR } from '../../src/base/time.ts';
import { makeAllowList } from '../../src/enforce/allow-list.ts';
import { type BlockPolicy, decide, findUnblockableReason } from '../../src/enforce/decide.ts';
import type { Block, Key, Verdict, VerdictOutcome } from '../../src/model/block.ts';

const NOW = Date.UTC(2026, 10, 10, 9, 5, 7);
const alice: Key = { type: 'user', id: 'alice@example.net' };

function verdict(key: Key, more: Partial<Verdict> = {}): Verdict {
  const at = { source: 'mail.log', line: 7, offset: 100 };
  const counted = { count: 100, limit: 100, period: HOUR, time: NOW - 500 };
  return { ...at, rule: 'invalid-recipients', action: 'block', key, ...counted, ...more };
}

function user(number: number): Key {
  return { type: 'user', id: `user${number}@example.net` };
}

const running: Block = { id: 1, key: { type: 'user', id: 'bob' }, cause: 'manual', start: 0 };
const allow = makeAllowList({
  users: ['Boss@example.net', '@vip.example.org'],
  networks: ['198.51.100.0/24', '2001:db8:1::/48'],
  uids: [33, 'backup'],
  ownAddresses: ['203.0.113.25'],
});
const policy = { mode: 'enforce', allow, blocksPerHour: 10 } as const;
const state = { running: [running], recentStarts: [], now: NOW };

describe('one verdict', () => {
  it('distinguishes logins from local accounts only if the mail server does', () => {
    const names = { users: ['boss'], uids: ['backup'] };
    const [postfix, exim] = [makeAllowList(names), makeAllowList({ ...names, oneNamespace: true })];
    for (const id of ['root', '0', 'backup']) {
      expect(postfix.reason({ type: 'user', id })).toBeUndefined();
      expect(exim.reason({ type: 'user', id })).toBeDefined();
    }
    expect(postfix.reason({ type: 'uid', id: 'boss' })).toBeUndefined();
    expect(exim.reason({ type: 'uid', id: 'boss' })).toBeDefined();
  });

  it.each<[string, Verdict, VerdictOutcome]>([
    ['a user', verdict(alice), 'blocked'],
    ['a client', verdict({ type: 'client', id: '192.0.2.7' }), 'blocked'],
    ['an observing rule', verdict(alice, { action: 'observe' }), 'observed'],
    ['an old event', verdict(alice, { stale: true }), 'stale'],
    [
      'an old event of an observing rule',
      verdict(alice, { action: 'observe', stale: true }),
      'stale',
    ],
    ['a blocked user', verdict({ type: 'user', id: 'BOB' }), 'already-blocked'],
    ['another type of the same name', verdict({ type: 'uid', id: 'bob' }), 'blocked'],
    ['an allowed user', verdict({ type: 'user', id: 'boss@example.net' }), 'allowed'],
    [
      'an allowed user who is stale',
      verdict({ type: 'user', id: 'boss@example.net' }, { stale: true }),
      'stale',
    ],
    ['a network', verdict({ type: 'client-net', id: '192.0.2.0/24' }), 'unblockable'],
    ['a domain', verdict({ type: 'sender-domain', id: 'example.net' }), 'unblockable'],
    ['a host name', verdict({ type: 'client', id: 'unknown' }), 'unblockable'],
    ['the null sender', verdict({ type: 'sender', id: '' }), 'unblockable'],
    ['a name with a line end', verdict({ type: 'user', id: 'a\nb' }), 'unblockable'],
  ])('%s', (_, given, outcome) => {
    const [decision] = decide([given], state, policy);
    expect(decision?.outcome).toBe(outcome);
    expect(decision?.block !== undefined).toBe(outcome === 'blocked');
  });

  it('begins now and has the duration of the verdict', () => {
    const [decision] = decide([verdict(alice, { duration: HOUR })], state, policy);
    const block = { key: alice, cause: 'invalid-recipients', start: NOW, end: NOW + HOUR };
    expect(decision?.block).toEqual(block);
  });

  it('has no end without a duration', () => {
    expect(decide([verdict(alice)], state, policy)[0]?.block).not.toHaveProperty('end');
  });

  it('changes nothing in observe mode', () => {
    const [decision] = decide([verdict(alice)], state, { ...policy, mode: 'observe' });
    expect(decision).toMatchObject({ outcome: 'mode-observe' });
  });
});

describe('how wide an IPv6 client is blocked', () => {
  const relayNetworks = ['2001:db8:7::/64', '198.51.100.0/24', '192.0.2.10'];
  const relays = makeAllowList({
    relayNetworks,
    networks: ['2001:db8:6::6', '198.18.0.0/15'],
    ownAddresses: ['2001:db8:5::25'],
  });
  const decideClient = (id: string, more: Partial<BlockPolicy> = {}) =>
    decide([verdict({ type: 'client', id })], state, { ...policy, allow: relays, ...more })[0];

  it.each([
    ['its /64', '2001:db8:9::7', '2001:db8:9::/64'],
    ['alone, in a /64 that is all of a network that may relay', '2001:db8:7::7', '2001:db8:7::7'],
    ['alone, in a /64 with an allowed address', '2001:db8:6::7', '2001:db8:6::7'],
    ['alone, in the /64 of this machine', '2001:db8:5::7', '2001:db8:5::7'],
    ['of IPv4, alone', '203.0.113.7', '203.0.113.7'],
  ])('%s', (_, id, blocked) => {
    expect(decideClient(id)?.block?.key).toEqual({ type: 'client', id: blocked });
  });

  it('alone, where networks have no effect', () => {
    const block = decideClient('2001:db8:9::7', { noNetworks: 'no ACL uses the file' })?.block;
    expect(block?.key.id).toBe('2001:db8:9::7');
  });

  it('once, for all its addresses', () => {
    const ids = ['2001:db8:9::7', '2001:db8:9::8', '2001:db8:9:1::8'];
    const verdicts = ids.map((id) => verdict({ type: 'client', id }));
    const outcomes = decide(verdicts, state, { ...policy, allow: relays });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'blocked',
      'already-blocked',
      'blocked',
    ]);
  });

  it.each([
    ['198.51.100.0/24', 'it holds all of 198.51.100.0/24, which may relay'],
    ['198.51.128.0/17', undefined],
    ['198.51.64.0/18', 'it holds all of 198.51.100.0/24, which may relay'],
    ['198.51.100.128/25', undefined],
    ['192.0.2.0/28', 'it holds all of 192.0.2.10, which may relay'],
    ['198.18.3.0/24', '198.18.0.0/15 is listed in allow.networks'],
    ['2001:db8:6::/48', '2001:db8:6::6 is listed in allow.networks'],
    ['2001:db8:5::/48', 'it holds 2001:db8:5::25, an address of this machine'],
    ['127.0.0.0/16', 'loopback is never blocked'],
    ['127.5.0.0/16', 'loopback is never blocked'],
    ['::/64', 'loopback is never blocked'],
    ['203.0.113.0/24', undefined],
  ])('of %s it says %j', (id, reason) => {
    expect(relays.reason({ type: 'client', id })).toBe(reason);
  });

  it.each(['0.0.0.0/0', '10.0.0.0/8', '::/0', '2001::/16'])('%s is too wide for a file', (id) => {
    expect(findUnblockableReason({ type: 'client', id })).toMatch(/^it is wider than /);
  });
});

describe('several verdicts', () => {
  it('block a key once', () => {
    const twice = [verdict(alice), verdict(alice, { rule: 'recipients-per-hour' })];
    const outcomes = decide(twice, state, policy).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(['blocked', 'already-blocked']);
  });

  it('stop at the cap, which counts those of the last hour, ended or not', () => {
    const recentStarts = [NOW - HOUR, NOW - HOUR + 1, NOW - 1, NOW];
    const verdicts = [verdict({ type: 'user', id: 'bob' }), verdict(user(1)), verdict(user(2))];
    const outcomes = decide(verdicts, { ...state, recentStarts }, { ...policy, blocksPerHour: 4 });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      'already-blocked',
      'blocked',
      'capped',
    ]);
  });

  it('do not use up the cap without a block', () => {
    const boss = verdict({ type: 'user', id: 'boss@example.net' });
    const verdicts = [boss, verdict(alice, { stale: true }), verdict(user(1))];
    const outcomes = decide(verdicts, state, { ...policy, blocksPerHour: 1 });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['allowed', 'stale', 'blocked']);
  });
});

describe('never blocked', () => {
  it.each<Key>([
    { type: 'user', id: 'postmaster' },
    { type: 'user', id: 'Postmaster@example.com' },
    { type: 'sender', id: 'postmaster@example.com' },
    { type: 'sender', id: 'BOSS@example.net' },
    { type: 'user', id: 'anyone@VIP.example.org' },
    { type: 'client', id: '127.0.0.1' },
    { type: 'client', id: '127.8.9.1' },
    { type: 'client', id: '::1' },
    { type: 'client', id: '198.51.100.200' },
    { type: 'client', id: '2001:db8:1:2::3' },
    { type: 'client', id: '203.0.113.25' },
    { type: 'uid', id: '0' },
    { type: 'uid', id: 'root' },
    { type: 'uid', id: '33' },
    { type: 'uid', id: 'Backup' },
  ])('$type $id', (key) => {
    expect(allow.reason(key)).toBeTypeOf('string');
  });

  it.each<Key>([
    { type: 'user', id: 'boss@example.net.example.org' },
    { type: 'user', id: 'boss' },
    { type: 'user', id: 'anyone@sub.vip.example.org' },
    { type: 'user', id: '"@vip.example.org"@example.com' },
    { type: 'user', id: 'postmaster2@example.com' },
    { type: 'user', id: '0' },
    { type: 'client', id: '198.51.101.1' },
    { type: 'client', id: '2001:db8:2::3' },
    { type: 'uid', id: '1033' },
  ])('but $type $id may be', (key) => {
    expect(allow.reason(key)).toBeUndefined();
  });

  it('names a network that cannot be parsed', () => {
    expect(() => makeAllowList({ networks: ['192.0.2.0/24', 'office'] })).toThrow(/office/);
  });
});
