/** How dangerous it is that a network may relay without a password. Pure. */
import ipaddr from 'ipaddr.js';
import { parseNetwork } from '../model/address.ts';
import type { Severity } from './ids.ts';

/** Below these prefix lengths a public network is that of a provider, or of a whole organisation, or of several hosts. */
const LIMITS = {
  ipv4: { provider: 17, office: 24, hosts: 30 },
  ipv6: { provider: 33, office: 48, hosts: 64 },
} as const;

/** Undefined for single hosts, private networks and what is not a network; what is excluded (`!`) counts for nothing. */
export function judgeNetwork(text: string): Severity | undefined {
  if (text.startsWith('static:')) return 'error';
  const network = parseNetwork(text);
  if (network === undefined) return undefined;
  const [base, length] = unmapped(...network);
  if (length === 0) return 'error';
  if (length >= shortestPrivate(base)) return undefined;
  const { provider, office, hosts } = LIMITS[base.kind()];
  if (length < provider) return 'error';
  if (length < office) return 'warning';
  return length < hosts ? 'advice' : undefined;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** `::ffff:127.0.0.0/104` is 127.0.0.0/8. */
function unmapped(base: Address, length: number): [Address, number] {
  if (base.kind() === 'ipv4' || length < 96) return [base, length];
  const six = base as ipaddr.IPv6;
  return six.isIPv4MappedAddress() ? [six.toIPv4Address(), length - 96] : [base, length];
}

/** Networks that strangers do not have (RFC 6890). */
const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.64.0.0/10',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
].map((text) => ipaddr.parseCIDR(text));

/** The prefix length from which on a network with this base is private; beyond all when it is public. */
function shortestPrivate(base: Address): number {
  const found = PRIVATE.find(
    ([address, length]) => address.kind() === base.kind() && base.match(address as never, length),
  );
  return found?.[1] ?? Number.POSITIVE_INFINITY;
}
