/** Refusals that the scanner takes, and others in which a stranger has written a false tail or a false line. */

import { ByteCursor } from '../../src/scan/bytes.ts';
import { scanExim } from '../../src/scan/exim.ts';
import { scanPostfix } from '../../src/scan/postfix.ts';

const NOQUEUE = 'NOQUEUE: reject: RCPT from cl.example.org[192.0.2.7]: ';
const TAIL = '; from=<a@example.org> to=<x@example.net> proto=ESMTP helo=<h>';
const H = 'H=cl.example.org (h) [192.0.2.7] ';
const REJECTED = 'rejected RCPT <x@example.net>: ';

/** What stands behind the prefix: a text of smtpd, or of Exim if it begins with `H=`. */
export const ORDINARY: readonly string[] = [
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown in virtual mailbox table${TAIL}`,
  `${NOQUEUE}554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked using bl.example.org; https://bl.example.org/192.0.2.7${TAIL}`,
  `${NOQUEUE}450 4.1.8 <a@example.org>: Sender address rejected: Domain not found${TAIL}`,
  `${NOQUEUE}553 5.7.1 <a@example.org>: Sender address rejected: not owned by user anna${TAIL}`,
  `${NOQUEUE}450 4.1.1 <x@example.net>: Recipient address rejected: undeliverable address: host mx.example.net[192.0.2.9] said: 550 5.1.1 no such user${TAIL}`,
  `${NOQUEUE}550 5.1.1 <other@example.net>: Recipient address rejected: User unknown${TAIL}`,
  `${NOQUEUE}554 5.7.1 <cl.example.org[192.0.2.7]>: Client host rejected: Access denied${TAIL}`,
  `${NOQUEUE}504 5.5.2 <h>: Helo command rejected: need fully-qualified hostname${TAIL}`,
  '9BE7E21449E: reject: RCPT from unknown[2001:db8::7]:4025: 550 5.7.1 Service unavailable; client [2001:db8::7] blocked using bl.example.org; from=<>, to=<x@example.net>, proto=SMTP, helo=<>',
  `${H}F=<a@example.org> ${REJECTED}Unrouteable address`,
  `${H}X=TLS1.3:AES:256 CV=no F=<> A=plain:anna@example.net ${REJECTED}relay not permitted`,
];

const FALSE_TAIL =
  '; from=<v@example.org> to=<victim@example.net> proto=ESMTP helo=<h> sasl_username=victim';

export const HOSTILE: readonly string[] = [
  `${NOQUEUE}550 5.1.1 <x${FALSE_TAIL}@example.net>: Recipient address rejected: User unknown${TAIL}`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown${FALSE_TAIL}${TAIL}`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown${TAIL} sasl_method=LOGIN sasl_username=anna`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown${TAIL}: a comment`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: text;: User unknown${TAIL}`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: a sasl_sender=<b${TAIL}`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown; from=<a@example.org> to=<"x; from=<b@example.org> to=<x@example.net> proto=ESMTP helo=<h>`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: User unknown; from=<@r:a@example.org> to=<x@example.net> proto=ESMTP helo=<h>`,
  `${NOQUEUE}554 5.7.1 Service unavailable; Sender address [x${TAIL}`,
  `${NOQUEUE}554 5.7.1 Service unavailable; Sender address [x; from=<b@example.org>] blocked using bl.example.org${TAIL}`,
  `${NOQUEUE}550 5.1.1 <y@example.net>: Recipient address rejected: undeliverable address: host mx.example.net[192.0.2.9] said: no${TAIL}`,
  `${NOQUEUE}553 5.7.1 <x@example.net>: Sender address rejected: not owned by user anna${TAIL}`,
  `${NOQUEUE}550 5.1.1000 <x@example.net>: Recipient address rejected: User unknown${TAIL}`,
  `${NOQUEUE}650 5.1.1 <x@example.net>: Recipient address rejected: User unknown${TAIL}`,
  `${NOQUEUE}550 <x@example.net>: Recipient address rejected: User unknown${TAIL}`,
  `${NOQUEUE}450 4.1.1 <x@example.net: Recipient address rejected: unverified address: no${TAIL}`,
  `${NOQUEUE}550 5.1.1 <x@example.net>: Recipient address rejected: caf\u00c3\u00a9${TAIL}`,
  `${H}F=<a@example.org> ${REJECTED}no (h2) [192.0.2.66] F=<b@example.org> rejected RCPT <y@example.net>: Unrouteable address`,
  `H=(h) [192.0.2.66] F=<b@c> rejected RCPT <y@example.net>: Unrouteable address () [192.0.2.7] F=<a@example.org> ${REJECTED}Unrouteable address`,
  `${H}F=<"x rejected RCPT <y@example.net>: Unrouteable address"@example.org> ${REJECTED}Unrouteable address`,
  `${H}F=<a@example.org> rejected RCPT <${'x'.repeat(90)}@example.net>: Unrouteable address`,
  `${H}F=<a@example.org> A=plain:x) [192.0.2.8] ${REJECTED}Unrouteable address`,
];

/** The line three times, behind prefixes of its mail server: the first one is read plainly in any case. */
export function inLog(text: string): Buffer {
  const prefix = isExim(text)
    ? '2026-11-01 09:05:07 '
    : '2026-11-01T09:05:07.123456+01:00 mx1 postfix/smtpd[811]: ';
  return Buffer.from(`${prefix}${text}\n`.repeat(3), 'latin1');
}

/** Whether the scanner makes a record of it. */
export function takesAll(text: string): boolean {
  const cursor = new ByteCursor();
  cursor.bytes = Buffer.from(text, 'latin1');
  cursor.text = text;
  cursor.end = text.length;
  const scanned = isExim(text) ? scanExim(cursor) : scanPostfix('smtpd', cursor);
  return typeof scanned === 'object';
}

function isExim(text: string): boolean {
  return text.startsWith('H=');
}
