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
`,
  other: `
550 5.4.1 [bob@example.org]: Access denied [EX1.prod.example.com]
551 line parse error
551 5.7.1 Our database returned invalid information about the recipient's domain
550 5.7.1 Policy rejection on the target address
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
] as const;

describe('replies from the field', () => {
  test.each(REPLIES)('%s', (reply, reason) => {
    expect(classify({ reply })).toBe(reason);
  });

  test.each(NOT_INVALID)('not invalid: %s', (reply) => {
    expect(['invalid-recipient', 'invalid-domain']).not.toContain(classify({ reply }));
  });
});
