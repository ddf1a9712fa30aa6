/** Addresses: IP addresses and networks, and the domains of mail addresses. */
import ipaddr from 'ipaddr.js';

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
/** An IPv4 address in its canonical form. Matches in 40 ns, where the library takes 2000. */
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Whether the text is an IPv4 address in its canonical form. */
export function isDotted(text: string): boolean {
  return DOTTED.test(text);
}

/** The canonical form of an IP address (IPv4-mapped IPv6 as IPv4, RFC 5952 otherwise); undefined for any other text. */
export function canonicalIp(text: string): string | undefined {
  if (isDotted(text)) return text;
  if (!text.includes(':') && !text.includes('.')) return undefined;
  if (!ipaddr.isValid(text) || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.process(text).toString();
}

/** Whether a canonical IP address is one of this machine's own loopback. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || (address.startsWith('127.') && isDotted(address));
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
  if (canonicalIp(address) === undefined) return address;
  const ip = ipaddr.process(address);
  if (ip.kind() === 'ipv4') return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const parts = (ip as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${canonicalIp(`${parts.join(':')}::`)}/64`;
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
