/** How mail servers word their answers, as they really do. Addresses and hosts are made up. */
import type { Answer, Dialect } from './story.ts';

/** A final refusal; each line with its code. */
export function refuses(stage: Answer['stage'], ...reply: readonly string[]): Answer {
  return { outcome: 'bounced', stage, reply };
}

/** A refusal for now. */
export function putsOff(stage: Answer['stage'], ...reply: readonly string[]): Answer {
  return { outcome: 'deferred', stage, reply };
}

export function accepts(reply: string): Answer {
  return { outcome: 'sent', stage: 'DATA', reply: [reply] };
}

/** What the MTA finds out without a server. */
export function finds(outcome: Answer['outcome'], status: string, text: string): Answer {
  return { outcome, stage: 'none', status, reply: [text] };
}

/** Postfix with postgrey. */
export const POSTFIX: Dialect = {
  sent: (token) => accepts(`250 2.0.0 Ok: queued as ${token}`),
  dead: (to) =>
    refuses(
      'RCPT',
      `550 5.1.1 <${to}>: Recipient address rejected: User unknown in virtual mailbox table`,
    ),
  grey: (to) =>
    putsOff(
      'RCPT',
      `450 4.2.0 <${to}>: Recipient address rejected: Greylisted, see http://postgrey.example/help/${to.split('@')[1]}.html`,
    ),
  busy: () => putsOff('CONNECT', '421 4.7.0 Error: too many connections from your network'),
  full: (to) =>
    refuses('RCPT', `552 5.2.2 <${to}>: Recipient address rejected: Mailbox is over quota`),
  spam: () => refuses('DATA', '554 5.7.1 Message rejected as spam by Content Scanner'),
};

/** Exim as cPanel sets it up. */
export const EXIM: Dialect = {
  sent: (token) =>
    accepts(`250 OK id=1uz${token.slice(0, 3)}-0000000${token.slice(3, 7)}-${token.slice(7)}`),
  dead: () => refuses('RCPT', '550 No Such User Here'),
  grey: () => putsOff('RCPT', '451 Greylisted, please try again in 180 seconds'),
  busy: () => putsOff('RCPT', '451 Too many messages from your host, please slow down'),
  full: () => refuses('RCPT', '552 Mailbox quota exceeded, please try again later'),
  spam: () => refuses('DATA', '550 This message scored 9.4 points and is considered spam'),
};

/** Exchange behind its directory. */
export const EXCHANGE: Dialect = {
  sent: (token) => accepts(`250 2.6.0 <${token}@tenant.example> Queued mail for delivery`),
  dead: () =>
    refuses(
      'RCPT',
      '550 5.4.1 Recipient address rejected: Access denied. For more information see https://errors.example/smtp [DB5.eop.livebox.example]',
    ),
  grey: () => putsOff('RCPT', '450 4.7.1 Recipient greylisted, please try again in 5 minutes'),
  busy: () =>
    putsOff(
      'MAIL',
      '451 4.7.500 Server busy. Please try again later (S77714) [AM6.eop.livebox.example]',
    ),
  full: (to) =>
    refuses('DATA', `552 5.2.2 STOREDRV.Deliver; mailbox full. <${to}> has reached its quota`),
  spam: () =>
    refuses(
      'DATA',
      '550 5.7.520 Message blocked because it contains content identified as spam. AS(4810)',
    ),
};

/** The largest mail provider. */
export const BIG_MAIL: Dialect = {
  sent: (token) => accepts(`250 2.0.0 OK  1758009600 ${token.toLowerCase()}.212 - bigsmtp`),
  dead: () =>
    refuses(
      'RCPT',
      '550-5.1.1 The email account that you tried to reach does not exist. Please try',
      "550-5.1.1 double-checking the recipient's email address for typos or",
      '550-5.1.1 unnecessary spaces. Learn more at',
      '550 5.1.1  https://support.bigmail.example/?p=NoSuchUser 4fb4d7f45d1cf-62ed - bigsmtp',
    ),
  grey: () =>
    putsOff(
      'RCPT',
      '450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend later. - bigsmtp',
    ),
  busy: () =>
    putsOff(
      'DATA',
      '421-4.7.28 Our system has detected an unusual rate of unsolicited mail',
      '421-4.7.28 originating from your IP address. To protect our users from spam,',
      '421 4.7.28 mail sent from your IP address has been temporarily rate limited. - bigsmtp',
    ),
  full: () =>
    refuses(
      'RCPT',
      '552-5.2.2 The email account that you tried to reach is over quota. Please direct',
      '552 5.2.2 the recipient to https://support.bigmail.example/?p=OverQuotaPerm - bigsmtp',
    ),
  spam: () =>
    refuses(
      'DATA',
      '550-5.7.1 Our system has detected that this message is likely unsolicited mail.',
      '550 5.7.1 To reduce the amount of spam, this message has been blocked. - bigsmtp',
    ),
};

/** A provider of free mailboxes. */
export const FREE_MAIL: Dialect = {
  sent: (token) => accepts(`250 ok dirdel ${token}`),
  dead: (to) =>
    refuses(
      'DATA',
      `554 delivery error: dd This user doesn't have a freebox.example account (${to}) [-9] - mta4.freebox.example`,
    ),
  grey: () =>
    putsOff(
      'CONNECT',
      '421 4.7.0 [TSS04] Messages temporarily deferred due to unexpected volume; see https://postmaster.freebox.example',
    ),
  busy: () =>
    putsOff(
      'CONNECT',
      '421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints - 4.16.55.1; see https://postmaster.freebox.example',
    ),
  full: () => refuses('RCPT', '552 1 Requested mail action aborted, mailbox is over quota'),
  spam: () =>
    refuses(
      'DATA',
      '554 5.7.9 Message not accepted for policy reasons. See https://postmaster.freebox.example/error-codes',
    ),
};

/** A portal with advertisements. */
export const PORTAL: Dialect = {
  sent: (token) => accepts(`250 Requested mail action okay, completed: id=0M${token}`),
  dead: () =>
    refuses(
      'RCPT',
      '550 Requested action not taken: mailbox unavailable',
      '550 For explanation visit https://postmaster.portal.example/error-messages',
    ),
  grey: () =>
    putsOff('MAIL', '450 Requested mail action not taken: mailbox unavailable, greylisted'),
  busy: () =>
    putsOff(
      'CONNECT',
      '421 portal.example Service temporarily unavailable, too many connections from your host',
    ),
  full: () =>
    refuses(
      'RCPT',
      '552 Requested mail action aborted: exceeded storage allocation',
      '552 Quota exceeded. The recipient mailbox is full.',
    ),
  spam: () =>
    refuses(
      'DATA',
      '554 Transaction failed',
      '554 Reject due to policy restrictions: message contains unsolicited content',
    ),
};

/** A French carrier. */
export const CARRIER: Dialect = {
  ...POSTFIX,
  dead: () =>
    refuses(
      'RCPT',
      '550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. CAR_416 [416]',
    ),
  busy: () =>
    putsOff(
      'CONNECT',
      '421 4.7.0 Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. CAR_104 [104]',
    ),
  spam: () => refuses('DATA', '550 5.2.0 Mail rejete. Mail rejected. car_506 [506]'),
};

/** The largest provider of the East, whose throttle also begins with 550. */
export const PENGUIN: Dialect = {
  ...POSTFIX,
  sent: (token) => accepts(`250 OK: queued as. ${token}`),
  dead: () =>
    refuses('RCPT', '550 Mailbox not found. http://service.penguin.example/help?no=1000728'),
  busy: () =>
    refuses(
      'RCPT',
      '550 Mailbox unavailable or access denied. http://service.penguin.example/detail/122/1000',
    ),
  spam: () =>
    refuses('DATA', '550 Mail content denied. http://service.penguin.example/help?no=1000726'),
};
