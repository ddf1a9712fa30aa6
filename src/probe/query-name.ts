/** The names under which an address or a domain is asked for in a DNS blocklist (RFC 5782 2.1, 2.2, 2.4). Pure. */
import ipaddr from 'ipaddr.js';
import { canonicalIp } from '../model/address.ts';

export const KINDS = ['ip4', 'ip6', 'name'] as const;
export type Kind = (typeof KINDS)[number];

/** The two entries with which each list shows that it works (RFC 5782 section 5): one is listed, the other never is. */
export const TEST_ENTRIES: Readonly<
  Record<Kind, { readonly listed: string; readonly clear: string }>
> = {
  ip4: { listed: '127.0.0.2', clear: '127.0.0.1' },
  ip6: { listed: '::ffff:7f00:2', clear: '::ffff:7f00:1' },
  name: { listed: 'test', clear: 'invalid' },
};

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** An IP address or a domain in its canonical form, with its kind; undefined for any other text. */
export function parseSubject(
  text: string,
): { readonly kind: Kind; readonly subject: string } | undefined {
  const address = canonicalIp(text.replace(/^\[(.*)\]$/, '$1'));
  if (address !== undefined)
    return { kind: address.includes(':') ? 'ip6' : 'ip4', subject: address };
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  const isDomain =
    labels.length > 1 && name.length <= 200 && labels.every((label) => LABEL.test(label));
  return isDomain && !/^[\d.]+$/.test(name) ? { kind: 'name', subject: name } : undefined;
}

/** The name to ask for: `7.2.0.192.ZONE`, 32 nibbles for IPv6, `example.net.ZONE`. */
export function buildQueryName(kind: Kind, subject: string, zone: string): string {
  if (kind === 'name') return `${subject}.${zone}`;
  if (kind === 'ip4') return `${subject.split('.').reverse().join('.')}.${zone}`;
  const bytes = ipaddr.IPv6.parse(subject).toByteArray();
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]).reverse();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.${zone}`;
}
