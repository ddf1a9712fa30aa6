import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeText, type LoggedLine } from '../../src/model/line.ts';
import type { DeliveryRecord, LogRecord, RejectionRecord } from '../../src/model/record.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { mayBeCut } from '../../src/parse/postfix/cut.ts';
import { postfixParser } from '../../src/parse/postfix/parser.ts';
import { isQuick } from '../support/quickly.ts';

const FOLDER = new URL('../logs/postfix/', import.meta.url);

interface Sample {
  readonly name: string;
  readonly bytes: string;
  readonly expected: unknown;
}

/** Samples of a file: a comment with the record as JSON (or null), and the line below it. */
function samplesOf(file: string): Sample[] {
  const lines = readFileSync(new URL(file, FOLDER), 'latin1').split('\n');
  const samples: Sample[] = [];
  for (let index = 0; index < lines.length; index += 2) {
    const comment = lines[index] ?? '';
    const bytes = lines[index + 1];
    if (comment === '' && bytes === undefined) break;
    if (!comment.startsWith('# ') || bytes === undefined || bytes.startsWith('#')) {
      throw new Error(`${file}:${index + 1}: a sample without its expectation`);
    }
    const expected: unknown = JSON.parse(decodeText(comment.slice(2)));
    samples.push({ name: `${file}:${index + 2}`, bytes, expected });
  }
  return samples;
}

function parseLine(bytes: string): LogRecord | undefined {
  const envelope = new Envelope({ zone: '+00:00', reference: Date.parse('2026-11-02T00:00:00Z') });
  const logged = envelope.read({ source: 'mail.log', line: 1, offset: 0, bytes });
  if (logged === undefined) throw new Error(`no envelope: ${bytes}`);
  return postfixParser.parse(logged);
}

describe.each(readdirSync(FOLDER))('%s', (file) => {
  test.each(samplesOf(file))('$name', ({ bytes, expected }) => {
    const record = parseLine(bytes);
    // As JSON, so that an undefined field counts as absent.
    expect(JSON.parse(JSON.stringify(record ?? null))).toEqual(expected);
  });
});

test('every daemon that the parser knows has samples', () => {
  const all = readdirSync(FOLDER).flatMap(samplesOf);
  const kinds = new Set(all.map(({ expected }) => (expected as LogRecord | null)?.kind));
  for (const kind of [
    'connect',
    'disconnect',
    'transaction',
    'pickup',
    'message-id',
    'active',
    'delivery',
    'expired',
    'removed',
    'rejected',
    'held',
    'discarded',
    'auth-failed',
    'dsn',
    'proxy-accept',
    'link',
    'loss',
  ]) {
    expect(kinds).toContain(kind);
  }
});

function logged(program: string, text: string): LoggedLine {
  return {
    at: { source: 'mail.log', line: 1, offset: 0 },
    time: 0,
    host: 'mx1',
    instance: 'postfix',
    service: '',
    program,
    pid: '811',
    text,
    times: 1,
  };
}

function parse(program: string, text: string): LogRecord | undefined {
  return postfixParser.parse(logged(program, Buffer.from(text, 'utf8').toString('latin1')));
}

/** What an attacker puts into a field to make it look like the end of it and the beginning of others. */
const HOSTILE = [
  ' from=<',
  ' to=<',
  '; from=<',
  '; from=<a@example.org> to=<b@example.org> proto=ESMTP helo=<h>',
  ' proto=ESMTP helo=<',
  ' sasl_username=root',
  ' sasl_method=PLAIN sasl_username=root',
  'status=sent (',
  ', relay=',
  '>, relay=none, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (',
  '>, orig_to=<',
  ', dsn=5.1.1',
  ' (in reply to RCPT TO command)',
  'queued as ABCDEF0123',
  'host mx.example.com[192.0.2.25] said: ',
  '>: Recipient address rejected: User unknown',
  '<',
  '>',
  '"',
  '\\',
  '@',
  ';',
  ',',
  ': ',
  ' ',
  '\u2028',
  '\u00e9',
  '[192.0.2.66]',
  ' orig_id=ABCDEF0123',
  ', size=1, nrcpt=1 (queue active)',
  ', status=expired, returned to sender',
  'a',
  'b.c',
  '"@example.org> proto=ESMTP helo=<h>',
  "'",
  '',
  '(',
  ')',
];

const hostile = fc
  .array(fc.constantFrom(...HOSTILE), { maxLength: 8 })
  .map((parts) => parts.join(''));
const domain = fc.constantFrom('example.com', 'example.org', 'b\u00fccher.example', '[192.0.2.1]');

/** An address in internal form and as Postfix logs it (quote_822_local.c). */
const address = fc.tuple(hostile, domain).map(([local, host]) => {
  const plain =
    local !== '' && !/[\x00-\x20()<>@,;:\\"[\]]/.test(local) && !/^\.|\.\.|\.$/.test(local);
  const quoted = plain ? local : `"${local.replace(/["\\\r]/g, '\\$&')}"`;
  return { internal: `${local}@${host}`, external: `${quoted}@${host}` };
});

/** smtpd replaces what could end the field (smtpd.c, NEUTER_CHARACTERS). */
const helo = hostile.map((text) => text.replace(/[ <>()\\";@]/g, '?'));

/** A remote reply as it is logged, on one line. */
const reply = hostile.map((text) => `550 5.1.1 ${text}x`);
const login = hostile.map((text) => `u${text.replace(/[<>]/g, '')}`);

describe('hostile fields parse back to themselves', () => {
  test('a rejection', () => {
    fc.assert(
      fc.property(address, address, helo, fc.option(login), (sender, recipient, name, user) => {
        const sasl = user === null ? '' : ` sasl_method=PLAIN sasl_username=${user}`;
        const words = `550 5.1.1 <${recipient.internal}>: Recipient address rejected: User unknown`;
        const tail = `from=<${sender.external}> to=<${recipient.external}> proto=ESMTP helo=<${name}>`;
        const text = `NOQUEUE: reject: RCPT from h[192.0.2.7]: ${words}; ${tail}${sasl}`;
        fc.pre(!mayBeCut(Buffer.from(text).toString('latin1')));
        const record = parse('smtpd', text);
        expect(record).toMatchObject({
          kind: 'rejected',
          sender: sender.external,
          recipient: recipient.external,
          reply: words,
          code: 550,
        });
        const { client, user: found } = record as RejectionRecord;
        expect(client?.address).toBe('192.0.2.7');
        expect(client?.helo).toBe(name === '' ? undefined : name);
        expect(found).toBe(user ?? undefined);
      }),
      { numRuns: 2000 },
    );
  });

  test('a rejection about the sender', () => {
    fc.assert(
      fc.property(address, address, helo, (sender, recipient, name) => {
        const words = `554 5.7.1 <${sender.internal}>: Sender address rejected: Access denied`;
        const tail = `from=<${sender.external}> to=<${recipient.external}> proto=ESMTP helo=<${name}>`;
        const text = `9BE7E21449E: reject: RCPT from h[192.0.2.7]: ${words}; ${tail}`;
        fc.pre(!mayBeCut(Buffer.from(text).toString('latin1')));
        const record = parse('smtpd', text);
        expect(record).toMatchObject({
          sender: sender.external,
          recipient: recipient.external,
          reply: words,
        });
      }),
      { numRuns: 1000 },
    );
  });

  test('a delivery', () => {
    fc.assert(
      fc.property(address, fc.option(address), reply, (recipient, original, text) => {
        const alias = original === null ? '' : `, orig_to=<${original.external}>`;
        const middle = 'relay=mx.example.com[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1';
        const said = `host mx.example.com[192.0.2.25] said: ${text} (in reply to MAIL FROM command)`;
        const record = parse(
          'smtp',
          `9BE7E21449E: to=<${recipient.external}>${alias}, ${middle}, status=bounced (${said})`,
        ) as DeliveryRecord;
        expect(record.recipient).toBe(recipient.external);
        expect(record.originalRecipient).toBe(original?.external);
        expect(record).toMatchObject({ outcome: 'bounced', stage: 'MAIL', reply: text });
        expect(record.relay).toEqual({ host: 'mx.example.com', address: '192.0.2.25', port: 25 });
      }),
      { numRuns: 2000 },
    );
  });

  test('a message in the queue, whatever form its sender has', () => {
    fc.assert(
      fc.property(address, fc.boolean(), ({ internal, external }, old) => {
        const sender = old ? internal : external;
        const active = parse(
          'qmgr',
          `9BE7E21449E: from=<${sender}>, size=12, nrcpt=3 (queue active)`,
        );
        expect(active).toEqual({
          kind: 'active',
          queueId: '9BE7E21449E',
          sender,
          size: 12,
          recipients: 3,
        });
        const expired = parse(
          'qmgr',
          `9BE7E21449E: from=<${sender}>, status=expired, returned to sender`,
        );
        expect(expired).toEqual({ kind: 'expired', queueId: '9BE7E21449E', sender });
        const pickup = parse('pickup', `9BE7E21449E: uid=33 from=<${sender}>`);
        expect(pickup).toMatchObject({ kind: 'pickup', uid: '33', sender });
      }),
      { numRuns: 1000 },
    );
  });

  test('a login', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const user = `u${text}`;
        const client = 'client=h[192.0.2.7], sasl_method=PLAIN';
        expect(parse('smtpd', `9BE7E21449E: ${client}, sasl_username=${user}`)).toMatchObject({
          user,
        });
        const failed = 'SASL LOGIN authentication failed: authentication failure';
        expect(
          parse('smtpd', `warning: h[192.0.2.7]: ${failed}, sasl_username=${user}`),
        ).toMatchObject({ kind: 'auth-failed', user, client: { address: '192.0.2.7' } });
      }),
    );
  });
});

const STARTS: readonly (readonly [string, string])[] = [
  ['smtpd', ''],
  ['smtpd', 'NOQUEUE: reject: RCPT from a[192.0.2.1]: 550 5.1.1 <'],
  ['smtpd', 'NOQUEUE: reject: HELO from a[192.0.2.1]: 504 5.5.2 <'],
  ['smtpd', '9BE7E21449E: client=a[127.0.0.1], sasl_username='],
  ['smtpd', 'warning: a[192.0.2.1]: SASL '],
  ['smtpd', 'proxy-accept: END-OF-MESSAGE: '],
  ['postscreen', 'NOQUEUE: reject: RCPT from [192.0.2.1]:25: 550 5.7.1 '],
  ['cleanup', '9BE7E21449E: reject: header '],
  ['cleanup', 'warning: '],
  ['pickup', '9BE7E21449E: uid=1 from=<'],
  ['qmgr', '9BE7E21449E: from=<'],
  ['postsuper', '9BE7E21449E: '],
  ['bounce', '9BE7E21449E: sender '],
  ['qmqpd', '9BE7E21449E: client='],
  ['smtp', '9BE7E21449E: to=<'],
  [
    'lmtp',
    '9BE7E21449E: to=<a@example.org>, relay=a[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (',
  ],
  ['amavis', '(1) Passed CLEAN, Queue-ID: '],
  ['rsyslogd', 'begin to drop messages'],
  ['systemd-journald', 'Suppressed '],
  ['toString', ''],
  ['', ''],
];

describe('any bytes', () => {
  const bytes = fc
    .uint8Array({ maxLength: 200 })
    .map((array) => Buffer.from(array).toString('latin1'));

  test('never throw', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...STARTS),
        fc.array(fc.oneof(bytes, fc.constantFrom(...HOSTILE)), { maxLength: 6 }),
        ([program, start], rest) => {
          postfixParser.parse(logged(program, start + rest.join('')));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('every cut of every sample parses', () => {
    for (const { bytes: whole } of readdirSync(FOLDER).flatMap(samplesOf)) {
      const start = whole.indexOf(': ') + 2;
      const program = /\/(\w+)\[/.exec(whole)?.[1] ?? 'rsyslogd';
      for (let end = start; end < whole.length; end += 7) {
        postfixParser.parse(logged(program, whole.slice(start, end)));
      }
    }
  });

  test('take time linear in their number', () => {
    const unit = [
      '; from=<"',
      '; proto=A helo=<> sasl_username=',
      ' to=<',
      '> proto=',
      '<',
      '"',
      '\\',
      'a',
      '; from=<a',
      ' from ',
      'Queue-ID: ',
      '; proto=A helo=<',
      ' authentication ',
      '>, size=',
      '[',
      ' (in reply to ',
    ];
    for (const part of unit) {
      for (const [program, start] of STARTS) {
        const text = start + part.repeat(Math.ceil(200_000 / part.length));
        // Quadratic work on 200 kB takes many seconds; linear work a few ms.
        const quick = isQuick(() => postfixParser.parse(logged(program, text)), 500);
        expect(quick, `${program} ${start}${part}`).toBe(true);
      }
    }
  });
});
