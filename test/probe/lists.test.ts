/** The lists of the package, and what is wrong with a list. */
import { describe, expect, it } from 'vitest';
import { findList, isDead, parseLists, shippedLists } from '../../src/probe/lists.ts';

describe('lists/dnsbl.yaml', () => {
  it('has each name and zone once', () => {
    for (const key of ['name', 'zone'] as const) {
      const values = shippedLists().map((one) => one[key]);
      expect(values).toEqual([...new Set(values)]);
    }
  });

  it.each([
    ['zen.spamhaus.org', '127.0.0.2', 'SBL'],
    ['zen.spamhaus.org', '127.0.0.3', 'CSS'],
    ['zen.spamhaus.org', '127.0.0.7', 'XBL'],
    ['zen.spamhaus.org', '127.0.0.11', 'PBL'],
    ['ips.backscatterer.org', '127.0.0.2', 'callouts'],
  ])('knows what %s means by %s', (zone, code, word) => {
    expect(findList(zone)).toMatchObject({ codes: { [code]: expect.stringContaining(word) } });
  });

  it.each(['sorbs', 'nixspam', 'njabl', 'ahbl', 'inps', 'lashback', 'spamcannibal'])(
    'knows that %s is dead',
    (name) =>
      expect(
        shippedLists()
          .filter(isDead)
          .map((one) => one.name),
      ).toContain(name),
  );

  it('says how to be removed from each list that works', () => {
    const live = shippedLists().filter((one) => !isDead(one));
    expect(live.map((one) => ('removal' in one ? one.removal.length : 0))).not.toContain(0);
  });
});

it.each([
  ['a: 1\n', 'l.yaml:1: expected a list of blocklists'],
  [
    '- { name: A, zone: a.example, kinds: [ip4], dead: 2020-01, about: x }\n',
    'l.yaml:1: [1].name: expected a name of a-z, 0-9 and -, found "A"',
  ],
  [
    '- { name: a, zone: a.example, kinds: [ip4], cost: mail, about: x, codes: { 10.0.0.2: x }, removal: x }\n',
    'l.yaml:1: [1].codes.10.0.0.2: expected addresses in 127/8, each with its meaning',
  ],
  [
    '- { name: a, zone: a.example, kinds: [ip4], cost: mail, about: x, codes: {}, removal: x, extra: 1 }\n',
    'l.yaml:1: [1].extra: expected a known key, found an unknown one',
  ],
])('refuses %j', (text, message) => {
  expect(() => parseLists(text, 'l.yaml')).toThrow(message);
});
