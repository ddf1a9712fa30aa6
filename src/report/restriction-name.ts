/**
 * Which restriction a rehearsed refusal is of, by its text (smtpd_check.c of Postfix; the statements that
 * `postern audit --harden --rehearse` prints for Exim). Pure. Clients choose what is in `<...>`, so Postfix's own words
 * are read at the end, or at the beginning.
 */
import type { Mta } from '../model/event.ts';

const UNKNOWN = '(?:Domain not found|Malformed DNS server reply|Domain .* does not accept mail.*)';
const UNLISTED = 'User unknown(?: in [a-z ]+ table)?';

const ENDINGS: readonly (readonly [pattern: RegExp, restriction: string])[] = (
  [
    ['Helo command rejected: Invalid name', 'reject_invalid_helo_hostname'],
    ['Helo command rejected: need fully-qualified hostname', 'reject_non_fqdn_helo_hostname'],
    [
      'Helo command rejected: (?:Host not found|Malformed DNS server reply)',
      'reject_unknown_helo_hostname',
    ],
    ['Sender address rejected: need fully-qualified address', 'reject_non_fqdn_sender'],
    ['Recipient address rejected: need fully-qualified address', 'reject_non_fqdn_recipient'],
    [`Sender address rejected: ${UNKNOWN}`, 'reject_unknown_sender_domain'],
    [`Recipient address rejected: ${UNKNOWN}`, 'reject_unknown_recipient_domain'],
    [`Sender address rejected: ${UNLISTED}`, 'reject_unlisted_sender'],
    [`Recipient address rejected: ${UNLISTED}`, 'reject_unlisted_recipient'],
    ['[A-Z][A-Za-z -]* rejected: Multi-recipient bounce', 'reject_multi_recipient_bounce'],
    [
      '[A-Z][A-Za-z -]* rejected: Improper use of SMTP command pipelining',
      'reject_unauth_pipelining',
    ],
    ['Relay access denied', 'reject_unauth_destination'],
    ['(?:[A-Z][A-Za-z -]* rejected: )?Access denied', 'an access table'],
  ] as const
).map(([words, restriction]) => [new RegExp(`: ${words}$`), restriction]);

const CODE = /^[245]\d\d (?:[245]\.\d{1,3}\.\d{1,3} )?/;
const BLOCKED =
  /^Service unavailable; (Client host|Sender address|Helo command|Recipient address|Unverified Client host|Reverse Client host) \[.*?\] blocked using ([\w.-]+)/;
const LISTS: Readonly<Record<string, string>> = {
  'Client host': 'reject_rbl_client',
  'Sender address': 'reject_rhsbl_sender',
  'Helo command': 'reject_rhsbl_helo',
  'Recipient address': 'reject_rhsbl_recipient',
};

/** What a refusal is called whose text shows no restriction: of a policy service or an access table, for example. */
export const OTHER = 'other';

/** The name of the restriction, with the list for a blocklist; `other` if the text does not show it. */
export function nameRestriction(mta: Mta, reply: string | null): string {
  if (reply === null) return OTHER;
  if (mta === 'exim') return /^([a-z][a-z-]*): /.exec(reply)?.[1] ?? OTHER;
  const text = reply.replace(CODE, '');
  const [, kind = '', zone = ''] = BLOCKED.exec(text) ?? [];
  if (zone !== '') return `${LISTS[kind] ?? 'reject_rhsbl_client'} ${zone}`;
  const host = /^Client host rejected: cannot find your (reverse )?hostname, \[/.exec(text);
  if (host !== null)
    return host[1] === undefined
      ? 'reject_unknown_client_hostname'
      : 'reject_unknown_reverse_client_hostname';
  return ENDINGS.find(([pattern]) => pattern.test(text))?.[1] ?? OTHER;
}
