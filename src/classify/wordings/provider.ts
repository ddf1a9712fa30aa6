/**
 * Codes with which some providers answer instead of words, and words with which they mean something else than others do.
 * The first entries of the table, because such a reply has nothing else to go by.
 */
import type { ReasonEntry } from './entry.ts';

/** A wording that begins like one of the codes below. */
export const BEGINS_WITH_CODE = /^[^a-z]{0,4}(?:[a-z]{2}(?::[a-z]{3}|-0)|[a-z]{3}:[a-z])/;

/**
 * NetEase (163, 126, yeah) and servers of the same make: `HL` is the connection, `MI` MAIL, `RP` RCPT, `DT` DATA.
 * Outlook.com: DY is a dynamic address, OU and SC are blocks of a host. RP, a rate, has words of its own.
 * AOL: `(RTR:BL)`, `(RLY:B1)`, `(HVU:B1)` and others.
 */
export const CODES: readonly ReasonEntry[] = [
  {
    name: 'netease-relay',
    reason: 'relay-denied',
    literals: 'rp:frl',
    pattern: /^rp:frl\b/,
    example: '550 RP:FRL 163 mx1,AbCd 1400000000',
  },
  {
    name: 'netease-authentication',
    reason: 'auth',
    literals: 'mi:spf|mi:dma|mi:dki',
    pattern: /^mi:(?:spf|dma|dki)/,
    example: '550 MI:SPF 163 mx1,AbCd 1400000000',
  },
  {
    name: 'netease-rate',
    reason: 'rate-limited',
    literals: 'hl:|mi:|rp:',
    pattern: /^(?:hl:i(?:cc|f[a-z]|t[a-z])|mi:(?:dmc|s[a-z]c|sfq|c[a-z]l)|rp:[a-z]{3})\b/,
    example: '421 HL:ICC 163 mx1,AbCd 1400000000',
  },
  {
    name: 'netease-host',
    reason: 'reputation',
    literals: 'hl:|mi:|wm:|dt:rbl',
    pattern: /^(?:(?:hl|mi|wm):[a-z]{3}|dt:rbl)\b/,
    example: '554 HL:IPB 163 mx1,AbCd 1400000000',
  },
  {
    name: 'netease-content',
    reason: 'spam-or-content',
    literals: 'dt:',
    pattern: /^dt:[a-z]{3}\b/,
    example: '554 DT:SUM 163 mx1,AbCd 1400000000',
  },
  {
    name: 'outlook-block',
    reason: 'reputation',
    literals: 'dy-0|ou-0|sc-0',
    pattern: /^(?:dy|ou|sc)-0\b/,
    example: '550 OU-002 Mail rejected',
  },
  {
    name: 'aol-rate',
    reason: 'rate-limited',
    literals: 'rly:b0|dyn:t0',
    example: '421 4.7.1 : (DYN:T1) https://postmaster.example.com/421dynt1.html',
  },
  {
    name: 'aol-content',
    reason: 'spam-or-content',
    literals: 'hvu:b0|rtr:ch|rly:bd|rly:ch',
    example: '554 (HVU:B1) https://postmaster.example.com/554hvub1.html',
  },
  {
    name: 'aol-block',
    reason: 'reputation',
    literals: 'rtr:|rly:|con:',
    pattern: /\b(?:rtr|rly|con):[a-z]/,
    example: '554- (RTR:BL) https://postmaster.example.com/554rtrbl.html',
  },
];

export const PROVIDERS: readonly ReasonEntry[] = [
  {
    // Cox: limits of connections, messages and recipients. CXBL and CXSNDR are about the host and the sender.
    name: 'cox-rate',
    reason: 'rate-limited',
    literals: 'cxcnct|cxthrt|cxmxrt|cxmxrc',
    example: '452 4.1.0 Requested action aborted: try again later - CXTHRT',
  },
  {
    // `BL0005`, `IPBL0001`: a number of the provider's own blocklist.
    name: 'block-code',
    reason: 'reputation',
    literals: 'bl0',
    pattern: /^(?:\S{1,64} )?(?:cx|ip)?bl0(?=[ :]|$)/,
    unless: /\bspam(?! ?(?:haus|cop))/,
    example: '554 BL0001 Your message was blocked',
  },
  {
    // T-Online, about the address of the host, with an address to write to.
    name: 'ask-your-postmaster',
    reason: 'reputation',
    literals: 'a problem occurred',
    pattern: /\bip=[^ ]{1,45} - a problem occurred/,
    example: '554 IP=192.0.2.7 - A problem occurred. (Ask your postmaster for help.)',
  },
  {
    // QQ says so when a mailbox gets much mail in a short time. The mailbox exists.
    name: 'mailbox-throttled',
    reason: 'rate-limited',
    literals: 'unavailable or access deni',
    pattern: /mail[- ]?box unavailable or access deni(?:ed|al)/,
    unless: /unknown|not found|no such|not exist/,
    example: '550 Mailbox unavailable or access denied',
  },
  {
    // Sina says so of the sender's address. A reply about the recipient names it, or says `email address`.
    name: 'bare-mail-address',
    reason: 'reputation',
    literals: 'mail address',
    status: [''],
    pattern:
      /^(?:black(?:ed|listed)? mail address|mail address (?:is )?(?:invalid|black\w*|not match\w*))[. !]*$/,
    example: '554 mail address invalid',
  },
];
