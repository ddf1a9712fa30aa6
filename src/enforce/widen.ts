/** How wide a block of a client is: of IPv6, a machine takes as many addresses of its /64 as it likes. Pure. */
import { getNetworkOf, isNetwork } from '../model/address.ts';
import type { Block } from '../model/block.ts';

/** Prefix length of the network of one machine. */
const IPV6_MACHINE = 64;

/** The /64 of a single IPv6 address, as an identity that can be blocked; undefined for all others. */
export function widenClient({ type, id }: Block['key']): Block['key'] | undefined {
  if (type !== 'client' || !id.includes(':') || isNetwork(id)) return undefined;
  const network = getNetworkOf(id, IPV6_MACHINE);
  return network === undefined ? undefined : { type, id: network };
}
