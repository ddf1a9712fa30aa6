/**
 * Signed return paths as `prvs=KDDDSSSSSS=local@domain`: draft-levine-smtp-batv-01, as Exim's `${prvs}` and
 * `${prvscheck}` have it. K is the number of the key, DDD the day of expiry (days since 1970 in UTC, modulo 1000),
 * SSSSSS the first three bytes of an HMAC-SHA-1 over `KDDDlocal@domain`.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { lowerAscii } from '../base/text.ts';
import { DAY } from '../base/time.ts';
import { isTagged, isTooLong, joinAddress, splitAddress } from './envelope.ts';
import {
  type Key,
  LIFETIME_DAYS,
  type Scheme,
  type Signed,
  type SigningContext,
  type Verified,
  type VerifyingContext,
} from './scheme.ts';

const CYCLE = 1000;
const HASH_BYTES = 3;
/** Exim's pattern. Nothing in it is optional, so that no part of the address can be read in two ways. */
const TAG = /^prvs=(\d)(\d{3})([0-9a-f]{6})=/i;

export const prvs: Scheme = { name: 'prvs', perRecipient: false, sign, verify };

function sign(address: string, { key, now }: SigningContext): Signed {
  const halves = splitAddress(address);
  if (halves === undefined) return { unsignable: 'form' };
  if (isTagged(address)) return { unsignable: 'tagged' };
  const expiry = String((countDays(now) + LIFETIME_DAYS) % CYCLE).padStart(3, '0');
  const hash = computeHash(key, expiry, address).toString('hex');
  const signed = { ...halves, local: `prvs=${key.number}${expiry}${hash}=${halves.local}` };
  return isTooLong(signed) ? { unsignable: 'length' } : { address: joinAddress(signed) };
}

function verify(address: string, { keys, now }: VerifyingContext): Verified {
  const halves = splitAddress(address);
  const tag = halves === undefined ? null : TAG.exec(halves.local);
  if (halves === undefined || tag === null) return { outcome: 'unsigned' };
  const [text, number, expiry, hash] = tag as unknown as [string, string, string, string];
  const local = halves.local.slice(text.length);
  if (local === '') return { outcome: 'unsigned' };
  const restored = joinAddress({ ...halves, local });
  const claim = Buffer.from(hash, 'hex');
  // No early end: how long it takes must not tell which key or spelling was nearly right.
  const matches = keys
    .filter((key) => key.number === number)
    .flatMap((key) => listSpellings(restored).map((text) => computeHash(key, expiry, text)))
    .filter((expected) => timingSafeEqual(expected, claim));
  if (matches.length === 0) return { outcome: 'wrong signature', address: restored };
  return judgeExpiry(Number(expiry), now, restored);
}

/**
 * The distance to the day of expiry, forwards in the cycle of 1000 days. Exim has no upper bound, so that there an
 * address becomes valid again after its days wrap around; here it never does.
 */
function judgeExpiry(expiry: number, now: number, address: string): Verified {
  const left = (expiry - (countDays(now) % CYCLE) + CYCLE) % CYCLE;
  if (left <= LIFETIME_DAYS) return { outcome: 'valid', address };
  return { outcome: left < CYCLE / 2 ? 'too far ahead' : 'expired', address };
}

/** As received, with the domain in lower case, all in lower case: what relays on the way make of an address. */
function listSpellings(address: string): string[] {
  const at = address.lastIndexOf('@');
  const lowerDomain = address.slice(0, at) + lowerAscii(address.slice(at));
  return [...new Set([address, lowerDomain, lowerAscii(address)])];
}

function computeHash(key: Key, expiry: string, address: string): Buffer {
  const text = `${key.number}${expiry}${address}`;
  return createHmac('sha1', key.secret).update(text).digest().subarray(0, HASH_BYTES);
}

function countDays(ms: number): number {
  return Math.floor(ms / DAY);
}
