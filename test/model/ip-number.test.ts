import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import {
  canonicalIp,
  formatIpv4,
  getNetwork,
  getWideNetwork,
  isDotted,
  networkSet,
  readIpv4,
  readIpv6Network,
} from '../../src/model/address.ts';
import { isPlainIpv6 } from '../../src/model/ip-number.ts';

describe('IPv4 as an integer', () => {
  test.each([
    ['0.0.0.0', 0],
    ['192.0.2.7', 0xc0000207 | 0],
    ['255.255.255.255', -1],
  ])('%s', (text, number) => {
    expect(readIpv4(text)).toBe(number);
    expect(formatIpv4(number)).toBe(text);
  });

  test('is read from the canonical form only', () => {
    const octet = fc.oneof(fc.nat({ max: 300 }).map(String), fc.constantFrom('', '00', '01', ' 1'));
    const texts = fc.array(octet, { minLength: 3, maxLength: 5 }).map((all) => all.join('.'));
    fc.assert(
      fc.property(fc.oneof(texts, fc.ipV4(), fc.string({ maxLength: 16 })), (text) => {
        const address = readIpv4(text);
        expect(address !== undefined).toBe(isDotted(text));
        if (address !== undefined) expect(formatIpv4(address)).toBe(text);
      }),
    );
  });
});

describe('IPv6', () => {
  const group = fc.oneof(
    fc.constantFrom('0', '0', '0', '1', 'ffff', '01', 'F'),
    fc.nat({ max: 0xffff }).map((number) => number.toString(16)),
  );
  const part = (most: number) =>
    fc.array(group, { minLength: 0, maxLength: most }).map((all) => all.join(':'));
  const texts = fc.oneof(
    fc.array(group, { minLength: 7, maxLength: 9 }).map((all) => all.join(':')),
    fc.tuple(part(5), part(5)).map(([head, tail]) => `${head}::${tail}`),
    fc.ipV6(),
    fc.string({ unit: fc.constantFrom(':', '0', '1', 'a', '.'), maxLength: 12 }),
  );

  test('what is taken for canonical without the library is what the library makes of it', () => {
    fc.assert(
      fc.property(texts, (text) => {
        if (isPlainIpv6(text)) expect(ipaddr.process(text).toString()).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['2001:db8::1', '2001:db8:0:1::', '::1', '::', '2001:db8:1:2:3:4:5:6', 'fe80::1:0:2'])(
    '%s needs no library',
    (text) => expect(isPlainIpv6(text)).toBe(true),
  );

  test('two addresses are in one /64, or /32, as the library says', () => {
    const address = fc
      .array(fc.constantFrom(0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 })
      .map((groups) => canonicalIp(groups.map((each) => each.toString(16)).join(':')) as string)
      .filter((text) => text.includes(':'));
    fc.assert(
      fc.property(address, address, (one, other) => {
        const [a, b] = [readIpv6Network(one) as string, readIpv6Network(other) as string];
        expect(a === b).toBe(getNetwork(one) === getNetwork(other));
        expect(a.slice(0, 8) === b.slice(0, 8)).toBe(getWideNetwork(one) === getWideNetwork(other));
      }),
    );
  });
});

test('a set of networks by integers agrees with the library', () => {
  const bits = fc.nat({ max: 32 });
  fc.assert(
    fc.property(fc.ipV4(), bits, fc.ipV4(), (base, bits, address) => {
      const expected = ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(base), bits);
      expect(networkSet([`${base}/${bits}`]).has(address)).toBe(expected);
    }),
  );
});
