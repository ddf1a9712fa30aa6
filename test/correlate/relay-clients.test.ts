/** Quick looks at addresses and domains say the same as the long ones. */
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { RelayClients } from '../../src/correlate/relay-clients.ts';
import { canonicalIp, getDomain } from '../../src/model/address.ts';

const PRIVATE = ['private', 'loopback', 'uniqueLocal', 'linkLocal'];

function findRange(address: string): string {
  return canonicalIp(address) === undefined ? 'invalid' : ipaddr.process(address).range();
}

const nearPrivate = fc.constantFrom(
  ...['10.0.0.1', '127.0.0.1', '169.254.1.1', '172.16.0.1', '172.32.0.1', '192.168.1.1'],
  ...['100.64.0.1', '11.1.1.1', '010.0.0.1', '0.0.0.0', '2130706433', '127.1', '0x7f.0.0.1'],
  ...['::1', '::', '0:0:0:0:0:0:0:1', '0000::0001', 'fe80::1', 'FE80::1%eth0', 'fd00::1', 'FC00::'],
  ...['::ffff:10.0.0.1', '::FFFF:127.0.0.1', '0::ffff:7f00:1', '64:ff9b::10.0.0.1', '2001:db8::1'],
  ...['', 'unknown', 'localhost', '1::', 'f', ':', '[::1]', ' ::1'],
);

describe('an address', () => {
  it('is private or loopback as its range says', () => {
    const clients = new RelayClients();
    const addresses = fc.oneof(nearPrivate, fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.string());
    fc.assert(
      fc.property(addresses, (address) => {
        const range = findRange(address);
        expect(clients.isPrivate(address)).toBe(PRIVATE.includes(range));
        expect(clients.isOurs(address)).toBe(PRIVATE.includes(range));
        expect(clients.isLoopback(address)).toBe(range === 'loopback');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an own domain', () => {
  const domain = fc.oneof(
    fc.constantFrom('shop1.example.net', 'shop2.example.net', 'example.net', 'net', ''),
    fc.domain(),
    fc.stringMatching(/^[a-z.]{1,40}$/),
  );
  const recipient = fc
    .tuple(fc.constantFrom('bob', 'bob@shop1.example.net', '"a@b"'), domain)
    .map(([local, name]) => `${local}@${name}`);

  it('is told of a recipient only if it was noted', () => {
    fc.assert(
      fc.property(fc.array(domain), fc.array(recipient), (domains, recipients) => {
        const clients = new RelayClients();
        const noted = new Set<string>();
        for (const name of domains) {
          clients.noteOwnDomain(name);
          noted.add(name);
          expect(clients.isInKnownDomain(`bob@${name}`)).toBe(name !== '');
        }
        for (const address of [...recipients, ...domains]) {
          const isNoted = noted.has(getDomain(address)) && getDomain(address) !== '';
          if (clients.isInKnownDomain(address)) expect(isNoted).toBe(true);
          expect(clients.isOwnDomain(getDomain(address))).toBe(isNoted);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is not told beyond the thousand that are kept', () => {
    const clients = new RelayClients();
    for (let n = 0; n < 1010; n++) clients.noteOwnDomain(`d${n}.example.net`);
    expect(clients.isInKnownDomain('bob@d1009.example.net')).toBe(false);
    expect(clients.isOwnDomain('d1009.example.net')).toBe(false);
    expect(clients.isOwnDomain('d999.example.net')).toBe(true);
  });
});
