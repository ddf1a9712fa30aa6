import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoggedLine } from '../../src/model/line.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { isQuick } from '../support/quickly.ts';

function envelope(): Envelope {
  return new Envelope({ zone: '+01:00', reference: Date.parse('2026-11-02T00:00:00Z') });
}

function read(reader: Envelope, bytes: string): LoggedLine | undefined {
  return reader.read({ source: 'mail.log', line: 1, offset: 0, bytes });
}

/** Prefixes, and pieces of prefixes, of every shape. */
const PIECES = [
  'Nov  1 09:05:07 ',
  'Nov 01 09:05:07.5 ',
  '2026-11-01T09:05:07.123456+01:00 ',
  '2026-11-01T09:05:07Z ',
  '2026-11-01 09:05:07 ',
  '2026-11-01 09:05:07.123 +0100 [811] ',
  '<22>',
  '<22>1 2026-11-01T09:05:07Z mx1 postfix/smtpd 811 - - ',
  '1 ',
  '{"MESSAGE":"',
  '{"log":"x\\n","stream":"stdout","time":"2026-11-01T09:05:07Z"}',
  '"}',
  'stdout F ',
  'stderr P ',
  'name  | ',
  'mx1 ',
  'INFO    ',
  'postfix/smtpd[811]: ',
  'exim[811]: ',
  'exim[811]: [1/3] ',
  '[2/3] ',
  '[3\\3] ',
  'message repeated 5 times: [ ',
  'last message repeated 3 times',
  'syslogd: ',
  '[a b="',
  '\\"',
  '"]',
  '\0',
  '\xef\xbb\xbf',
  '\r',
  '9'.repeat(40),
  '',
];

const bytes = fc
  .uint8Array({ maxLength: 60 })
  .map((array) => Buffer.from(array).toString('latin1'));
const anything = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...PIECES) }, bytes), { maxLength: 8 })
  .map((parts) => parts.join(''));

describe('any bytes', () => {
  test('give a line or nothing, and leave a state that can be stored', () => {
    const reader = envelope();
    fc.assert(
      fc.property(anything, (line) => {
        const logged = read(reader, line);
        if (logged !== undefined) {
          expect(Number.isFinite(logged.time)).toBe(true);
          expect(logged.program).not.toBe(undefined);
          expect(logged.times).toBeGreaterThanOrEqual(1);
        }
        const state = JSON.parse(JSON.stringify(reader.save()));
        expect(() => envelope().load(state)).not.toThrow();
      }),
      { numRuns: 1500 },
    );
  });

  test('take time linear in their number', () => {
    const starts = [
      '',
      '1 2026-11-01T08:05:07Z a b c d ',
      'Nov  1 09:05:07 ',
      'Nov  1 09:05:07 mx1 exim[1]: ',
    ];
    for (const start of starts) {
      for (const piece of [...PIECES, ' ', 'a', '[', '/']) {
        if (piece === '') continue;
        const line = start + piece.repeat(Math.ceil(100_000 / piece.length));
        const quick = isQuick(() => read(envelope(), line), 500);
        expect(quick, `${start} and ${piece}`).toBe(true);
      }
    }
  });
});

const PREFIXES = [
  'Nov  1 09:05:07 mx1 postfix/smtpd[811]: ',
  'Nov  1 09:05:07 postfix/smtpd[811]: ',
  '2026-11-01T09:05:07+01:00 mx1 postfix/smtpd[811]: ',
  '2026-11-01T09:05:07+01:00 INFO    postfix/smtpd[811]: ',
  '<22>1 2026-11-01T08:05:07Z mx1 postfix/smtpd 811 - - ',
  'postfix-1  | Nov  1 09:05:07 mx1 postfix/smtpd[811]: ',
  '2026-11-01 09:05:07 +0100 [811] 1xUirY-00014N-13 ',
  'Nov  1 09:05:07 mx1 exim[811]: 2026-11-01 09:05:07 1xUirY-00014N-13 ',
  'Nov  1 09:05:07 mx1 exim[811]: 1xUirY-00014N-13 ',
] as const;

test.each(PREFIXES)('no message changes how %j is read', (prefix) => {
  const plain = read(envelope(), `${prefix}!`);
  fc.assert(
    fc.property(anything, (message) => {
      const logged = read(envelope(), `${prefix}y${message}z`);
      expect(logged).toEqual({ ...plain, text: plain?.text.replace('!', () => `y${message}z`) });
    }),
    { numRuns: 200 },
  );
});

test('JSON holds any message, as bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const message = `m${text}z`;
      const journal = JSON.stringify({
        MESSAGE: message,
        SYSLOG_IDENTIFIER: 'postfix/smtpd',
        __REALTIME_TIMESTAMP: '1793520307000000',
      });
      const utf8 = Buffer.from(message, 'utf8').toString('latin1');
      const logged = read(envelope(), Buffer.from(journal, 'utf8').toString('latin1'));
      expect(logged?.text).toBe(utf8);
    }),
  );
});

test('what is kept for lines to come is bounded', () => {
  const reader = envelope();
  for (let number = 0; number < 5000; number++) {
    const host = `h${number}`;
    read(reader, `Nov  1 09:05:07 ${host} exim[${number}]: [1/3] ${'x'.repeat(50)}`);
    read(reader, `Nov  1 09:05:07 ${host} postfix/smtpd[${number}]: x`);
    read(reader, `2026-11-01T08:05:07Z stdout P ${'x'.repeat(100)}`);
  }
  const { parts, repeats } = reader.save() as { parts: [string, { text: string }][]; repeats: [] };
  expect(parts.length).toBeLessThanOrEqual(1000);
  expect(repeats.length).toBeLessThanOrEqual(1001);
  expect(Math.max(...parts.map(([, part]) => part.text.length))).toBeLessThanOrEqual(65_536);
});
