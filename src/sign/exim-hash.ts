/**
 * Signed return paths as `sender=recipient=recipient.domain=SIGNATURE@sender.domain`: a recipe for Exim's SMTP
 * transport with `${hash_8:${hmac{md5}{SECRET}{...}}}`. The recipient is part of the address, so each delivery has its
 * own; there is no date in it, so it never expires, and it does not sign the sender's domain.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { lowerAscii } from '../base/text.ts';
import { type Halves, isTagged, isTooLong, joinAddress, splitAddress } from './envelope.ts';
import type { Key, Scheme, Signed, SigningContext, Verified, VerifyingContext } from './scheme.ts';

const SIGNATURE_LENGTH = 8;
const TAGGED = /^(.+=.+=.+)=([a-z]{8})$/is;

export const eximHashScheme: Scheme = { name: 'exim-hash', perRecipient: true, sign, verify };

function sign(address: string, { key, recipient }: SigningContext): Signed {
  const sender = splitAddress(address);
  if (sender === undefined) return { unsignable: 'form' };
  if (isTagged(address)) return { unsignable: 'tagged' };
  const to = recipient === undefined ? undefined : splitAddress(recipient);
  if (to === undefined) return { unsignable: 'recipient' };
  const signed = joinSigned(key, sender, to);
  return isTooLong(signed) ? { unsignable: 'length' } : { address: joinAddress(signed) };
}

function joinSigned(key: Key, sender: Halves, to: Halves): Halves {
  const text = `${sender.local}=${to.local}=${to.domain}`;
  return {
    local: `${text}=${computeSignature(key, text)}`,
    domain: sender.domain,
    quoted: sender.quoted || to.quoted,
  };
}

function verify(address: string, { keys, isLocalUser }: VerifyingContext): Verified {
  const halves = splitAddress(address);
  const tag = halves === undefined ? null : TAGGED.exec(halves.local);
  if (halves === undefined || tag === null) return { outcome: 'unsigned' };
  const [, text, signature] = tag as unknown as [string, string, string];
  const { sender, recipient } = splitText(text, isLocalUser);
  const restored = joinAddress({ ...halves, local: sender });
  const claim = Buffer.from(lowerAscii(signature));
  const matches = keys
    .map((key) => Buffer.from(computeSignature(key, text)))
    .filter((expected) => timingSafeEqual(expected, claim));
  if (matches.length === 0) return { outcome: 'wrong signature', address: restored };
  return { outcome: 'valid', address: restored, recipient };
}

/**
 * `sender=recipient=domain` in its parts. The domain holds no `=`; the local parts may. Then the first place counts
 * where the left part is a local user, or the first place of all.
 */
function splitText(
  text: string,
  isLocalUser: (localPart: string) => boolean = () => true,
): { readonly sender: string; readonly recipient: string } {
  const last = text.lastIndexOf('=');
  const locals = text.slice(0, last);
  const places = [...locals.matchAll(/=/g)].map(({ index }) => index).filter((index) => index > 0);
  const known = places.find((index) => isLocalUser(locals.slice(0, index)));
  const place = known ?? places[0] ?? locals.length;
  const recipient = `${locals.slice(place + 1)}@${text.slice(last + 1)}`;
  return { sender: locals.slice(0, place), recipient };
}

/** Eight letters over the lower case of the text. */
function computeSignature(key: Key, text: string): string {
  const hmac = createHmac('md5', key.secret).update(lowerAscii(text)).digest('hex');
  return eximHash(hmac, SIGNATURE_LENGTH);
}

/** Exim's alphabet (src/expand.c, `hashcodes`), in which s and t really stand in this order. */
const ALPHABET = 'abcdefghijklmnopqrtsuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** Exim's `${hash_n_m:text}` (src/expand.c, `compute_hash`): n characters of the first m of its alphabet. */
export function eximHash(text: string, n: number, m = 26): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= n) return text;
  const state = bytes.subarray(0, n);
  for (let index = n; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    const shift = (byte + index) & 7;
    const place = (index - n) % n;
    state[place] = (state[place] as number) ^ (((byte << shift) | (byte >> (8 - shift))) & 255);
  }
  return [...state].map((byte) => ALPHABET[byte % m]).join('');
}
