/** The recipient address of RCPT as the client sent it, RFC 5321 4.1.2. Pure. */
import { lowerAscii } from '../base/text.ts';
import { readSmtpPath } from '../model/smtp-path.ts';

/** An address, as bytes (latin1): `local` with its quotes and its case, `domain` in lower case. */
export interface Recipient {
  readonly local: string;
  readonly domain: string;
  /** `local@domain`: the key of the cache, and what the back end is asked */
  readonly address: string;
}

/** RFC 5321 4.5.3.1 has 64 and 255; addresses beyond them exist, and the back end may decide. */
const LONGEST_LOCAL = 256;
const LONGEST_DOMAIN = 255;

/** One or more letters, digits, or characters of other scripts, between dots. */
const DOMAIN =
  /^(?:[\w\x80-\xff](?:[\w\x80-\xff-]*[\w\x80-\xff])?\.)*[\w\x80-\xff](?:[\w\x80-\xff-]*[\w\x80-\xff])?\.?$/;
/** A quoted string, or characters that need no quotes; we are not stricter than RFC 5321 about dots. */
const LOCAL = /^(?:"(?:[^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"|[^\x00-\x20\x7f"<>()[\]\\,;:@]+)$/;

/**
 * Reads `<user@example.net>`, `user@example.net`, `<@relay.example:user@example.net>`, `<"a b"@example.net>`; undefined
 * for an address without a domain, with a domain literal, or that is no address.
 */
export function parseRecipient(argument: string): Recipient | undefined {
  const { address, at } = readSmtpPath(argument);
  if (at < 1 || at > LONGEST_LOCAL || address.length - at > LONGEST_DOMAIN) return undefined;
  const local = address.slice(0, at);
  const domain = address.slice(at + 1);
  if (!LOCAL.test(local) || !DOMAIN.test(domain)) return undefined;
  const name = lowerAscii(domain).replace(/\.$/, '');
  return { local, domain: name, address: `${local}@${name}` };
}

/** Whether the address needs SMTPUTF8, RFC 6531. */
export function isInternational(address: string): boolean {
  return /[\x80-\uffff]/.test(address);
}

/** The local part without its extension: `user` for `user+tag`; the same text if there is none, or it is quoted. */
export function cutExtension(local: string, delimiters: string): string {
  if (local.startsWith('"')) return local;
  const at = [...local].findIndex((char, index) => index > 0 && delimiters.includes(char));
  return at < 0 ? local : local.slice(0, at);
}
