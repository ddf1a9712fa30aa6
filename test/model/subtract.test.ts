/** A network without parts of it, compared with the addresses in both. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { networkSet, subtractNetworks } from '../../src/model/address.ts';

const V4 = Array.from({ length: 16 }, (_, at) => `192.0.2.${at}`);
const V6 = Array.from({ length: 16 }, (_, at) => `2001:db8::${at.toString(16)}`);

const network = fc
  .tuple(fc.boolean(), fc.nat(15), fc.nat(6))
  .map(([isV6, at, wide]) =>
    isV6
      ? wide === 6
        ? (V6[at] as string)
        : `${V6[at]}/${128 - wide}`
      : wide === 6
        ? (V4[at] as string)
        : `${V4[at]}/${32 - wide}`,
  );

it('keeps exactly the addresses that are not in the others', () => {
  fc.assert(
    fc.property(network, fc.array(network, { maxLength: 3 }), (whole, excluded) => {
      const left = networkSet(subtractNetworks(whole, excluded));
      const [outer, inner] = [networkSet([whole]), networkSet(excluded)];
      for (const address of [...V4, ...V6]) {
        expect([address, left.has(address)]).toEqual([
          address,
          outer.has(address) && !inner.has(address),
        ]);
      }
    }),
  );
});

it('takes one network for each bit', () => {
  expect(subtractNetworks('0.0.0.0/0', ['192.0.2.7'])).toHaveLength(32);
  expect(subtractNetworks('2001:db8::/32', ['2001:db8::7'])).toHaveLength(96);
});
