/**
 * What a refusal says about our own address: which blocklist it names, or with which code a provider speaks of our
 * reputation. The reason of the refusal (classify.ts) says that it is about us; this says whose judgement it is.
 */
import { TEXT_LIMIT } from './normalise.ts';

interface Blocker {
  /** as people call it; `$1` is the code that was found */
  readonly name: string;
  readonly pattern: RegExp;
}

/** Blocklists by their name or their zone. */
const LISTS: readonly Blocker[] = [
  { name: 'Spamhaus', pattern: /spamhaus/i },
  { name: 'SpamCop', pattern: /spamcop/i },
  {
    name: 'Barracuda',
    pattern: /barracudacentral|barracudanetworks\.com\/reputation|barracuda reputation|\bBRBL\b/i,
  },
  { name: 'SORBS', pattern: /\bsorbs\b/i },
  { name: 'backscatterer.org', pattern: /backscatterer\.org/i },
  { name: 'UCEPROTECT', pattern: /uceprotect/i },
  { name: 'PSBL', pattern: /psbl\.surriel\.com|\bpsbl\.org\b/i },
  { name: 'Mailspike', pattern: /mailspike/i },
  { name: 'Spam Eating Monkey', pattern: /spameatingmonkey/i },
  { name: 'DroneBL', pattern: /dronebl/i },
  { name: 'Abusix', pattern: /abusix/i },
  { name: 'SpamRATS', pattern: /spamrats/i },
  { name: 'NiX Spam', pattern: /nixspam|manitu\.net/i },
  { name: 'Proofpoint', pattern: /ipcheck\.proofpoint\.com|support\.proofpoint\.com\/dnsbl/i },
  { name: 'Cloudmark', pattern: /csi\.cloudmark\.com/i },
];

/**
 * Codes and words that one provider uses about the sending address.
 * Microsoft: S3140 and S3150 (outlook.com), 5.7.511 and 5.7.606 to 5.7.649 (Exchange Online, "banned sending IP").
 * Google: UnsolicitedRateLimitError and others. Yahoo: TSS04 and similar. T-Online and AT&T: the address to write to.
 * Comcast: BL000000. AOL: RTR:BL.
 */
const CODES: readonly Blocker[] = [
  { name: 'Microsoft $1', pattern: /\b(S31(?:40|50))\b/ },
  { name: 'Microsoft $1', pattern: /(?:^|\s)(5\.7\.(?:511|60[6-9]|6[1-4]\d))(?=\s)/ },
  { name: 'Google $1', pattern: /\b((?:UnsolicitedRateLimit|UnsolicitedIP|NotAuthorized)Error)\b/ },
  {
    name: 'Google unusual rate',
    pattern: /unusual rate of (?:unsolicited|unverified|spam)[^.]{0,80}(?:IP|SPF|DKIM|domain)/i,
  },
  { name: 'Yahoo $1', pattern: /\[?\b(TSS?\d{2})\b\]?/ },
  { name: 'T-Online', pattern: /\b(?:tosa|tobr)@rx\.t-online\.de\b/i },
  { name: 'Comcast $1', pattern: /\b(BL0\d{4,5})\b/ },
  { name: 'AOL $1', pattern: /\((RTR:[A-Z]{2})\)/ },
  { name: 'AT&T', pattern: /\babuse_rbl@abuse-att\.net\b/i },
];

/** The blocklists and codes that `reply` names, each once; none if it names none. Takes linear time. */
export function findBlockers(reply: string): string[] {
  const text = reply.slice(0, TEXT_LIMIT);
  const found = [...LISTS, ...CODES].flatMap(({ name, pattern }) => {
    const match = pattern.exec(text);
    return match === null ? [] : [name.replace('$1', match[1] ?? '')];
  });
  return [...new Set(found)];
}
