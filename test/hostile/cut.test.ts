/**
 * Every line that holds a stranger's text, cut at every length, as syslog daemons and Postfix itself cut what is too
 * long. What is left may end with the stranger's text, and still it must not name anybody by it: no login, no client,
 * no message of the victim.
 */
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/model/line.ts';
import type { LogRecord } from '../../src/model/record.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { createEximParser } from '../../src/parse/exim/parser.ts';
import { createPostfixParser, postfixParser } from '../../src/parse/postfix/parser.ts';
import { EXIM_FIELDS, eximLine } from './exim-fields.ts';
import { buildCast, type Cast, EXIM_PAYLOADS, POSTFIX_PAYLOADS, toBytes } from './payloads.ts';
import { POSTFIX_FIELDS, postfixLine, type Scene } from './postfix-fields.ts';

const NOW = Date.parse('2026-11-10T09:05:07Z');

const SUITES = {
  postfix: {
    fields: POSTFIX_FIELDS,
    payloads: POSTFIX_PAYLOADS,
    line: postfixLine,
    parser: postfixParser,
  },
  exim: {
    fields: EXIM_FIELDS,
    payloads: EXIM_PAYLOADS,
    line: eximLine,
    parser: createEximParser(),
  },
} as const;

/**
 * Exim logs these raw, so a line that is cut behind them reads byte for byte like an honest one. Exim's own limit is
 * 8 KiB, and what is longer than a syslog message it splits itself: see the tests of those limits.
 */
const UNLIMITED = new Set([
  'junk HELO name of an arrival',
  'junk HELO name of a refusal',
  "subject of a certificate in OpenSSL's form",
]);

/**
 * Whatever in a record says whose mail it is about. Not `next`: every remote server may answer with any queue ID, and
 * the correlator believes only our own filters.
 */
function listNames(record: LogRecord): string[] {
  const { kind, user, uid, client, originalClient, queueId, originalQueueId } = {
    user: undefined,
    uid: undefined,
    client: undefined,
    originalClient: undefined,
    queueId: undefined,
    originalQueueId: undefined,
    ...record,
  };
  const tried = kind === 'auth-failed'; // a failed login names what was typed, and counts for nobody
  const addresses = [client?.address, originalClient?.address];
  const names = [tried ? undefined : user, uid, ...addresses, queueId, originalQueueId];
  return names.filter((name) => name !== undefined);
}

function isForged(name: string, { victim, victimAddress, victimQueueId }: Cast, scene: Scene) {
  if (scene.user !== undefined && decodeText(scene.user).includes(name)) return false;
  return (
    [victim, victimAddress, victimQueueId].some((mark) => name.includes(mark)) || name === 'root'
  );
}

describe.each(['postfix', 'exim'] as const)('a line of %s, cut at every length', (mta) => {
  const { fields, payloads, line, parser } = SUITES[mta];
  const names = Object.keys(fields).filter((name) => !UNLIMITED.has(name));

  it.each(names)('%s', (name) => {
    const envelope = new Envelope({ zone: 'UTC', reference: NOW });
    const forged: unknown[] = [];
    for (const [index, payload] of payloads.entries()) {
      const cast = buildCast(index + 1, mta);
      const scene = fields[name]?.(cast, toBytes(payload(cast))) as Scene;
      for (const bytes of scene.lines.map((text) => line(text, NOW))) {
        for (let length = 40; length <= Math.min(bytes.length, 1200); length++) {
          const cut = bytes.slice(0, length);
          const logged = envelope.read({ source: 'x', line: 1, offset: 0, bytes: cut });
          const record = logged === undefined ? undefined : parser.parse(logged);
          if (record === undefined) continue;
          const wrong = listNames(record).filter((found) => isForged(found, cast, scene));
          if (wrong.length > 0) forged.push([cut, wrong]);
        }
      }
    }
    expect(forged.slice(0, 3)).toEqual([]);
  });
});

const VICTIM = 'victim@example.com';

/** A line whose recipient holds what reads like the rest of an honest line, up to the end of the text. */
function forge(value: string, length: number): string {
  const start = 'NOQUEUE: reject: RCPT from unknown[192.0.2.66]: 550 5.1.1 <';
  const said = (recipient: string) =>
    `${recipient}>: Recipient address rejected: User unknown in local recipient table; from=<a@b.example> to=<${recipient}> proto=ESMTP helo=<h> sasl_method=PLAIN sasl_username=${VICTIM}`;
  const missing = length - start.length - said(value).length; // the address comes twice
  const padded = value + 'r'.repeat(Math.max(0, Math.floor(missing / 2)));
  return start + said(padded);
}

describe('a whole false line in an address, cut where its own end is', () => {
  const header = `${new Date(NOW).toISOString()} mx1 postfix/smtpd[4242]: `;
  const short = 'Nov 10 09:05:07 mx1 postfix/smtpd[4242]: ';
  /** Length of the text that is left of a line. */
  const limits = [
    ['Postfix', 2000],
    ['Postfix, behind its label', 2009],
    ['RFC 3164', 1024 - short.length],
    ['RFC 3164, with a long stamp', 1024 - header.length],
    ['RFC 3164, with the longest header', 1024 - 150],
    ['RFC 3164, for the text alone', 1024],
    ['svlogd', 1000],
    ['AIX', 900 - short.length],
    ['RFC 5424', 2048 - header.length],
    ['rsyslog, maxMessageSize=4k', 4096 - header.length],
    ['rsyslog', 8192 - header.length],
    ['a repeated line of rsyslog', 800],
  ] as const;

  it.each(
    limits.flatMap(([name, limit]) =>
      [0, 1, 200, 600].map((blanks) => [name, limit, blanks] as const),
    ),
  )(
    'names nobody at the limit of %s (%i bytes, of which %i are blanks)',
    (_name, limit, blanks) => {
      for (const length of [limit - 1, limit]) {
        const whole = forge('r@nx.example', length - blanks);
        const text = whole + ' '.repeat(Math.max(blanks, length - whole.length));
        const bytes = header + text;
        const logged = new Envelope({ zone: 'UTC', reference: NOW }).read({
          source: 'x',
          line: 1,
          offset: 0,
          bytes,
        });
        const record = logged === undefined ? undefined : postfixParser.parse(logged);
        expect(JSON.stringify(record)).not.toContain('victim');
        expect(record).toMatchObject({ kind: 'rejected', client: { address: '192.0.2.66' } });
      }
    },
  );

  it('but a whole line names its user', () => {
    const logged = new Envelope({ zone: 'UTC', reference: NOW }).read({
      source: 'x',
      line: 1,
      offset: 0,
      bytes: header + forge('nobody@example.net', 0),
    });
    const record = logged === undefined ? undefined : postfixParser.parse(logged);
    expect(record).toMatchObject({ user: VICTIM });
  });
});

describe('a syslog daemon with a limit of its own', () => {
  const RELAY = 'relay=mx.example.org[192.0.2.25]:25, delay=0.5, delays=0/0/0.2/0.3, dsn=5.1.1';
  const bounce = (reply: string) =>
    `smtp[4242]: 9BE7E21449E: to=<x@example.org>, ${RELAY}, status=bounced (host mx.example.org[192.0.2.25] said: ${reply} (in reply to RCPT TO command))`;
  const refused = (pid: number, recipient: string, helo = 'h') =>
    `smtpd[${pid}]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 550 5.1.1 <${recipient}>: Recipient address rejected: User unknown; from=<a@b> to=<${recipient}> proto=SMTP helo=<${helo}> sasl_username=`;

  /** The users that the lines name, cut as the daemon does it. */
  function readUsers(texts: readonly string[], limit: number): (string | undefined)[] {
    const envelope = new Envelope({ zone: 'UTC', reference: NOW });
    const parser = createPostfixParser();
    return texts.map((text) => {
      const cut = `postfix/${text}`.slice(0, limit - '<22>Nov 10 09:05:07 '.length);
      const bytes = `Nov 10 09:05:07 mx1 mail.info ${cut}`;
      const logged = envelope.read({ source: 'x', line: 1, offset: 0, bytes });
      const record = logged === undefined ? undefined : parser.parse(logged);
      return record !== undefined && 'user' in record ? record.user : undefined;
    });
  }

  it.each([255, 480, 512, 640])('of %i bytes names nobody by a line that reaches it', (limit) => {
    const long = bounce(`550 5.1.1 User unknown ${'x'.repeat(limit)}`);
    for (const pid of [7, 4242, 1234567]) {
      for (const blanks of [0, 3, 8]) {
        const room = limit - '<22>Nov 10 09:05:07 postfix/'.length - VICTIM.length - blanks;
        const fill = room - refused(pid, 'r').length;
        const recipient = 'r'.repeat(1 + Math.floor(fill / 2)); // it comes twice
        const forged = refused(pid, recipient, 'h'.repeat(1 + (fill % 2))) + VICTIM;
        const hidden = `${forged}${' '.repeat(blanks)}@example.net>: the true line`;
        expect(readUsers([hidden], limit)).toEqual([VICTIM]); // nobody can know
        expect(readUsers([long, long, hidden], limit)).toEqual([undefined, undefined, undefined]);
      }
    }
  });

  it('is not taken for one because of a torn line, of whole lines or of lines that all end oddly', () => {
    const honest = `${refused(7, 'r')}anna`;
    const torn = bounce('550 5.1.1 x').slice(0, honest.length);
    const odd = Array.from({ length: 20 }, (_, index) => `${bounce('x'.repeat(10 * index))}#015`);
    for (const before of [[torn], [bounce('550 5.1.1 User unknown')], odd]) {
      expect(readUsers([...before, honest], 2048).at(-1)).toBe('anna');
    }
  });
});

/** Line, and what of it must not be named. */
/** What amavis writes when a line has no room for the addresses: the second half begins inside the sender's text. */
const SPLIT =
  'amavis[1]: (1-01) ...x) Passed CLEAN, Queue-ID: B00025CDEF0, queued_as: 9BE7E21449E, 1 ms';

const LOOSE_ENDS: readonly (readonly [name: string, line: string, forged: string])[] = [
  [
    'a source route',
    'postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 550 5.1.1 <r@x>: Recipient address rejected: User unknown; from=<@a: b; from=<c@d> to=<e@f> proto=ESMTP helo=<h> sasl_method=PLAIN sasl_username=victim',
    'victim',
  ],
  [
    'the address that a blocklist names',
    'postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 554 5.7.1 Service unavailable; Sender address [x; from=<c@d> to=<e@f> proto=ESMTP helo=<h> sasl_method=PLAIN sasl_username=victim',
    'victim',
  ],
  [
    'the reply of a filter',
    'postfix/smtpd[1]: proxy-accept: END-OF-MESSAGE: 250 2.0.0 Ok: queued as 9F3C21A0B7; from=<"x; from=<c@d> to=<e@f> proto=ESMTP helo=<h> sasl_username=<victim>',
    'victim',
  ],
  [
    'a header that a check names',
    'postfix/cleanup[1]: 9BE7E21449E: reject: header Subject: x from unknown[10.0.0.25]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>: 5.1.2 Domain not found from evil.example[192.0.2.66]; from=<ssss',
    '10.0.0.25',
  ],
  [
    'a header, and a sender with a blank',
    'postfix/cleanup[1]: 9BE7E21449E: reject: header Subject: x from unknown[10.0.0.25]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>: q from evil.example[192.0.2.66]; from=<@a: b@evil.example> to=<c@example.net> proto=ESMTP helo=<evil>: 5.7.1 no',
    '10.0.0.25',
  ],
  [
    'a header, and nothing else',
    'postfix/cleanup[1]: 9BE7E21449E: hold: header Subject: x from unknown[10.0.0.25]; from=<a@b.example> to=<c@d.example> proto=ESMTP helo=<h>',
    '10.0.0.25',
  ],
  [
    'the sender of a local mail',
    'postfix/pickup[1]: 9BE7E21449E: uid=33 from=<"x> orig_id=B00025CDEF0',
    'B00025CDEF0',
  ],
  [
    "amavis's copy of a sender",
    'amavis[1]: (1-01) Passed CLEAN {Relayed}, [192.0.2.66]:1 <"x, Queue-ID: B00025CDEF0, Message-ID: <m@x>, queued_as: 9BE7E21449E, 1 ms',
    'B00025CDEF0',
  ],
  [
    "amavis's copy of a Message-ID",
    'amavis[1]: (1-01) Passed CLEAN {Relayed}, [192.0.2.66]:1 <a@x> -> <b@y>, Queue-ID: 9BE7E21449E, Message-ID: <m, queued_as: B00025CDEF0, 1 ms',
    'B00025CDEF0',
  ],
  ['the rest of a line of amavis', SPLIT, 'B00025CDEF0'],
  [
    'the recipient of a delivery',
    'postfix/smtp[1]: 9BE7E21449E: to=<"x>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as B00025CDEF0)',
    'queueId":"B00025CDEF0',
  ],
  [
    'the login that does not own a sender',
    'postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 553 5.7.1 <a@b>: Sender address rejected: not owned by user victim>: Relay access denied; from=<a@b> to=<"a@b>: Sender address rejected: not owned by user victim"> proto=ESMTP helo=<h>',
    '"user":"victim',
  ],
  [
    'the login that does not own a sender, in front of a second tail',
    'postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 553 5.7.1 <a@b>: Sender address rejected: not owned by user anna; from=<a@b> to=<x; from=<a@b> to=<c@d> proto=ESMTP helo=<h>',
    '"user":',
  ],
  [
    'a login with blanks behind it',
    `postfix/smtpd[1]: NOQUEUE: reject: RCPT from h[192.0.2.66]: 550 5.1.1 <r@x>: Recipient address rejected: User unknown; from=<a@b> to=<r@x> proto=ESMTP helo=<h> sasl_username=victim${' '.repeat(20)}`,
    'victim',
  ],
];

it.each(LOOSE_ENDS)('%s names nobody', (_name, line, forged) => {
  const envelope = new Envelope({ zone: 'UTC', reference: NOW });
  const bytes = `Nov 10 09:05:07 mx1 ${line}`;
  const logged = envelope.read({ source: 'x', line: 1, offset: 0, bytes });
  const record = logged === undefined ? undefined : postfixParser.parse(logged);
  expect(JSON.stringify(record ?? null)).not.toContain(forged);
});
