/** What is read from a feedback report, and which reports are refused. */
import { describe, expect, it } from 'vitest';
import { readReceived } from '../../src/complaint/received.ts';
import { readReport } from '../../src/complaint/report.ts';
import { buildReport, ENCLOSED, FEEDBACK } from './arf.ts';

const read = (text: string) => readReport(Buffer.from(text));
const NINE = Date.UTC(2026, 10, 12, 9);
const CLAIM = {
  messageId: '8787KJKJ3K4J3K4J3K4J3.mail@example.net',
  hops: [
    { queueId: 'ABCDEF1234567', time: NINE + 4000 },
    { queueId: '4F00000001', time: NINE },
  ],
  arrival: NINE + 5000,
  sender: 'kim@example.net',
  recipients: ['user@example.com'],
};

describe('a report', () => {
  it('names the message, its way, its sender and its recipient', async () => {
    expect(await read(buildReport())).toEqual({ claim: CLAIM });
  });

  it('may enclose the header alone', async () => {
    const report = buildReport({
      enclosedType: 'text/rfc822-headers',
      enclosed: ENCLOSED.slice(0, -2),
    });
    expect(await read(report)).toEqual({ claim: CLAIM });
  });

  it.each(['redacted@example.com', '@example.com', 'xxxxx@example.com', '***@example.com', '<>'])(
    'may hide the recipient: %s',
    async (hidden) => {
      const feedback = FEEDBACK.map((line) => line.replace('<user@example.com>', hidden));
      expect(await read(buildReport({ feedback }))).toEqual({
        claim: { ...CLAIM, recipients: [] },
      });
    },
  );

  it('that is cut in the body of the message is read', async () => {
    const report = buildReport({ enclosed: [...ENCLOSED, 'x'.repeat(2000)] });
    expect(await read(report.slice(0, -1000))).toEqual({ claim: CLAIM });
  });
});

describe('a report is refused', () => {
  it.each([
    ['empty', '', 'not a feedback report'],
    ['no mail', '\x00\xff\r\n\r\n', 'not a feedback report'],
    [
      'another type of report',
      buildReport({
        contentType: 'multipart/report; report-type=delivery-status; boundary="part1"',
      }),
      'not a feedback report',
    ],
    [
      'a mail that only looks like one',
      buildReport({
        contentType: 'multipart/mixed; boundary="part1"; x="report-type=feedback-report"',
      }),
      'not a feedback report',
    ],
    ['not abuse', buildReport({ feedback: ['Feedback-Type: not-spam'] }), 'not of the type abuse'],
    [
      'two types',
      buildReport({ feedback: ['Feedback-Type: fraud', 'Feedback-Type: abuse'] }),
      'not of the type abuse',
    ],
    ['no type', buildReport({ feedback: [] }), 'not of the type abuse'],
    [
      'no message',
      buildReport({ enclosedType: 'application/octet-stream' }),
      'expected one enclosed message',
    ],
    [
      'no Message-ID',
      buildReport({ enclosed: ENCLOSED.filter((line) => !line.startsWith('Message-ID')) }),
      'has no Message-ID',
    ],
    [
      'two Message-IDs',
      buildReport({ enclosed: ['Message-ID: <x@y>', ...ENCLOSED] }),
      'has no Message-ID',
    ],
    [
      'an endless Message-ID',
      buildReport({ enclosed: [`Message-ID: <${'x'.repeat(5000)}@y>`, ''] }),
      'has no Message-ID',
    ],
  ])('%s', async (_name, text, why) => {
    expect(await read(text)).toEqual({ refused: expect.stringContaining(why) });
  });

  it('a thousand nested parts', async () => {
    let text = '';
    for (let n = 0; n < 1000; n++)
      text += `Content-Type: multipart/report; report-type=feedback-report; boundary=b${n}\r\n\r\n--b${n}\r\n`;
    expect(await read(text)).toHaveProperty('refused');
  });
});

describe('Received', () => {
  it.each([
    [
      'by mx (Postfix, from userid 33) id 4F00000001; Thu, 12 Nov 2026 09:00:00 +0000 (UTC)',
      '4F00000001',
    ],
    [
      'from [203.0.113.9] (helo=pc) by mx with esmtpsa (TLS1.3) tls TLS_AES_256 (Exim 4.96) (envelope-from <kim@example.net>) id 1xUirY-00014N-13 for user@example.com; Thu, 12 Nov 2026 09:00:00 +0000',
      '1xUirY-00014N-13',
    ],
    [
      'from pc by mx (Exim 4.98) id 1xUirY-000000014NT-13Ab; Thu, 12 Nov 2026 09:00:00 +0000',
      '1xUirY-000000014NT-13Ab',
    ],
  ])('%s', (field, queueId) => {
    expect(readReceived(field)).toEqual({ queueId, time: NINE });
  });

  it.each([
    [
      'a HELO that writes a field',
      'from x (id 4F99999999; by me) by mx; Thu, 12 Nov 2026 09:00:00 +0000',
    ],
    ['no date', 'by mx with ESMTP id 4F00000001'],
    ['a date that is none', 'by mx with ESMTP id 4F00000001; yesterday'],
    ['an ID that is none', 'by mx id ../../etc/passwd; Thu, 12 Nov 2026 09:00:00 +0000'],
    ['endless', `by mx id 4F00000001 ${'('.repeat(10_000)}; Thu, 12 Nov 2026 09:00:00 +0000`],
  ])('%s', (_name, field) => expect(readReceived(field)).toBeUndefined());
});
