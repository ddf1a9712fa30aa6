/** Envelope addresses as the signing schemes see them: bytes of the client, split at the last @ (RFC 5321, 4.1.2). */

/** An address in two halves. `quoted`: the local part stood in quotes, which `local` does not hold. */
export interface Halves {
  readonly local: string;
  readonly domain: string;
  readonly quoted: boolean;
}

/** The longest local part that other servers must take (RFC 5321, 4.5.3.1.1), bytes. */
const LONGEST_LOCAL_PART = 64;

/** Splits `local@domain`, without angle brackets; undefined for the null address and for one without a domain. */
export function splitAddress(address: string): Halves | undefined {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const domain = address.slice(at + 1);
  if (local === '' || domain === '' || !/^[^\s<>"@]+$/.test(domain)) return undefined;
  if (!local.startsWith('"')) return { local, domain, quoted: false };
  const inner = /^"((?:[^"\\]|\\.)*)"$/s.exec(local)?.[1];
  return inner === undefined || inner === '' ? undefined : { local: inner, domain, quoted: true };
}

/** Puts two halves together again, in quotes if the local part had them. */
export function joinAddress({ local, domain, quoted }: Halves): string {
  return quoted ? `"${local}"@${domain}` : `${local}@${domain}`;
}

/** Whether another server may refuse the address because its local part is too long. */
export function isTooLong({ local, quoted }: Halves): boolean {
  return Buffer.byteLength(local) + (quoted ? 2 : 0) > LONGEST_LOCAL_PART;
}

/**
 * Whether some server has already put its own tag before the local part: BATV in Exim's and in Sendmail's spelling,
 * Microsoft's, and the sender rewriting scheme of forwarders.
 */
export function isTagged(address: string): boolean {
  return /^"?(?:prvs=|btv1==|msprvs1=|srs[01][-+=])/i.test(address);
}

/**
 * Whether an address can stand in an envelope as it is: a dot-string or a quoted string in ASCII, and a domain
 * (RFC 5321, 4.1.2). Others are neither signed nor restored.
 */
export function isMailbox(address: string): boolean {
  return /^(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])+"|[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+)@[A-Za-z0-9._-]+$/.test(
    address,
  );
}
