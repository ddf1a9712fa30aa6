/** Texts of strangers that look like something else in the log. They name victims who have done nothing. */

/** One attack: the user who really acts, and the victim whom the text tries to blame. All names are reserved ones. */
export interface Cast {
  readonly number: number;
  /** the SASL user and the address that the lines are really about */
  readonly user: string;
  readonly address: string;
  /** of the message that the lines are really about */
  readonly queueId: string;
  readonly victim: string;
  readonly victimAddress: string;
  /** of an open message of the victim */
  readonly victimQueueId: string;
  /** the remote host that refuses; another one for each attack, so that no provider looks suspect */
  readonly relay: string;
}

/** Every attack has its own names and addresses, so that a wrong key shows which attack made it. */
export function buildCast(number: number, mta: 'postfix' | 'exim'): Cast {
  const hex = number.toString(16);
  const id = (kind: string) =>
    mta === 'exim'
      ? `1${kind}${number.toString(36).padStart(4, '0')}-00000001a2B-3c4D`
      : `${kind === 'a' ? 'A' : 'B'}${hex.toUpperCase().padStart(5, '0')}CDEF0`;
  return {
    number,
    user: `alice${number}@example.net`,
    address: `2001:db8:a::${hex}`,
    queueId: id('a'),
    victim: `victim${number}@example.com`,
    victimAddress: `2001:db8:b::${hex}`,
    victimQueueId: id('b'),
    relay: `mx.d${number}.test[2001:db8:c::${hex}]:25`,
  };
}

export type Payload = (cast: Cast) => string;

/** Words from Postfix's log. */
const POSTFIX_WORDS: readonly Payload[] = [
  ({ victim }) => `x> to=<y@example.org> proto=ESMTP helo=<h> sasl_username=${victim}`,
  ({ victim }) => `x> proto=ESMTP helo=<h> sasl_method=PLAIN sasl_username=<${victim}>`,
  ({ victim }) => `, sasl_method=PLAIN, sasl_username=${victim}`,
  ({ victim }) => `; from=<${victim}> to=<z@example.org> proto=ESMTP helo=<h>`,
  ({ victim }) =>
    `>; from=<${victim}> to=<z@example.org> proto=ESMTP helo=<h> sasl_username=${victim}`,
  ({ victimAddress }) => `from unknown[${victimAddress}]: 550 5.1.1 <x@example.org>: User unknown`,
  ({ victimAddress }) => `, client=unknown[${victimAddress}]`,
  ({ victimAddress }) => `, orig_queue_id=ABCDEF0123, orig_client=unknown[${victimAddress}]`,
  ({ victimQueueId }) => `, orig_queue_id=${victimQueueId}`,
  ({ victimQueueId }) => `250 2.0.0 Ok: queued as ${victimQueueId}`,
  ({ victimQueueId }) => `forwarded as ${victimQueueId}`,
  ({ victimQueueId }) => `orig_id=${victimQueueId}`,
  ({ victimQueueId }) =>
    `${victimQueueId}: to=<z@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user)`,
  ({ victimQueueId }) =>
    `\rNov 10 09:05:07 mx1 postfix/smtp[1]: ${victimQueueId}: to=<z@example.org>, relay=none, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (unknown user)`,
  ({ victimQueueId }) => `\u2028${victimQueueId}: removed`,
  ({ victim }) =>
    `n>, relay=none, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced (host ${victim}`,
  ({ victim }) => `<${victim}>: Sender address rejected: not owned by user ${victim}`,
  ({ victim }) => `(in reply to RCPT TO command)), sasl_username=${victim}`,
  ({ victim }) =>
    `message repeated 500 times: [ warning: x[192.0.2.1]: SASL LOGIN authentication failed, sasl_username=${victim}]`,
];

/** Words from Exim's log. */
const EXIM_WORDS: readonly Payload[] = [
  ({ victim, victimAddress }) => ` H=(x) [${victimAddress}] P=esmtpsa A=login:${victim} S=1`,
  ({ victim }) => ` A=login:${victim}`,
  ({ victimAddress }) =>
    `) [${victimAddress}] F=<a@example.org> rejected RCPT <b@example.org>: Unrouteable address`,
  ({ victim, victimAddress }) =>
    `x) [${victimAddress}] F=<a@example.org> A=login:${victim} rejected RCPT <b@example.org>: Unrouteable address`,
  ({ victimAddress }) => `) [${victimAddress}]: 535 Incorrect authentication data (set_id=x)`,
  ({ victimQueueId }) =>
    `\r2026-11-10 09:05:07 ${victimQueueId} ** z@example.org R=r T=t: Unrouteable address`,
  ({ victimQueueId }) => ` R=${victimQueueId} `,
  ({ victimQueueId }) => `${victimQueueId} ** z@example.org: Unrouteable address`,
  ({ victim }) => ` U=${victim} P=local `,
  () => ' U=root P=local S=1',
  ({ victim }) => `" for ${victim} A=login:${victim}`,
  () => ' rejected RCPT <x@example.org>: Unrouteable address',
  () => ': Unrouteable address',
  () => ' <"x"@example.org> R=r T=t : 550 5.1.1 unknown',
  ({ victim }) =>
    ` Warning: postern: invalid user=${Buffer.from(victim).toString('base64')} sender= recipient=YUBi`,
  () => 'cwd=/home/victim 3 args: /usr/sbin/sendmail -t -i',
];

/** Aimed at what comes after the log: shells, files, maps, mails, browsers, terminals. */
const ELSEWHERE: readonly Payload[] = [
  () => 'ordinary',
  ({ victim }) => `$(touch /tmp/postern-owned); ${victim}`,
  () => '`reboot` && rm -rf / | cat > /etc/passwd',
  () => '../../../../etc/passwd',
  () => '|/bin/sh -c id',
  () => '/etc/postfix/main.cf',
  () => ':include:/etc/passwd',
  ({ victim }) => `x\tOK\n${victim}\tREJECT`,
  ({ victim }) => `x: "${victim}"`,
  () => '# comment',
  () => '* everybody',
  () => '*@example.com',
  () => '!static:all',
  () => '@example.com',
  () => '${run{/bin/id}}',
  () => '"quoted" \\ backslash',
  ({ victim }) => `\r\nBcc: ${victim}\r\n\r\nbody`,
  ({ victim }) => `=?utf-8?q?=0d=0aBcc:_${victim.replace('@', '=40')}?=`,
  () => '<script>alert(1)</script><img src=x onerror=alert(1)>',
  () => `"><a href='http://example.org/'>click</a> &amp;`,
  () => '\x1b]0;owned\x07\x1b[2J\x1b[31mred',
  () => '\u009b31m \u202egnp.exe \u2066 \ufeff',
  () => '\x00\x01\x02 \x7f',
  () => '\xff\xfe \xc3(',
  () => 'constructor __proto__ toString',
  () => 'İstanbul ＡＤＭＩＮ ﬁ',
  () => `${'long '.repeat(400)}end`,
];

export const POSTFIX_PAYLOADS: readonly Payload[] = [...ELSEWHERE, ...POSTFIX_WORDS];
export const EXIM_PAYLOADS: readonly Payload[] = [...ELSEWHERE, ...EXIM_WORDS];

/** The payload as a byte string: UTF-8, unless all of its characters are bytes already. */
export function toBytes(text: string): string {
  return /^[\x00-\xff]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
