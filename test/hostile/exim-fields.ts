/**
 * Every field of Exim's log that a stranger can choose, as a function that builds lines around the stranger's text.
 * Exim logs addresses raw, with CR and 8-bit bytes. Subjects, replies and names of failed logins are C strings with
 * escapes.
 */
import type { Cast } from './payloads.ts';
import type { Field } from './postfix-fields.ts';

/** LF is the only byte that cannot be in a line. */
function raw(payload: string): string {
  return payload.replaceAll('\n', '');
}

function quoted(payload: string, domain: string): string {
  return `"${raw(payload).replace(/[\\"]/g, '\\$&')}"@${domain}`;
}

/** The final address of a delivery line: unquoted and in lower case. */
function final(payload: string, domain: string): string {
  return `${raw(payload).replace(/[A-Z]/g, (letter) => letter.toLowerCase())}@${domain}`;
}

/** string_printing: bytes that are not printable become escapes. */
function printing(payload: string): string {
  return payload.replace(/[^\x20-\x7e]/g, (byte) =>
    byte === '\n' ? '\\n' : `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

function cString(payload: string): string {
  return printing(payload.replace(/[\\"]/g, '\\$&'));
}

/** The characters that a HELO name may have, unless the server accepts junk. */
function helo(payload: string): string {
  return payload.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 80);
}

function getRelay({ number }: Cast): string {
  return `mx.d${number}.test [2001:db8:c::${number.toString(16)}]`;
}

function host({ address }: Cast, name = 'pc'): string {
  return `H=(${name}) [${address}]`;
}

interface Message {
  readonly sender?: string;
  readonly user?: string;
  readonly helo?: string;
  /** tags after the size */
  readonly more?: string;
}

function arrival(cast: Cast, message: Message = {}): string {
  const { queueId, user } = cast;
  return `${queueId} <= ${message.sender ?? user} ${host(cast, message.helo)} P=esmtpsa A=login:${message.user ?? user} S=1000${message.more ?? ''}`;
}

function bounced(cast: Cast, addresses: string, text: string): string {
  return `${cast.queueId} ** ${addresses} R=dnslookup T=remote_smtp H=${getRelay(cast)}: SMTP error from remote mail server after RCPT TO:<nobody@d${cast.number}.test>: ${text}`;
}

const UNKNOWN = '550 5.1.1 User unknown';

function nobody({ number }: Cast): string {
  return `nobody@d${number}.test`;
}

function rejected(
  cast: Cast,
  argument: string,
  more: { f?: string; who?: string; text?: string } = {},
) {
  return `${more.who ?? host(cast)} F=<${more.f ?? cast.user}> A=login:${cast.user} rejected RCPT <${argument}>: ${more.text ?? 'Unrouteable address'}`;
}

/** Field by field; the name shows which one failed. */
export const EXIM_FIELDS: Readonly<Record<string, Field>> = {
  'HELO name': (cast, payload) => ({
    lines: [arrival(cast, { helo: helo(payload) }), bounced(cast, nobody(cast), UNKNOWN)],
    sender: cast.user,
  }),
  'junk HELO name of an arrival': (cast, payload) => ({
    lines: [arrival(cast, { helo: raw(payload) }), bounced(cast, nobody(cast), UNKNOWN)],
    sender: cast.user,
  }),
  'junk HELO name of a refusal': (cast, payload) => ({
    lines: [rejected(cast, nobody(cast), { who: host(cast, raw(payload)) })],
    sender: cast.user,
  }),
  'verified name of the client': (cast, payload) => ({
    lines: [
      rejected(cast, nobody(cast), {
        who: `H=${helo(payload)}.example.org (pc) [${cast.address}]`,
      }),
    ],
    sender: cast.user,
  }),
  'ident of the client': (cast, payload) => ({
    lines: [rejected(cast, nobody(cast), { who: `${host(cast)} U=${printing(payload)}` })],
    sender: cast.user,
  }),
  'subject of a certificate': (cast, payload) => ({
    lines: [
      rejected(cast, nobody(cast), {
        who: `${host(cast)} X=TLS1.3:x:256 CV=no DN="${printing(payload)}"`,
      }),
    ],
    sender: cast.user,
  }),
  "subject of a certificate in OpenSSL's form": (cast, payload) => ({
    lines: [
      arrival(cast).replace(' A=', () => ` X=TLS1.3:x:256 CV=no DN="/CN=${printing(payload)}" A=`),
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'name in SNI': (cast, payload) => ({
    lines: [
      arrival(cast).replace(
        ' A=',
        () => ` X=TLS1.3:x:256 CV=no SNI=${printing(payload).replaceAll(' ', '\\040')} A=`,
      ),
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'quoted sender of an arrival': (cast, payload) => {
    const sender = quoted(payload, 'example.org');
    return { lines: [arrival(cast, { sender }), bounced(cast, nobody(cast), UNKNOWN)], sender };
  },
  'quoted sender of a refusal': (cast, payload) => {
    const sender = quoted(payload, 'example.org');
    return { lines: [rejected(cast, nobody(cast), { f: sender })], sender };
  },
  'quoted recipient of a refusal': (cast, payload) => ({
    lines: [rejected(cast, quoted(payload, `d${cast.number}.test`))],
    sender: cast.user,
  }),
  'phrase before a recipient': (cast, payload) => ({
    lines: [
      rejected(cast, nobody(cast)).replace(
        'RCPT <',
        () => `RCPT ${quoted(payload.slice(0, 40), '').slice(0, -1)} <`,
      ),
    ],
    sender: cast.user,
  }),
  'comment behind a recipient': (cast, payload) => ({
    lines: [
      rejected(cast, nobody(cast)).replace('>: Unr', () => `> (${raw(payload).slice(0, 60)}: Unr`),
    ],
    sender: cast.user,
  }),
  'recipient that Exim cut': (cast, payload) => {
    const argument = `<${quoted(payload.padEnd(120, 'x'), `d${cast.number}.test`)}>`.slice(0, 100);
    return {
      lines: [
        `${host(cast)} F=<${cast.user}> A=login:${cast.user} rejected RCPT ${argument}: Unrouteable address`,
      ],
      sender: cast.user,
    };
  },
  'argument of MAIL': (cast, payload) => ({
    lines: [`${host(cast)} rejected MAIL <${quoted(payload, 'example.org')}>: bad sender`],
    sender: quoted(payload, 'example.org'),
  }),
  'text of an ACL': (cast, payload) => ({
    lines: [rejected(cast, nobody(cast), { text: `No Such User Here ${raw(payload)}` })],
    sender: cast.user,
  }),
  'final address and original': (cast, payload) => {
    const domain = `d${cast.number}.test`;
    return {
      lines: [
        arrival(cast),
        bounced(cast, `${final(payload, domain)} <${quoted(payload, domain)}>`, UNKNOWN),
      ],
      sender: cast.user,
    };
  },
  'extension of the local part': (cast, payload) => ({
    lines: [
      arrival(cast),
      bounced(cast, `nobody+${helo(payload)}@d${cast.number}.test <list@example.net>`, UNKNOWN),
    ],
    sender: cast.user,
  }),
  'subject of the mail': (cast, payload) => ({
    lines: [
      arrival(cast, { more: ` T="${cString(payload).slice(0, 100)}" for ${nobody(cast)}` }),
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'Message-ID': (cast, payload) => ({
    lines: [
      arrival(cast, { more: ` id=${printing(payload).replaceAll(' ', '_')}@x` }),
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'list of recipients': (cast, payload) => ({
    lines: [
      arrival(cast, { more: ` for ${quoted(payload, `d${cast.number}.test`)} ${nobody(cast)}` }),
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'reply of the remote server': (cast, payload) => ({
    lines: [
      arrival(cast),
      bounced(cast, nobody(cast), `550 5.1.1 User unknown ${printing(payload)}`),
    ],
    sender: cast.user,
  }),
  'reply that accepts': (cast, payload) => ({
    lines: [
      arrival(cast),
      `${cast.queueId} => other@d${cast.number}.test R=dnslookup T=remote_smtp H=${getRelay(cast)} C="250 ${cString(payload)}"`,
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'reply that defers': (cast, payload) => ({
    lines: [
      arrival(cast),
      `${cast.queueId} == other@d${cast.number}.test R=dnslookup T=remote_smtp defer (-44) H=${getRelay(cast)}: SMTP error from remote mail server after RCPT TO:<other@d${cast.number}.test>: 450 ${printing(payload)}`,
      bounced(cast, nobody(cast), UNKNOWN),
    ],
    sender: cast.user,
  }),
  'name of a failed login': (cast, payload) => ({
    lines: [
      `login authenticator failed for (pc) [${cast.address}]: 535 Incorrect authentication data (set_id=${printing(payload)})`,
    ],
  }),
  'login as the server accepted it': (cast, payload) => {
    const user = printing(payload);
    return {
      lines: [arrival(cast, { user }), bounced(cast, nobody(cast), UNKNOWN)],
      sender: cast.user,
      user,
    };
  },
  'command out of order': (cast, payload) => ({
    lines: [
      `SMTP protocol synchronization error (input sent without waiting for greeting): rejected connection from ${host(cast)} input="${printing(payload)}"`,
      `SMTP syntax error in "${raw(payload)}" ${host(cast)} unrecognized command`,
      rejected(cast, nobody(cast)),
    ],
    sender: cast.user,
  }),
  'EHLO that was refused': (cast, payload) => ({
    lines: [
      `rejected EHLO from [${cast.address}]: syntactically invalid argument(s): ${printing(payload)}`,
    ],
  }),
  'folder of a script': (cast, payload) => ({
    lines: [
      `cwd=/home/login${cast.number}/${raw(payload)} 3 args: /usr/sbin/sendmail -t ${raw(payload)}`,
      rejected(cast, nobody(cast)),
    ],
    sender: cast.user,
  }),
};

/** A message of the victim that waits in the queue. */
export function victimsMessage({ victim, victimAddress, victimQueueId }: Cast): string[] {
  return [
    `${victimQueueId} <= ${victim} H=(pc) [${victimAddress}] P=esmtpsa A=login:${victim} S=1000`,
  ];
}

/** The line with its time stamp. */
export function eximLine(text: string, time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace('T', ' ')} ${text}`;
}
