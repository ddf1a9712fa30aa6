/** Wordings of the field in our own words: what providers mean by them, and what they must never count as. */
import { describe, expect, test } from 'vitest';
import { classify } from '../../src/classify/classify.ts';
import type { Reason } from '../../src/model/event.ts';

/** One reply a line, under the reason that it must get. */
const CASES: Readonly<Partial<Record<Reason, string>>> = {
  'invalid-recipient': `
550 Recipient address verification failure
550 Unable to validate recipient
550 Illegal characters in the local part
550 Mail is not accepted for this account
550 This mailbox no longer accepts mail
550 bob is no longer an employee
550 bob not listed in the LDAP directory
550 incorrectly addressed
550 Adressat unbekannt oder Mailbox deaktiviert
550 Der Empfaenger existiert nicht
550 Nie znaleziono adresata
550 User not a member of domain: <bob@example.org>
550 <bob> is now disabled here
550 The address is not our client
550 We have no record of the account bob
550 bob@example.org is not a recognized user
550 recipient undefined
550 user bob has been blocked by the administrator
550 5.4.1 <bob@example.org>: Recipient address rejected: Access denied [EX1.prod.example.com]
550 Unrouteable address
550 5.1.2 Mailing list not found
550 Requested action not taken: mailbox unavailable: no such user
554 5.2.1 STOREDRV.Deliver.Exception:AccountDisabledException.MapiExceptionMailboxDisabled; Failed to process message
550 bob_is_an_unknown_user
550_Invalid_recipient
550 Mailaddress unknown
550 disabled due to inactivity
550 User hasn't logged on for 90 days
550 bob is inactive on this server
550 bob is not known at this site
550 The e-mail account is not found
550 no final e-mail delivery point
550 Please check the recipient's e-mail address
501 <bob>: domain missing or malformed
`,
  'mailbox-full': `
552 message is larger than the space available
452 mailbox space not enough
550 mailbox_quota_exceeded
554 5.2.2 STOREDRV.Deliver.Exception:QuotaExceededException; Failed to process message
`,
  'invalid-domain': `
550 this host does not have any mail exchanger
550 Domain not used for mail
Cannot resolve the IP address of the following domain: example.org
`,
  'spam-or-content': `
554 Format restriction violation
554 5.7.1 black listed url host www.example.com
554 HTML mail is not accepted here
550 5.7.1 Keyword Filter
550 5.6.0 Invalid address in From
550 5.6.0 Missing Sender header field
550 5.7.7 Failed to parse message
554 5.3.4 Line is too long
550 5.7.1 Refusing to deliver a quarantined message
550 5.7.1 Message refuse : contenu indesirable
550 5.7.1 Macros in an Office document
554 5.7.1 Rejected by DCC
550 SURBL filtered
550 the message has been quarantined
552 message has exceeded the attachment count
550 5.7.512 Access denied, message must be RFC 5322 compliant
`,
  auth: `
550 5.7.0 Your mail could not be delivered due to domain owner policy restrictions
550 Sending is only allowed with authentication
553 Please get your mail before sending
550 5.7.1 sender id (pra) not permitted
`,
  'relay-denied': `
554 5.7.1 <bob@example.org>: Recipient address rejected: NO-DOMAIN.
553 this recipient isn't in my list of allowed recipients
550 Delivery is not allowed to this address.
550 5.1.1 not accepting email for domain
550 5.7.1 example.org is not one of our domains
550 5.7.1 This server only accepts mail for its own domains
`,
  network: `
550 conection refused
550 5.7.0 Failed to establish the authenticity of the MX (MTA-STS)
`,
  reputation: `
550 5.7.1 host mx.example.net [192.0.2.7] from unknown TLD #122
554 mail address invalid.
556 remote ip check error.
555 helohost failure
550 you come from a black IP
550 IP address in quarantine
421 4.7.0 Access denied!
421 HL:MEP 163 mx1,AbCd 1400000000
550 WM:BLU 163 mx1,AbCd 1400000000
550 SC-001 (BAY-1) Unfortunately, messages from 192.0.2.7 weren't sent.
554 BL0007 Blocked, you are sending mail to unknown users over too many connections
550 5.5.3 <bob@example.org>: Recipient address rejected: multiple recipients bounce
450 Domain example.net receives too many bounces
550 5.7.1 Connection refused
550 5.4.1 All recipient addresses rejected : Access denied [EX1.prod.example.com]
550 Your host is impersonating us
550 you may not get access from your country
550 Comcast block for spam
450-Requested action not taken: mailbox unavailable 450 Sender address is not allowed
553-5.1.2 The sender address <a@b@example.net> is not a valid 553 5.1.2 RFC-5321 address
553 5.5.4 <alice>... Domain name required for sender address alice
501 5.5.1 HELO/EHLO requires domain address
451 Domain must resolve
550 the mail server is currently blocked
550 Mail is only accepted from IPs with valid reverse lookups
553 Sender address syntax error
550 5.7.27 Domain in MAIL FROM does not have any MX records
550 5.7.1 From address must belong to the authenticated user
554 Serveur bloque pour envoi de spam
554 5.7.1 Connections from hosting providers are rejected
554- (RTR:BL) https://postmaster.example.com/errors/554rtrbl.html
`,
  'rate-limited': `
550 Mailbox unavailable or access denied
550 Mailbox unavailable or access denied [MJAx1 IP: 192.0.2.1]. https://service.mail.example.com/detail/0/1000
421 HL:ICC 163 mx1,AbCd 1400000000
450 MI:DMC 163 smtp1,AbCd
550 RP:TRC 163 smtp1,AbCd
451 out of allow RCPT numbers.
451 Ratelimit exceeded for mailbox bob
421 Submission rate for this client has exceeded the configured limit
450-Requested mail action not taken: mailbox unavailable 450-Mail send limit exceeded. 450 See url
452 4.1.0 requested action aborted: try again later - CXTHRT
550 Mailbox quota for messages per hour exceeded
451 4.7.1 <bob@example.org>: Recipient address rejected: Intentional policy rejection, please try again later
554 5.7.1 <bob@example.org>: Recipient address rejected: Throttling quota exceeded
451 4.7.1 max number of new recipients (20) over past 24h reached
451 Превышен лимит
421 发送频率过高
`,
  other: `
550 5.4.1 [bob@example.org]: Access denied [EX1.prod.example.com]
551 line parse error
551 5.7.1 Our database returned invalid information about the recipient's domain
550 5.7.1 Policy rejection on the target address
554 5.5.1 Error: no valid recipients
451 4.5.0 Error in processing, virus_scan FAILED: all scanners failed
503 Must have sender and recipient first.
550 5.7.1 The recipient's challenge-response system refused your message
`,
};

const REPLIES = Object.entries(CASES).flatMap(([reason, lines]) =>
  lines
    .trim()
    .split('\n')
    .map((reply) => [reply, reason] as const),
);

/** Each one looks like an invalid recipient, but is about the sender, a rate, a policy or nothing certain. */
const NOT_INVALID = [
  '550 Mailbox unavailable or access denied [MJAx1 IP: 192.0.2.1]. https://service.mail.example.com/detail/0/1000',
  '550 5.7.1 host mx.example.net [192.0.2.7] from unknown TLD #122',
  '550 mail from unknown domain refused',
  '554 mail address invalid.',
  '554 Black mail address.',
  '556 remote ip check error.',
  '556 The number of RCPTs is over size',
  '551 line parse error',
  '551 5.7.1 Unable to read the forwarding recipient',
  '551 we do not forward for your IP',
  '550 5.4.1 [alice@example.net]: Access denied [EX1.prod.example.com]',
  '550 5.4.1 All recipient addresses rejected : Access denied [EX1.prod.example.com]',
  '550 Recipient verification failed: sender verify failed',
  '450 Recipient verification failed',
  '550 Recipient callout failed: could not connect to 192.0.2.7',
  '550 Illegal characters in your address',
  '550 Invalid characters in the sender address',
  '550 The user does not accept mail from outside',
  '550 The user does not accept email in non-Latin character sets',
  '550 This mailbox does not accept messages larger than 10 MB',
  '550 mail is not accepted for this mailbox: policy',
  '550 client not known in our directory',
  '550 the sender is no longer an employee',
  '550 you are not one of our customers',
  '550 you are not a member of this domain',
  '550 554 BL0005 Your message was blocked: sending to invalid recipients',
  '550 OU-001 (BAY-1) Unfortunately, messages from 192.0.2.7 were not sent',
  '421 HL:REP 163 mx1,AbCd 1400000000',
  '550 RP:RCL 163 mx1,AbCd 1400000000',
  '550 5.5.3 <bob@example.org>: Recipient address rejected: multiple recipients bounce',
  '450 4.7.1 <bob@example.org>: Recipient address rejected: Domain example.net receiving too many bounces',
  '450 4.2.1 <bob@example.org>: Mailbox received too much email in a short period of time',
  '451 Ratelimit exceeded for mailbox bob',
  '552 5.0.0 Transaction Failure. Invalid Args.',
  '550 5.7.1 Policy rejection on the target address',
  '554 5.5.1 Error: no valid recipients',
  '421 4.4.2 Connection closed due to inactivity',
  '421 Session suspended due to inactivity',
  '550 IP blocked due to inactivity',
  '550 Sender mailbox disabled due to inactivity',
  '550 Your user has never logged in',
  '550 You have not logged in',
  '550 5.7.1 The recipient has not entered you in the list',
  '550 client not known at this site',
  '550 sender domain not known on this server',
  '550 your e-mail is not found',
  '550 message_rejected: user_unknown_sender',
  '550 Requested action not taken: mailbox unavailable: sender unknown',
  '450 Requested mail action not taken: mailbox unavailable',
  '503 5.5.1 No recipient specified',
  '503 5.5.1 No recipients',
  '450 4.1.1 unable to look up recipient',
  'Connection to directory failed: user unknown',
  '550 5.7.1 address of a link in the message is not valid',
  '550 5.7.1 You are not a known user; please authenticate',
  '550 user does not wish to receive mail from you',
  '550 5.7.1 address 192.0.2.7 not found in our whitelist',
  '503 5.5.1 Invalid recipient.',
  '550 5.6.0 Invalid address in From',
  '550 5.7.1 example.org is not one of our domains',
  '451 4.3.2 cannot copy message to temporary file: No space left on device',
] as const;

describe('replies from the field', () => {
  test.each(REPLIES)('%s', (reply, reason) => {
    expect(classify({ reply })).toBe(reason);
  });

  test.each(NOT_INVALID)('not invalid: %s', (reply) => {
    expect(['invalid-recipient', 'invalid-domain']).not.toContain(classify({ reply }));
  });
});
