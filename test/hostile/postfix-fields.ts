/**
 * Every field of Postfix's log that a stranger can choose, as a function that builds lines around the stranger's text.
 * Postfix logs `?` for control bytes and for what is not UTF-8, and addresses in external form: a local part that needs
 * quotes has them.
 */
import type { Cast } from './payloads.ts';

/** The lines of one attack, and the true keys in them. */
export interface Scene {
  readonly lines: readonly string[];
  /** the true reverse-path */
  readonly sender?: string;
  /** the true login */
  readonly user?: string;
}

export type Field = (cast: Cast, payload: string) => Scene;

/** printable.c, mask_addr and similar: only printable bytes get into a line. */
function logged(text: string): string {
  const valid = Buffer.from(text, 'latin1').toString('utf8').replaceAll('\ufffd', '?');
  return Buffer.from(valid.replace(/[\x00-\x1f\x7f]/g, '?'), 'utf8').toString('latin1');
}

/** A HELO name loses the characters that could end it (smtpd.c, helo_cmd). */
function helo(payload: string): string {
  return logged(payload)
    .replace(/[ <>()\\";@]/g, '?')
    .slice(0, 200);
}

/** A local part between quotes (quote_822_local.c). */
function quoted(payload: string, domain: string): string {
  return `"${logged(payload).replace(/[\\"]/g, '\\$&')}"@${domain}`;
}

/** An address that Postfix takes for one with a source route: the part before its colon gets no quotes. */
function route(payload: string): string {
  const text = `@x${logged(payload)}:y`;
  const at = text.indexOf(':') + 1;
  return text.slice(0, at) + quoted(text.slice(at), 'example.org');
}

/** Not the xtext of RFC 3461 4: a quote that never closes lets anything pass (smtpd_token.c). */
function authParameter(payload: string): string {
  return `"x${logged(payload)}`;
}

function hostName(payload: string): string {
  return `${payload.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 60)}.example.org`;
}

interface Refused {
  readonly name?: string;
  readonly address?: string;
  readonly helo?: string;
  readonly sender?: string;
  readonly recipient?: string;
  /** the recipient as the text of the reply names it */
  readonly value?: string;
  readonly said?: string;
  readonly user?: string;
}

function refusal(cast: Cast, refused: Refused): string {
  const recipient = refused.recipient ?? `nobody@d${cast.number}.test`;
  const said = refused.said ?? 'Recipient address rejected: User unknown';
  const user = refused.user === undefined ? '' : ` sasl_method=PLAIN sasl_username=${refused.user}`;
  return `smtpd[${cast.number}]: NOQUEUE: reject: RCPT from ${refused.name ?? 'unknown'}[${cast.address}]: 550 5.1.1 <${refused.value ?? recipient}>: ${said}; from=<${refused.sender ?? cast.user}> to=<${recipient}> proto=ESMTP helo=<${refused.helo ?? 'pc'}>${user}`;
}

interface Sent {
  readonly sender?: string;
  readonly messageId?: string;
  readonly more?: readonly string[];
}

/** A message of the user whose recipient is then refused. */
function bounce(cast: Cast, recipient: string, reply: string, sent: Sent = {}): string[] {
  const { queueId, number, user, address, relay } = cast;
  return [
    `submission/smtpd[${number}]: ${queueId}: client=unknown[${address}], sasl_method=PLAIN, sasl_username=${user}`,
    `cleanup[1]: ${queueId}: message-id=<${sent.messageId ?? `${number}@example.net`}>`,
    ...(sent.more ?? []),
    `qmgr[1]: ${queueId}: from=<${sent.sender ?? user}>, size=1000, nrcpt=1 (queue active)`,
    `smtp[1]: ${queueId}: to=<${recipient}>, relay=${relay}, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host ${relay.replace(/:25$/, '')} said: ${reply} (in reply to RCPT TO command))`,
    `qmgr[1]: ${queueId}: removed`,
  ];
}

const UNKNOWN = '550 5.1.1 User unknown';

function nobody({ number }: Cast): string {
  return `nobody@d${number}.test`;
}

/** Field by field; the name shows which one failed. */
export const POSTFIX_FIELDS: Readonly<Record<string, Field>> = {
  'HELO name of a stranger': (cast, payload) => ({
    lines: [refusal(cast, { helo: helo(payload) })],
    sender: cast.user,
  }),
  'HELO name as a submitter': (cast, payload) => ({
    lines: [refusal(cast, { helo: helo(payload), user: cast.user })],
    sender: cast.user,
  }),
  'raw HELO name, refused at once': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: NOQUEUE: reject: HELO from unknown[${cast.address}]: 504 5.5.2 <${logged(payload)}>: Helo command rejected: need fully-qualified hostname; proto=SMTP helo=<${logged(payload)}>`,
    ],
  }),
  'name of the client': (cast, payload) => ({
    lines: [refusal(cast, { name: hostName(payload), user: cast.user })],
    sender: cast.user,
  }),
  'quoted sender of a refusal': (cast, payload) => {
    const sender = quoted(payload, 'example.org');
    return { lines: [refusal(cast, { sender, user: cast.user })], sender };
  },
  'sender like a source route': (cast, payload) => ({
    lines: [refusal(cast, { sender: route(payload), user: cast.user })],
    sender: cast.user,
  }),
  'recipient like a source route': (cast, payload) => ({
    lines: [...bounce(cast, route(payload), UNKNOWN), refusal(cast, { user: cast.user })],
    sender: cast.user,
  }),
  'quoted recipient of a refusal': (cast, payload) => {
    const domain = `d${cast.number}.test`;
    const recipient = quoted(payload, domain);
    const value = `${logged(payload)}@${domain}`;
    return { lines: [refusal(cast, { recipient, value, user: cast.user })], sender: cast.user };
  },
  'quoted recipient of a stranger': (cast, payload) => {
    const domain = `d${cast.number}.test`;
    const recipient = quoted(payload, domain);
    return {
      lines: [refusal(cast, { recipient, value: `${logged(payload)}@${domain}` })],
      sender: cast.user,
    };
  },
  'recipient as logged before 3.5': (cast, payload) => {
    const recipient = `${logged(payload)}@d${cast.number}.test`;
    return { lines: [refusal(cast, { recipient, user: cast.user })], sender: cast.user };
  },
  'extension of the local part': (cast, payload) => {
    const recipient = `nobody+${hostName(payload)}@d${cast.number}.test`;
    return { lines: bounce(cast, recipient, UNKNOWN), sender: cast.user };
  },
  'text of a blocklist': (cast, payload) => ({
    lines: [
      refusal(cast, { said: `Recipient address rejected: ${logged(payload)}`, user: cast.user }),
    ],
    sender: cast.user,
  }),
  'syntactically wrong recipient': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: warning: Illegal address syntax from unknown[${cast.address}] in RCPT command: <${logged(payload)}>`,
    ],
  }),
  'syntactically wrong sender': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: warning: Illegal address syntax from unknown[${cast.address}] in MAIL command: <${logged(payload)}>`,
    ],
    sender: logged(payload),
  }),
  'name of a failed login': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: warning: unknown[${cast.address}]: SASL LOGIN authentication failed: authentication failure, sasl_username=${logged(payload)}`,
    ],
  }),
  'mechanism of a failed login': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: warning: unknown[${cast.address}]: SASL ${logged(payload)} authentication failed: Invalid authentication mechanism`,
    ],
  }),
  'login as the server accepted it': (cast, payload) => {
    const user = logged(payload).slice(0, 100);
    return { lines: [refusal(cast, { user })], sender: cast.user, user };
  },
  'login of a message': (cast, payload) => {
    const user = logged(payload).slice(0, 100);
    const lines = bounce({ ...cast, user }, nobody(cast), UNKNOWN, { sender: cast.user });
    return { lines, sender: cast.user, user };
  },
  'AUTH= parameter': (cast, payload) => ({
    lines: bounce(
      { ...cast, user: `${cast.user}, sasl_sender=${authParameter(payload)}` },
      nobody(cast),
      UNKNOWN,
      { sender: cast.user },
    ),
    sender: cast.user,
  }),
  'AUTH= parameter of a refusal': (cast, payload) => ({
    lines: [refusal(cast, { user: `${cast.user} sasl_sender=${authParameter(payload)}` })],
    sender: cast.user,
  }),
  'AUTH= parameter of a neighbour': (cast, payload) => ({
    lines: bounce(cast, nobody(cast), UNKNOWN).with(
      0,
      `smtpd[${cast.number}]: ${cast.queueId}: client=unknown[${cast.address}], sasl_sender=${authParameter(payload)}`,
    ),
    sender: cast.user,
  }),
  'quoted sender of a message': (cast, payload) => {
    const sender = quoted(payload, 'example.org');
    return { lines: bounce(cast, nobody(cast), UNKNOWN, { sender }), sender };
  },
  'quoted recipient of a bounce': (cast, payload) => ({
    lines: bounce(cast, quoted(payload, `d${cast.number}.test`), UNKNOWN),
    sender: cast.user,
  }),
  'recipient of a bounce as logged before 3.5': (cast, payload) => ({
    lines: bounce(cast, `${logged(payload)}@d${cast.number}.test`, UNKNOWN),
    sender: cast.user,
  }),
  'reply of the remote server': (cast, payload) => ({
    lines: bounce(cast, nobody(cast), `550 5.1.1 User unknown ${logged(payload)}`),
    sender: cast.user,
  }),
  'reply that accepts': (cast, payload) => {
    const lines = bounce(cast, nobody(cast), UNKNOWN);
    const accepted = `smtp[1]: ${cast.queueId}: to=<other@d${cast.number}.test>, relay=${cast.relay}, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 ${logged(payload)})`;
    return { lines: [...lines.slice(0, 3), accepted, ...lines.slice(3)], sender: cast.user };
  },
  'Message-ID': (cast, payload) => ({
    lines: bounce(cast, nobody(cast), UNKNOWN, { messageId: logged(payload) }),
    sender: cast.user,
  }),
  'header that a check names': (cast, payload) => ({
    lines: bounce(cast, nobody(cast), UNKNOWN, {
      more: [
        `cleanup[1]: ${cast.queueId}: hold: header Subject: ${logged(payload)} from unknown[${cast.address}]; from=<${cast.user}> to=<x@d${cast.number}.test> proto=ESMTP helo=<pc>: Subject`,
      ],
    }),
    sender: cast.user,
  }),
  'XFORWARD name from afar': (cast, payload) => ({
    lines: bounce(
      { ...cast, user: `${cast.user}${logged(payload).slice(0, 60)}` },
      nobody(cast),
      UNKNOWN,
      {
        sender: cast.user,
      },
    ),
    sender: cast.user,
    user: `${cast.user}${logged(payload).slice(0, 60)}`,
  }),
  'sender of a local submission': (cast, payload) => ({
    lines: [
      `pickup[1]: ${cast.queueId}: uid=${20_000 + cast.number} from=<${quoted(payload, 'example.org')}>`,
      ...bounce(cast, nobody(cast), UNKNOWN, { sender: quoted(payload, 'example.org') }).slice(1),
    ],
    sender: quoted(payload, 'example.org'),
  }),
  'subject of a certificate': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: unknown[${cast.address}]: Untrusted: subject_CN=${logged(payload)}, issuer=${logged(payload)}, fingerprint=00`,
      refusal(cast, { user: cast.user }),
    ],
    sender: cast.user,
  }),
  'command that is none': (cast, payload) => ({
    lines: [
      `smtpd[${cast.number}]: warning: non-SMTP command from unknown[${cast.address}]: ${logged(payload)}`,
      `smtpd[${cast.number}]: improper command pipelining after EHLO from unknown[${cast.address}]: ${logged(payload)}`,
      refusal(cast, { user: cast.user }),
    ],
    sender: cast.user,
  }),
  "amavis's copy of an address": (cast, payload) => ({
    lines: [
      `amavis|(811-01) Passed CLEAN {RelayedOutbound}, [${cast.address}]:40001 <${quoted(payload, 'example.org')}> -> <x@d${cast.number}.test>, Queue-ID: ${cast.queueId}, Message-ID: <${logged(payload)}>, mail_id: x, Hits: -0.1, size: 1234, queued_as: ${cast.victimQueueId.replace('B', 'C')}, 123 ms`,
      refusal(cast, { user: cast.user }),
    ],
    sender: cast.user,
  }),
};

/** A message of the victim that waits in the queue. */
export function victimsMessage({ victim, victimAddress, victimQueueId, number }: Cast): string[] {
  const pid = 50_000 + number;
  return [
    `submission/smtpd[${pid}]: ${victimQueueId}: client=unknown[${victimAddress}], sasl_method=PLAIN, sasl_username=${victim}`,
    `cleanup[1]: ${victimQueueId}: message-id=<victim${number}@example.com>`,
    `qmgr[1]: ${victimQueueId}: from=<${victim}>, size=1000, nrcpt=1 (queue active)`,
  ];
}

/** The line with its envelope. */
export function postfixLine(text: string, time: number): string {
  const at = `${new Date(time).toISOString()} mx1`;
  return text.startsWith('amavis|')
    ? `${at} amavis[811]: ${text.slice(7)}`
    : `${at} postfix/${text}`;
}
