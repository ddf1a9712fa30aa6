/** Addresses: mail domains, IP addresses and networks, and the identities that operators type. */
import ipaddr from 'ipaddr.js';
import type { Block, Key } from './block.ts';
import type { Submitter } from './event.ts';

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
/** An IPv4 address in its canonical form: found in 40 ns, where the library takes 2000. */
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Whether the text is an IPv4 address, written as everybody writes it. */
export function isDotted(text: string): boolean {
  return DOTTED.test(text);
}

/** Canonical form of an IP address (IPv4-mapped IPv6 as IPv4, RFC 5952 otherwise), or undefined. */
export function canonicalIp(text: string): string | undefined {
  if (isDotted(text)) return text;
  if (!text.includes(':') && !text.includes('.')) return undefined;
  if (!ipaddr.isValid(text) || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.process(text).toString();
}

/** A set of networks that answers whether an address lies in it. */
export interface NetworkSet {
  has(address: string): boolean;
  readonly size: number;
}

/** Reads `192.0.2.0/24`, `2001:db8::/32`, a single address; undefined when it is neither. */
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

/** Networks in CIDR form or single addresses; throws a RangeError naming the first that is neither. */
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
        if (answers.size >= 10_000) answers.clear(); // bounded: a log may hold any number of addresses
        answers.set(address, answer);
      }
      return answer;
    },
  };
}

/** The network that counts as one place: /24 of IPv4, /64 of IPv6; the text itself when it is no address. */
export function getNetwork(address: string): string {
  if (canonicalIp(address) === undefined) return address;
  const ip = ipaddr.process(address);
  if (ip.kind() === 'ipv4') return `${address.split('.').slice(0, 3).join('.')}.0/24`;
  const parts = (ip as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `${canonicalIp(`${parts.join(':')}::`)}/64`;
}

/** The domain of a mail address in lower case, empty when it has none. */
export function getDomain(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1 || address.length).toLowerCase();
}

/** A login as it is typed without `user:` in front: nothing that a network, another prefix or a shell word has. */
const BARE_LOGIN = /^[^\s:;,/\\"'`<>()|&$]+$/;
/** The number or the name of a local account. */
const ACCOUNT = /^(?:\d{1,10}|[a-z_][\w.-]*\$?)$/i;

/**
 * Reads an identity as operators type it: `alice@example.net` or any login is a user, `192.0.2.7` a client,
 * `uid:33` a local account; `user:` in front allows any login. Undefined for everything else, control characters
 * and anything over 320 bytes included.
 */
export function parseIdentity(text: string): Submitter | undefined {
  if (text === '' || Buffer.byteLength(text) > 320 || /[\x00-\x1f\x7f]/.test(text))
    return undefined;
  const explicit = /^(user|client|uid):(.+)$/i.exec(text);
  const kind = explicit?.[1]?.toLowerCase();
  const rest = explicit?.[2] ?? text;
  if (kind === 'uid') return ACCOUNT.test(rest) ? { type: 'uid', id: rest } : undefined;
  if (kind === 'user') return { type: 'user', id: rest.toLowerCase() };
  const ip = canonicalIp(rest);
  if (ip !== undefined) return { type: 'client', id: ip };
  return kind === undefined && BARE_LOGIN.test(rest)
    ? { type: 'user', id: rest.toLowerCase() }
    : undefined;
}

/** Reads what `parseIdentity` does, and a sender address as `sender:alice@example.net`: everybody who can be blocked. */
export function parseBlockable(text: string): Block['key'] | undefined {
  const address = /^sender:(.+)$/i.exec(text)?.[1];
  if (address === undefined) return parseIdentity(text);
  const login = parseIdentity(`user:${address}`); // under the same bounds, in the same form
  return login && { type: 'sender', id: login.id };
}

/**
 * The form that `parseIdentity` and `parseBlockable` read back; `user:` in front only where the bare text would be
 * ambiguous. Keys that cannot be typed (networks, domains, hosts) are their type and the text.
 */
export function formatIdentity(key: Key): string {
  if (key.type === 'uid' || key.type === 'sender') return `${key.type}:${key.id}`;
  if (key.type === 'client') return key.id;
  if (key.type !== 'user') return `${key.type} ${key.id}`;
  const again = parseIdentity(key.id);
  return again?.type === 'user' && again.id === key.id.toLowerCase() ? key.id : `user:${key.id}`;
}
