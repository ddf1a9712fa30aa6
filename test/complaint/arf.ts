/** A feedback report as large providers write them (RFC 5965 B.2), with any part replaced. */

export interface Parts {
  readonly contentType?: string;
  readonly feedback?: readonly string[];
  readonly enclosed?: readonly string[];
  /** Content-Type of the enclosed message */
  readonly enclosedType?: string;
}

export const FEEDBACK = [
  'Feedback-Type: abuse',
  'User-Agent: SomeGenerator/1.0',
  'Version: 1',
  'Original-Mail-From: <kim@example.net>',
  'Original-Rcpt-To: <user@example.com>',
  'Arrival-Date: Thu, 12 Nov 2026 09:00:05 +0000',
];

export const POSTFIX_RECEIVED = [
  'Received: from mx1.example.net (mx1.example.net [192.0.2.1]) by mx.example.com',
  '\twith ESMTPS id ABCDEF1234567; Thu, 12 Nov 2026 09:00:04 +0000',
  'Received: from pc (unknown [203.0.113.9])',
  '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))',
  '\tby mx1.example.net (Postfix) with ESMTPSA id 4F00000001',
  '\tfor <user@example.com>; Thu, 12 Nov 2026 09:00:00 +0000 (UTC)',
];

export const ENCLOSED = [
  ...POSTFIX_RECEIVED,
  'From: <kim@example.net>',
  'Subject: Earn money',
  'Message-ID: <8787KJKJ3K4J3K4J3K4J3.mail@example.net>',
  '',
  'Spam Spam Spam',
];

export function buildReport(parts: Parts = {}): string {
  const {
    contentType = 'multipart/report; report-type=feedback-report; boundary="part1"',
    feedback = FEEDBACK,
    enclosed = ENCLOSED,
    enclosedType = 'message/rfc822',
  } = parts;
  return [
    'From: <abusedesk@example.com>',
    'Date: Thu, 12 Nov 2026 17:40:36 +0000',
    'Subject: FW: Earn money',
    'To: <abuse@example.net>',
    'MIME-Version: 1.0',
    `Content-Type: ${contentType}`,
    '',
    '--part1',
    'Content-Type: text/plain; charset="US-ASCII"',
    '',
    'This is an email abuse report.',
    '--part1',
    'Content-Type: message/feedback-report',
    '',
    ...feedback,
    '',
    '--part1',
    `Content-Type: ${enclosedType}`,
    'Content-Disposition: inline',
    '',
    ...enclosed,
    '',
    '--part1--',
    '',
  ].join('\r\n');
}
