/**
 * Addresses of clients as numbers of 32 bits, to look for candidates without the texts: spellings of one address have one
 * number. Two IPv6 addresses may share one, one pair in four thousand million, so what is found by a number is compared.
 */
import { createHash } from 'node:crypto';
import { canonicalIp } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';

/** The longest spelling of an IPv6 address; what is longer is none. */
const LONGEST = 45;
/** Marks that are remembered. */
const MOST = 10_000;
const marks = new Map<string, number>();

/** An IPv4 address itself; of any other client a number, never 0. */
export function markClient(address: string): number {
  const known = readDotted(address) ?? marks.get(address);
  if (known !== undefined) return known;
  const text = (address.length > LONGEST ? undefined : canonicalIp(address)) ?? address;
  const mark = readDotted(text) ?? (hash(text) || 1);
  if (marks.size >= MOST) marks.clear();
  marks.set(ownCopy(address), mark);
  return mark;
}

/** Nobody can choose addresses that have the same number without a great deal of work. */
function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

/** An IPv4 address as a number; undefined for any other text, and for another spelling. */
export function readDotted(text: string): number | undefined {
  let address = 0;
  let part = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 46) {
      if (part < 0 || ++dots > 3) return undefined;
      address = address * 256 + part;
      part = -1;
    } else {
      if (unit < 48 || unit > 57 || part === 0) return undefined;
      part = (part < 0 ? 0 : part * 10) + unit - 48;
      if (part > 255) return undefined;
    }
  }
  return dots === 3 && part >= 0 ? address * 256 + part : undefined;
}
