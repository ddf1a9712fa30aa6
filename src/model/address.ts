/** Addresses: IP addresses and networks, and the domains of mail addresses. */
import ipaddr from 'ipaddr.js';
import { isPlainIpv6, maskOf, readIpv4 } from './ip-number.ts';

export { formatIpv4, readIpv4, readIpv6Network } from './ip-number.ts';

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
/** An IPv4 address in its canonical form. Matches in 40 ns, where the library takes 2000. */
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Whether the text is an IPv4 address in its canonical form. */
export function isDotted(text: string): boolean {
  return DOTTED.test(text);
}

/** The canonical form of an IP address (IPv4-mapped IPv6 as IPv4, RFC 5952 otherwise); undefined for any other text. */
export function canonicalIp(text: string): string | undefined {
  if (isDotted(text) || isPlainIpv6(text)) return text;
  if (!text.includes(':') && !text.includes('.')) return undefined;
  if (!ipaddr.isValid(text) || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.process(text).toString();
}

/** Whether a canonical IP address is one of this machine's own loopback. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (address.startsWith('127.') && isDotted(address));
}

/**
 * The canonical form of what a block of clients names: `192.0.2.0/24`, `2001:db8::/64`, or a single address without a
 * prefix length (as with /32 and /128). Undefined for any other text, and for a network with bits behind its prefix.
 */
export function canonicalClients(text: string): string | undefined {
  const clients = readClients(text);
  const [base = ''] = text.split('/', 1);
  return clients !== undefined && clients.split('/', 1)[0] === canonicalIp(base)
    ? clients
    : undefined;
}

/** The same, and `192.0.2.7/24` is `192.0.2.0/24`. */
export function readClients(text: string): string | undefined {
  const [base = '', bits, ...more] = text.split('/');
  if (bits === undefined) return canonicalIp(text);
  return /^\d{1,3}$/.test(bits) && more.length === 0 ? getNetworkOf(base, Number(bits)) : undefined;
}

/** The network of that prefix length around an address; itself for /32 and /128; undefined for any other text. */
export function getNetworkOf(address: string, bits: number): string | undefined {
  const ip = canonicalIp(address);
  if (ip === undefined) return undefined;
  const parsed = ipaddr.process(ip);
  const bytes = parsed.toByteArray();
  if (bits > bytes.length * 8) return undefined;
  if (bits === bytes.length * 8) return ip;
  const masked = bytes.map((byte, at) => byte & (0xff << clamp(8 * (at + 1) - bits)));
  return `${ipaddr.fromByteArray(masked).toString()}/${bits}`;
}

/** As many of the eight bits of a byte as there are. */
function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}

/** Whether canonical clients, as `canonicalClients` gives them, are a network and no single address. */
export function isNetwork(clients: string): boolean {
  return clients.includes('/');
}

/** The prefix length of a canonical network. */
export function getPrefix(network: string): number {
  return Number(network.slice(network.indexOf('/') + 1));
}

/** Whether all of `inner`, an address or a network, lies in the address or network `outer`. False for other texts. */
export function isWithin(inner: string, outer: string): boolean {
  if (inner === outer) return true;
  if (!isNetwork(outer)) return false;
  const within = parseNetwork(inner);
  const around = parseNetwork(outer);
  if (within === undefined || around === undefined) return false;
  if (within[0].kind() !== around[0].kind() || around[1] > within[1]) return false;
  return within[0].match(around[0] as never, around[1]);
}

/** What is left of a network without others; each may be a single address. */
export function subtractNetworks(network: string, excluded: readonly string[]): string[] {
  return excluded.reduce(
    (left, other) => left.flatMap((one) => subtractNetwork(one, other)),
    [network],
  );
}

/** At most one network for each bit. */
function subtractNetwork(network: string, excluded: string): string[] {
  const whole = parseNetwork(network);
  const part = parseNetwork(excluded);
  if (whole === undefined || part === undefined || whole[0].kind() !== part[0].kind()) {
    return [network];
  }
  const [base, bits] = whole;
  if (!base.match(part[0] as never, Math.min(bits, part[1]))) return [network];
  if (part[1] <= bits) return [];
  return [false, true].flatMap((isUpper) =>
    subtractNetwork(getHalf(base, bits, isUpper), excluded),
  );
}

/** Half of the network with this base. */
function getHalf(base: ipaddr.IPv4 | ipaddr.IPv6, bits: number, isUpper: boolean): string {
  const bytes = base.toByteArray().map((byte, at) => {
    const kept = clamp(bits - 8 * at);
    return byte & (0xff00 >> kept);
  });
  if (isUpper) bytes[bits >> 3] = (bytes[bits >> 3] as number) | (0x80 >> (bits & 7));
  return `${canonicalIp(ipaddr.fromByteArray(bytes).toString())}/${bits + 1}`;
}

/** Ranges that no other network sees, as ipaddr.js calls them. */
const HIDDEN: ReadonlySet<string> = new Set([
  'private',
  'uniqueLocal',
  'carrierGradeNat',
  'linkLocal',
  'loopback',
  'unspecified',
]);

/** Whether other networks may see a canonical IP address. */
export function isPublicAddress(address: string): boolean {
  return !HIDDEN.has(ipaddr.parse(address).range());
}

/** A set of networks. */
export interface NetworkSet {
  /** whether the address is in one of them; false for any other text */
  has(address: string): boolean;
  readonly size: number;
}

/** Reads `192.0.2.0/24`, `2001:db8::/32` or a single address, to base and prefix length; undefined for any other text. */
export function parseNetwork(text: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | undefined {
  const bare = text.replace(/[[\]]/g, '');
  if (bare.includes('/')) {
    if (!ipaddr.isValidCIDR(bare)) return undefined;
    return ipaddr.parseCIDR(bare);
  }
  if (canonicalIp(bare) === undefined) return undefined;
  const address = ipaddr.process(bare);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Builds a set of networks in CIDR form and single addresses. Throws a RangeError that names the first wrong one. */
export function networkSet(networks: readonly string[]): NetworkSet {
  const parsed = networks.map((text) => {
    const network = parseNetwork(text);
    if (network === undefined) throw new RangeError(`not an address or network: ${text}`);
    return network;
  });
  const dotted = parsed.flatMap(([base, bits]) =>
    base.kind() === 'ipv4' ? [{ base: readIpv4(base.toString()) ?? 0, mask: maskOf(bits) }] : [],
  );
  const answers = new Map<string, boolean>();
  const look = (address: string): boolean => {
    if (canonicalIp(address) === undefined) return false;
    const ip = ipaddr.process(address);
    return parsed.some(
      ([base, bits]) => base.kind() === ip.kind() && ip.match(base as never, bits),
    );
  };
  return {
    size: parsed.length,
    has(address) {
      const ip = readIpv4(address);
      if (ip !== undefined) return dotted.some(({ base, mask }) => ((ip ^ base) & mask) === 0);
      let answer = answers.get(address);
      if (answer === undefined) {
        answer = look(address);
        if (answers.size >= 10_000) answers.clear(); // a log may contain any number of addresses
        answers.set(address, answer);
      }
      return answer;
    },
  };
}

/** The network that counts as one place: /24 for IPv4, /64 for IPv6; the text itself if it is not an address. */
export function getNetwork(address: string): string {
  if (isDotted(address)) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
  if (canonicalIp(address) === undefined) return address;
  const ip = ipaddr.process(address);
  if (ip.kind() === 'ipv4') return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const parts = (ip as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${canonicalIp(`${parts.join(':')}::`)}/64`;
}

/** What one machine may use as its address: the /64 around an IPv6 address; IPv4 and any other text as it is. */
export function getMachine(address: string): string {
  const ip = canonicalIp(address) ?? address;
  return ip.includes(':') ? getNetwork(ip) : ip;
}

/**
 * The network that usually belongs to one organisation, or is a large part of one: /16 for IPv4, /32 for IPv6 (what a
 * provider is given); the text itself if it is not an address.
 */
export function getWideNetwork(address: string): string {
  if (canonicalIp(address) === undefined) return address;
  const ip = ipaddr.process(address);
  if (ip.kind() === 'ipv4') return `${address.split('.').slice(0, 2).join('.')}.0.0/16`;
  const parts = (ip as ipaddr.IPv6).parts.slice(0, 2).map((part) => part.toString(16));
  return `${canonicalIp(`${parts.join(':')}::`)}/32`;
}

/** The domain of a mail address in lower case, empty if it has none. */
export function getDomain(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1 || address.length).toLowerCase();
}
