/**
 * What status and code say when no words decide: the detail table of RFC 3463 with its later additions
 * (RFC 7505, 7372, 8601 and the registry), then RFC 5321 4.2.3. A weak hint, therefore last.
 */
import type { Reason } from '../../model/event.ts';

/** A map, because a status may be any text: an object would also know `toString`. */
function entries(table: Readonly<Record<string, Reason>>): ReadonlyMap<string, Reason> {
  return new Map(Object.entries(table));
}

const BY_STATUS: ReadonlyMap<string, Reason> = entries({
  '1.0': 'invalid-recipient',
  '1.1': 'invalid-recipient',
  '1.2': 'invalid-domain',
  '1.3': 'invalid-recipient',
  '1.6': 'invalid-recipient',
  '1.7': 'reputation',
  '1.8': 'reputation',
  '1.10': 'invalid-domain',
  '2.1': 'invalid-recipient',
  '2.2': 'mailbox-full',
  '2.3': 'too-big',
  '3.4': 'too-big',
  '4.1': 'network',
  '4.2': 'network',
  '4.3': 'network',
  '4.4': 'invalid-domain',
  '4.5': 'rate-limited',
  '4.7': 'network',
  '5.3': 'rate-limited',
  '7.1': 'reputation',
  '7.8': 'auth',
  '7.9': 'auth',
  '7.10': 'network',
  '7.12': 'auth',
  '7.13': 'auth',
  '7.17': 'invalid-recipient',
  '7.18': 'invalid-domain',
  '7.20': 'auth',
  '7.21': 'auth',
  '7.22': 'auth',
  '7.23': 'auth',
  '7.24': 'auth',
  '7.25': 'reputation',
  '7.26': 'auth',
  '7.27': 'reputation',
  '7.28': 'rate-limited',
  '7.29': 'auth',
  '7.30': 'network',
});

/** Only a 5yz says that the address itself is wrong. */
const TEMPORARY: ReadonlyMap<string, Reason> = entries({
  '1.1': 'invalid-recipient',
  '2.1': 'other',
  '4.4': 'network',
  '1.0': 'other',
  '7.1': 'other',
  '7.8': 'auth',
});

const BY_CODE: Readonly<Record<number, Reason>> = {
  521: 'invalid-domain',
  523: 'too-big',
  530: 'auth',
  534: 'auth',
  535: 'auth',
  538: 'auth',
  551: 'invalid-recipient',
  552: 'mailbox-full',
  556: 'invalid-domain',
};

/** x.6.y is about the message's content, but for 6.7 and up: addresses that need SMTPUTF8 (RFC 6531). */
function isContent(detail: string): boolean {
  return detail.startsWith('6.') && !/^6\.(?:[4789]|10)$/.test(detail);
}

/** Who says so speaks of the sending side or of this message, and x.1.y or x.2.1 is only a habit. */
const NOT_THE_RECIPIENT =
  /\b(?:blocked|blocking|spam|polic(?:y|ies)|sending|reputation|connections?|not (?:be )?(?:allowed|permitted|authori[sz]ed)|den(?:y|ied)|reply-to|unsolicited|virus|attacks?|too many|spf|dkim|dmarc|sender (?:address|domain|is|not|rejected|refused|denied|unknown))\b/;
/** x.2.1 stands for much, before a link often for a blocklist: here the silence must be greater. */
const NOT_THE_MAILBOX = /url#|\b(?:messages?|mails?|servers?|hosts?|systems?|delivery|domain)\b/;

/** x.1.0 says that something is wrong with some address: the words must at least be about one, or be none. */
const AN_ADDRESS =
  /@|\b(?:address\w*|recipients?|users?|mail[- ]?box\w*|accounts?|unknown)\b|^[^a-z]*$/;

function isAboutOthers(detail: string, wording: string): boolean {
  if (detail === '1.0' && !AN_ADDRESS.test(wording)) return true;
  return NOT_THE_RECIPIENT.test(wording) || (detail === '2.1' && NOT_THE_MAILBOX.test(wording));
}

/** Reason by enhanced status, else by code, else `other`; `wording` can only take `invalid-…` back. */
export function fallback(
  code: number | undefined,
  status: string | undefined,
  wording: string,
): { readonly reason: Reason; readonly by: string } {
  const found = byNumbers(code, status);
  const invalid = found.reason === 'invalid-recipient' || found.reason === 'invalid-domain';
  return invalid && isAboutOthers(status?.slice(2) ?? '', wording) ? UNKNOWN : found;
}

/** `521 5.7.0` or `551 5.5.4` say with their status that the code is not meant as RFC 7504 and RFC 5321 mean it. */
function contradicts(code: number, detail: string): boolean {
  return (code === 521 || code === 551) && detail !== '' && !/^(?:1\.|3\.2$)/.test(detail);
}

const UNKNOWN = { reason: 'other', by: 'none' } as const;

function byNumbers(
  code: number | undefined,
  status: string | undefined,
): { readonly reason: Reason; readonly by: string } {
  const detail = status?.slice(2) ?? '';
  const temporary = status?.startsWith('4') === true ? TEMPORARY.get(detail) : undefined;
  const byStatus =
    temporary ?? BY_STATUS.get(detail) ?? (isContent(detail) ? 'spam-or-content' : undefined);
  if (byStatus !== undefined) return { reason: byStatus, by: 'status' };
  const byCode = code === undefined || contradicts(code, detail) ? undefined : BY_CODE[code];
  return byCode === undefined ? UNKNOWN : { reason: byCode, by: 'code' };
}
