/** Whatever strangers put into a line: nothing throws, the time is linear, and each field is read as it was written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../../src/model/record.ts';
import { createEximParser } from '../../src/parse/exim/parser.ts';
import { isQuick } from '../support/quickly.ts';
import { bytesOf, entry } from './exim-line.ts';

const ID = '1xUirY-00000001a2B-3c4D';

const eximParser = createEximParser();

function parse(text: string): LogRecord | undefined {
  return eximParser.parse(entry(text));
}

/** Pieces of Exim's own grammar, and bytes that are hard for scanners. */
const FRAGMENTS = [
  ' H=e [192.0.2.66] ',
  '(x) [192.0.2.66]',
  ') [192.0.2.66] F=<a@b>',
  ' rejected RCPT <c@d>: Unrouteable address',
  ' A=plain:root',
  ' P=esmtpa',
  ' S=1 ',
  ' T="',
  ' C="250 ok"',
  ' for v@example.com',
  ' from <x@y>',
  ' <victim@example.com> ',
  ' <"v"@example.com> R=r',
  ' R=r T=t : 550 5.1.1 no',
  ': retry timeout exceeded',
  ' defer (-44): ',
  ' ** ',
  ' DT=1s',
  ': 535 Incorrect authentication data (set_id=root)',
  'SMTP error from remote mail server after RCPT TO:<v@example.com>: 550 ',
  '\r2026-11-01 09:05:07 1xUirY-00014N-13 Completed',
  '\u2028',
  '\u00a0',
  '\x00',
  '\x1b[31m',
  '\\',
  '"',
  '>',
  '<',
  '@',
  '(',
  ')',
  ': ',
  ' ',
  'x',
  'ü',
];

const hostile = fc
  .array(fc.oneof(fc.constantFrom(...FRAGMENTS), fc.string({ maxLength: 4 })), { maxLength: 8 })
  .map((parts) => parts.join('').replaceAll('\n', ''));

/** A quoted local part as a client may send it: backslash and quote escaped, everything else raw. */
const quotedAddress = hostile.map((text) => `"${text.replace(/[\\"]/g, '\\$&')}"@example.org`);

/** FINAL of an address: unquoted and in lower case. */
function final(address: string): string {
  const local = address.slice(1, address.lastIndexOf('"'));
  return `${local.replace(/\\(.)/gs, '$1').toLowerCase()}@example.org`;
}

/** What string_printing leaves of a remote server's text. */
function printing(text: string): string {
  return bytesOf(text).replace(/[^\x20-\x7e]/g, (byte) => {
    return `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
  });
}

function cString(text: string): string {
  return printing(text).replace(/[\\"]/g, '\\$&');
}

describe('hostile text in a well-formed line', () => {
  it('reads the sender, user, client and recipients of an arrival, whatever sender and recipients hold', () => {
    fc.assert(
      fc.property(quotedAddress, quotedAddress, (sender, recipient) => {
        const line = `${ID} <= ${sender} H=(real) [192.0.2.8] P=esmtpsa A=plain:alice S=500 id=m@example.net for ${recipient} bob@example.com`;
        expect(parse(bytesOf(line))).toEqual({
          kind: 'arrival',
          queueId: ID,
          sender,
          client: { address: '192.0.2.8', helo: 'real' },
          user: 'alice',
          size: 500,
          messageId: 'm@example.net',
          recipients: [recipient, 'bob@example.com'],
        });
      }),
    );
  });

  it('reads them whatever the subject holds', () => {
    fc.assert(
      fc.property(hostile, (subject) => {
        const line = `${ID} <= a@example.org H=(real) [192.0.2.8] P=esmtpsa A=plain:alice S=500 T="${cString(subject)}" for bob@example.com`;
        expect(parse(line)).toMatchObject({
          sender: 'a@example.org',
          client: { address: '192.0.2.8' },
          user: 'alice',
          recipients: ['bob@example.com'],
        });
      }),
    );
  });

  it('reads the user and the client of a rejection with a quoted sender', () => {
    fc.assert(
      fc.property(quotedAddress, (sender) => {
        const line = `H=(real) [192.0.2.8] F=<${sender}> A=plain:alice rejected RCPT <x@example.com>: Unrouteable address`;
        expect(parse(bytesOf(line))).toEqual({
          kind: 'rejected',
          client: { address: '192.0.2.8', helo: 'real' },
          sender,
          user: 'alice',
          stage: 'RCPT',
          recipient: 'x@example.com',
          reply: 'Unrouteable address',
        });
      }),
    );
  });

  it.each([
    [
      'recipient',
      (text: string) =>
        `H=(real) [192.0.2.8] F=<a@example.org> A=plain:alice rejected RCPT <"${text.replace(/[\\"]/g, '\\$&')}"@example.org>: Unrouteable address`,
    ],
    [
      'text',
      (text: string) =>
        `H=(real) [192.0.2.8] F=<a@example.org> A=plain:alice rejected RCPT <x@example.com>: ${text}`,
    ],
  ])('reads the same user and client, or nothing, with a hostile %s', (_, build) => {
    fc.assert(
      fc.property(hostile, (text) => {
        const record = parse(bytesOf(build(text)));
        if (record === undefined) return;
        expect(record).toMatchObject({ client: { address: '192.0.2.8' }, user: 'alice' });
      }),
    );
  });

  it('never believes the address that a junk HELO name holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(''), hostile), hostile, hostile, (before, after, text) => {
        const helo = `x) [192.0.2.66]${before} F=<a@b> rejected RCPT <c@d>${after}`;
        const lines = [
          `H=(${helo}) [192.0.2.8] F=<s@example.org> rejected RCPT <r@example.com>: ${text}`,
          `H=(${helo}) [192.0.2.8] rejected MAIL <s@example.org>`,
          `${ID} <= s@example.org H=(${helo}) [192.0.2.8] P=esmtp S=5 id=m@example.org`,
          `login authenticator failed for (${helo}) [192.0.2.8]: 535 Incorrect authentication data`,
          `H=(x) [192.0.2.66] F=<a@b> A=plain:root${after}) [192.0.2.8] F=<s@example.org> rejected RCPT <r@example.com>: no`,
          `${ID} <= s@example.org H=(x) [192.0.2.66] P=esmtpa A=plain:root S=1${after}) [192.0.2.8] P=esmtp S=5 T="${cString(text)}"`,
        ];
        for (const line of lines) {
          expect(JSON.stringify(parse(bytesOf(line)) ?? null)).not.toContain(
            '"address":"192.0.2.66"',
          );
        }
      }),
    );
  });

  it('reads an unquoted final address as its quoted original', () => {
    fc.assert(
      fc.property(quotedAddress, (address) => {
        fc.pre(/[^\w]/.test(final(address).slice(0, -12)));
        const addresses = `${final(address)} <${address}>`;
        const head = { kind: 'delivery', queueId: ID, recipient: address };
        expect(
          parse(
            bytesOf(
              `${ID} ** ${addresses} R=dnslookup T=remote_smtp : SMTP error from remote mail server after RCPT TO:<${address}>: 550 5.1.1 gone`,
            ),
          ),
        ).toEqual({
          ...head,
          outcome: 'bounced',
          stage: 'RCPT',
          code: 550,
          status: '5.1.1',
          reply: '550 5.1.1 gone',
        });
        expect(parse(bytesOf(`${ID} == ${addresses} R=dnslookup defer (-1): later`))).toEqual({
          ...head,
          outcome: 'deferred',
          reply: 'later',
        });
        expect(parse(bytesOf(`${ID} => ${addresses} R=local T=local`))).toEqual({
          ...head,
          outcome: 'delivered',
          local: 'mailbox',
        });
      }),
    );
  });

  it('lets a remote reply change nothing but the reply', () => {
    const relay = { host: 'mx.example.com', address: '192.0.2.25' };
    const head = { kind: 'delivery', queueId: ID, recipient: 'x@example.com', relay, code: 550 };
    fc.assert(
      fc.property(hostile, (text) => {
        const said = printing(`550 ${text.replaceAll('\\', '/')}.`);
        const reply = expect.stringMatching(/^550 /);
        const frame = 'SMTP error from remote mail server after RCPT TO:<x@example.com>';
        const to = 'x@example.com R=dnslookup T=remote_smtp';
        const host = 'H=mx.example.com [192.0.2.25]';
        for (const [line, outcome] of [
          [`${ID} ** ${to} ${host} : ${frame}: ${said} DT=1s`, 'bounced'],
          [`${ID} ** ${to} ${host}: ${frame}: ${said}`, 'bounced'],
          [`${ID} == ${to} defer (-44) ${host}: ${frame}: ${said}`, 'deferred'],
        ] as const) {
          expect(parse(line)).toMatchObject({ ...head, outcome, stage: 'RCPT', reply });
        }
        const delivered = `${ID} => ${to} ${host} C="${said.replace(/[\\"]/g, '\\$&')}" QT=1s`;
        expect(parse(delivered)).toMatchObject({ ...head, outcome: 'delivered', reply });
      }),
    );
  });

  it('lets the name that a client guesses change nothing but the user', () => {
    fc.assert(
      fc.property(hostile, (user) => {
        const record = parse(
          `login authenticator failed for (x) [192.0.2.9]: 535 Incorrect authentication data (set_id=${printing(user)})`,
        );
        if (record === undefined) return;
        expect(record).toMatchObject({
          kind: 'auth-failed',
          client: { address: '192.0.2.9' },
          code: 535,
        });
      }),
    );
  });
});

describe('any bytes', () => {
  const bytes = fc
    .uint8Array({ maxLength: 200 })
    .map((array) => Buffer.from(array).toString('latin1').replaceAll('\n', ''));
  const starts = [
    '',
    '<= ',
    '=> ',
    '** ',
    '== ',
    '*> ',
    '>> ',
    'H=',
    'U=',
    'F=',
    'rejected ',
    ' DS H=(x) [192.0.2.1] ',
  ];

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom(...starts), bytes, hostile, (start, noise, text) => {
        parse(`${ID} ${start}${noise}`);
        parse(`${start}${noise}`);
        parse(`${ID} ${start}${bytesOf(text)}`);
        parse(`${start}${bytesOf(text)}`);
      }),
    );
  });

  it('counts a line with NUL, CR, 0xFF and a line separator inside an address', () => {
    const address = '"\x00\r\xff\xe2\x80\xa8"@example.com';
    expect(parse(`${ID} ** ${address} : Unrouteable address`)).toEqual({
      kind: 'delivery',
      queueId: ID,
      outcome: 'bounced',
      recipient: '"\x00\r\ufffd\u2028"@example.com',
      reply: 'Unrouteable address',
    });
  });
});

describe('time', () => {
  const repeated = [
    ' <"',
    '<"',
    ' <',
    '<',
    '"',
    '\\"',
    '\\',
    '(',
    ')',
    ') [',
    ') [192.0.2.1] ',
    ' rejected ',
    'rejected RCPT ',
    ': ',
    ' R=r',
    ' DT=',
    'a.',
    '".',
    '"."',
    ' for',
    ' a@b',
    ' X="',
    ' A=',
    ' (a, ',
    '@',
    '[',
    ' 1 args: ',
  ];
  const heads = [
    '<= ',
    '<= a@b S=1 for',
    '=> ',
    '** a@b : ',
    '** ',
    '== ',
    '== |',
    'H=(',
    'H=(x) [192.0.2.1] F=<',
    'H=(x) [192.0.2.1] F=<a@b> rejected RCPT ',
    'x authenticator failed for (x) [192.0.2.1]: 535 ',
  ];

  it('grows with the length of the line and not faster', () => {
    for (const head of heads) {
      for (const piece of repeated) {
        const line = entry(
          `${head.startsWith('H=') || head.startsWith('x') ? '' : `${ID} `}${head}${piece.repeat(65_536 / piece.length)}`,
        );
        // 64 KiB take well under a millisecond; a quadratic scan takes seconds.
        const quick = isQuick(() => eximParser.parse(line), 250);
        expect(quick, `${head}${piece}...`).toBe(true);
      }
    }
  });
});
