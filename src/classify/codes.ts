/**
 * What status and code mean if no words decide: the details of RFC 3463 with later additions (RFC 7505, 7372, 8601 and
 * the registry), then RFC 5321 4.2.3. This is weak evidence, so it comes last.
 */
import type { Reason } from '../model/event.ts';

/**
 * A reason and what decided it: the name of a table entry, or `status`, `code`, `stage`, `cached`, `other-address`,
 * `none`.
 */
export interface Finding {
  readonly reason: Reason;
  readonly by: string;
}

/** By the detail, which is the status without its class. A map, because a status may be any text, even `toString`. */
function toMap(table: Readonly<Record<string, Reason>>): ReadonlyMap<string, Reason> {
  return new Map(Object.entries(table));
}

const BY_STATUS: ReadonlyMap<string, Reason> = toMap({
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

/** Details that mean something else with class 4: only a 5yz says that the address itself is wrong. */
const TEMPORARY: ReadonlyMap<string, Reason> = toMap({
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

/** x.6.y is about the content of the message, except for the details about addresses with SMTPUTF8 (RFC 6531). */
function isContent(detail: string): boolean {
  return detail.startsWith('6.') && !/^6\.(?:[4789]|10)$/.test(detail);
}

/** Words about the sending side or about this message. With them, x.1.y and x.2.1 say nothing about the recipient. */
const NOT_THE_RECIPIENT =
  /\b(?:blocked|blocking|spam|polic(?:y|ies)|sending|reputation|connections?|not (?:be )?(?:allowed|permitted|authori[sz]ed)|den(?:y|ied)|reply-to|unsolicited|virus|attacks?|too many|spf|dkim|dmarc|sender (?:address|domain|is|not|rejected|refused|denied|unknown))\b/;
/** x.2.1 is used for many things, with a link often for a blocklist. So these words outweigh it as well. */
const NOT_THE_MAILBOX = /url#|\b(?:messages?|mails?|servers?|hosts?|systems?|delivery|domain)\b/;

/** These codes are also used freely. So the text must be about what they mean, or have no words at all. */
const ABOUT_CODE: Readonly<Record<number, RegExp>> = {
  521: /domain|host|mail|dom#|^[^a-z]*$/,
  551: /@|user|address|recipient|mail ?box|account|local|forward|^[^a-z]*$/,
  552: /mail ?box|user|account|recipient|storage|space|disk|limit|full|exceed|quota|^[^a-z]*$/,
  556: /domain|host|mail|mx|dom#|@|^[^a-z]*$/,
};

/** x.1.0 means that some address is wrong. So the text must be about an address, or have no words at all. */
const AN_ADDRESS =
  /@|\b(?:address\w*|recipients?|users?|mail[- ]?box\w*|accounts?|unknown)\b|^[^a-z]*$/;

function isAboutSomethingElse(detail: string, wording: string): boolean {
  if (detail === '1.0' && !AN_ADDRESS.test(wording)) return true;
  return NOT_THE_RECIPIENT.test(wording) || (detail === '2.1' && NOT_THE_MAILBOX.test(wording));
}

/** The reason by enhanced status, else by code, else `other`. The wording can only turn `invalid-…` into `other`. */
export function findByCodes(
  code: number | undefined,
  status: string | undefined,
  wording: string,
): Finding {
  const found = findByNumbers(code, status);
  if (found.by === 'code' && ABOUT_CODE[code as number]?.test(wording) === false) return UNKNOWN;
  const invalid = found.reason === 'invalid-recipient' || found.reason === 'invalid-domain';
  return invalid && isAboutSomethingElse(status?.slice(2) ?? '', wording) ? UNKNOWN : found;
}

/** In `521 5.7.0` and `551 5.5.4` the status shows that the code does not have its meaning of RFC 7504 and RFC 5321. */
function contradicts(code: number, detail: string): boolean {
  return (code === 521 || code === 551) && detail !== '' && !/^(?:1\.|3\.2$)/.test(detail);
}

const UNKNOWN: Finding = { reason: 'other', by: 'none' };

function findByNumbers(code: number | undefined, status: string | undefined): Finding {
  const detail = status?.slice(2) ?? '';
  const temporary = status?.startsWith('4') === true ? TEMPORARY.get(detail) : undefined;
  const byStatus =
    temporary ?? BY_STATUS.get(detail) ?? (isContent(detail) ? 'spam-or-content' : undefined);
  if (byStatus !== undefined) return { reason: byStatus, by: 'status' };
  const byCode = code === undefined || contradicts(code, detail) ? undefined : BY_CODE[code];
  return byCode === undefined ? UNKNOWN : { reason: byCode, by: 'code' };
}
