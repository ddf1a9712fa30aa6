import { describe, expect, test } from 'vitest';
import type { Line, LoggedLine } from '../../src/model/line.ts';
import { Envelope, type EnvelopeOptions } from '../../src/parse/envelope/envelope.ts';

const REFERENCE = Date.parse('2026-11-02T00:00:00Z');
const TIME = '2026-11-01T08:05:07.000Z';

function lineOf(bytes: string, number = 1): Line {
  return { source: 'mail.log', line: number, offset: (number - 1) * 1000, bytes };
}

function envelope(options: Partial<EnvelopeOptions> = {}): Envelope {
  return new Envelope({ zone: 'Europe/Berlin', reference: REFERENCE, ...options });
}

/** What was read: time, host, instance, service, program, pid, text, and times when it is not 1. */
function summarize(logged: LoggedLine | undefined): unknown {
  if (logged === undefined) return undefined;
  const { time, host, instance, service, program, pid, text, times } = logged;
  const tag = [instance, service, program].join('|');
  const row = [new Date(time).toISOString(), host, tag, pid, text];
  return times === 1 ? row : [...row, times];
}

function readAll(lines: readonly string[], options?: Partial<EnvelopeOptions>): unknown[] {
  const reader = envelope(options);
  return lines.map((bytes, index) => summarize(reader.read(lineOf(bytes, index + 1))));
}

const SMTPD = 'postfix/smtpd[811]: connect from unknown[192.0.2.7]';
const CONNECT = 'connect from unknown[192.0.2.7]';
const expected = [TIME, 'mx1', 'postfix||smtpd', '811', CONNECT];
const hostless = [TIME, '', 'postfix||smtpd', '811', CONNECT];

const SHAPES: readonly (readonly [string, string, unknown])[] = [
  ['RFC 3164', `Nov  1 09:05:07 mx1 ${SMTPD}`, expected],
  ['day with a zero', `Nov 01 09:05:07 mx1 ${SMTPD}`, expected],
  ['day of one digit', `Nov 1 09:05:07 mx1 ${SMTPD}`, expected],
  [
    'day of one digit, with a fraction',
    `Nov 1 09:05:07.25 mx1 ${SMTPD}`,
    ['2026-11-01T08:05:07.250Z', ...expected.slice(1)],
  ],
  [
    'Solaris',
    'Nov  1 09:05:07 mx1 postfix/smtpd[811]: [ID 197553 mail.info] connect from unknown[192.0.2.7]',
    expected,
  ],
  ['no host', `Nov  1 09:05:07 ${SMTPD}`, hostless],
  [
    'a fraction without a year',
    `Nov  1 09:05:07.25 mx1 ${SMTPD}`,
    ['2026-11-01T08:05:07.250Z', ...expected.slice(1)],
  ],
  [
    'RFC 3339',
    `2026-11-01T09:05:07.123456+01:00 mx1 ${SMTPD}`,
    ['2026-11-01T08:05:07.123Z', ...expected.slice(1)],
  ],
  ['RFC 3339 in UTC', `2026-11-01T08:05:07Z mx1 ${SMTPD}`, expected],
  ['RFC 3339 west of Greenwich', `2026-11-01T03:35:07-04:30 mx1 ${SMTPD}`, expected],
  ['ISO without a zone', `2026-11-01T09:05:07 mx1 ${SMTPD}`, expected],
  ['journalctl short-iso', `2026-11-01T09:05:07+0100 mx1 ${SMTPD}`, expected],
  [
    'level instead of host',
    `2026-11-01T09:05:07.781211+01:00 INFO    ${SMTPD}`,
    ['2026-11-01T08:05:07.781Z', ...hostless.slice(1)],
  ],
  ['RFC 5424', `<22>1 2026-11-01T09:05:07+01:00 mx1 postfix/smtpd 811 - - ${CONNECT}`, expected],
  [
    'RFC 5424 without PRI, with structured data and BOM',
    `1 2026-11-01T08:05:07Z mx1 postfix/smtpd 811 - [a@1 b="c\\"]"][d@1] \xef\xbb\xbf${CONNECT}`,
    expected,
  ],
  [
    'RFC 5424 with nil values',
    `<22>1 2026-11-01T08:05:07Z - postfix/smtpd - - - x`,
    [TIME, '', 'postfix||smtpd', '', 'x'],
  ],
  ['PRI and RFC 3164', `<22>Nov  1 09:05:07 mx1 ${SMTPD}`, expected],
  ['docker logs -t', `2026-11-01T08:05:07.798Z Nov  1 09:05:07 mx1 ${SMTPD}`, expected],
  [
    'docker logs -t, day of one digit',
    `2026-11-01T08:05:07.798Z Nov 1 09:05:07 mx1 ${SMTPD}`,
    expected,
  ],
  [
    'a container in another zone',
    `2026-11-01T08:05:07.798Z Nov  1 13:35:07 mx1 ${SMTPD}`,
    expected,
  ],
  ['compose', `postfix-mailcow-1  | Nov  1 09:05:07 mx1 ${SMTPD}`, expected],
  [
    'docker json-file',
    JSON.stringify({
      log: `Nov  1 09:05:07 mx1 ${SMTPD}\n`,
      stream: 'stdout',
      time: '2026-11-01T08:05:07.4Z',
    }),
    expected,
  ],
  [
    'docker json-file, no envelope inside',
    JSON.stringify({ log: `${SMTPD}\n`, stream: 'stdout', time: '2026-11-01T08:05:07Z' }),
    hostless,
  ],
  ['CRI', `2026-11-01T08:05:07.1Z stdout F Nov 01 09:05:07 mx1 ${SMTPD}`, expected],
  [
    'filebeat',
    JSON.stringify({
      message: `Nov  1 09:05:07 mx1 ${SMTPD}`,
      '@timestamp': '2026-11-01T10:00:00Z',
    }),
    expected,
  ],
  [
    'mailcow in Redis',
    JSON.stringify({
      time: '1793520307',
      priority: 'info',
      program: 'postfix/smtpd',
      message: CONNECT,
    }),
    [TIME, '', 'postfix||smtpd', '', CONNECT],
  ],
  [
    'journald',
    JSON.stringify({
      MESSAGE: CONNECT,
      SYSLOG_IDENTIFIER: 'postfix/submission/smtpd',
      _PID: '811',
      _HOSTNAME: 'mx1',
      __REALTIME_TIMESTAMP: '1793520307000999',
      _UID: '105',
    }),
    [TIME, 'mx1', 'postfix|submission|smtpd', '811', CONNECT],
  ],
  [
    'journald, bytes',
    JSON.stringify({
      MESSAGE: [104, 255, 105],
      SYSLOG_IDENTIFIER: 'exim',
      SYSLOG_PID: '9',
      __REALTIME_TIMESTAMP: '1793520307000000',
    }),
    [TIME, '', 'exim||exim', '9', 'h\xffi'],
  ],
  [
    'journald, repeated field and UTF-8',
    JSON.stringify({
      MESSAGE: ['h\xc3\xa9', 'x'],
      SYSLOG_IDENTIFIER: 'amavis',
      __REALTIME_TIMESTAMP: '1793520307000000',
    }),
    [TIME, '', 'amavis||amavis', '', 'h\xc3\xa9'],
  ],
  [
    'journald, null',
    JSON.stringify({
      MESSAGE: null,
      SYSLOG_IDENTIFIER: 'postfix/smtpd',
      __REALTIME_TIMESTAMP: '1793520307000000',
    }),
    undefined,
  ],
  [
    'journald, a person who says that he is Postfix',
    JSON.stringify({
      MESSAGE: CONNECT,
      SYSLOG_IDENTIFIER: 'postfix/smtpd',
      __REALTIME_TIMESTAMP: '1793520307000000',
      _UID: '1000',
    }),
    undefined,
  ],
  [
    'journald, a person of a directory who says that he is Postfix',
    JSON.stringify({
      MESSAGE: CONNECT,
      SYSLOG_IDENTIFIER: 'postfix/smtpd',
      __REALTIME_TIMESTAMP: '1793520307000000',
      _UID: '1234567890',
    }),
    undefined,
  ],
  [
    'journald, what Postfix printed',
    JSON.stringify({
      MESSAGE: `Nov 01 09:05:07 mx1 ${SMTPD}`,
      SYSLOG_IDENTIFIER: 'postfix',
      _TRANSPORT: 'stdout',
      _PID: '1',
      __REALTIME_TIMESTAMP: '1793520307400000',
    }),
    expected,
  ],
  [
    'journald, printed text that only looks like a tag',
    JSON.stringify({
      MESSAGE: 'warning: x',
      SYSLOG_IDENTIFIER: 'postfix',
      _TRANSPORT: 'stdout',
      _PID: '1',
      __REALTIME_TIMESTAMP: '1793520307000000',
    }),
    [TIME, '', 'postfix||postfix', '1', 'warning: x'],
  ],
  ['broken JSON', '{"MESSAGE":"x"', undefined],
  ['JSON that is no object', '{"a":{"b":1}}', undefined],
  [
    'Exim file',
    '2026-11-01 09:05:07 1xUirY-00014N-13 Completed',
    [TIME, '', 'exim||exim', '', '1xUirY-00014N-13 Completed'],
  ],
  [
    'Exim file with everything',
    '2026-11-01 09:05:07.042 +0100 [811] 1xUirY-00014N-13 Completed',
    ['2026-11-01T08:05:07.042Z', '', 'exim||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  [
    'Exim file in docker',
    '2026-11-01T08:05:07.1Z 2026-11-01 09:05:07 Start queue run: pid=7',
    [TIME, '', 'exim||exim', '', 'Start queue run: pid=7'],
  ],
  [
    'Exim in syslog',
    'Nov  1 09:05:08 mx1 exim4[811]: 2026-11-01 09:05:07 [811] 1xUirY-00014N-13 Completed',
    [TIME, 'mx1', 'exim4||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  [
    'Exim in syslog without its stamp',
    'Nov  1 09:05:07 mx1 exim[811]: 1xUirY-00014N-13 Completed',
    [TIME, 'mx1', 'exim||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  [
    'Exim by another name',
    'Nov  1 09:05:09 mx1 outgoing[811]: 2026-11-01 09:05:07 1xUirY-00014N-13 Completed',
    [TIME, 'mx1', 'outgoing||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  [
    'instance and service',
    'Nov  1 09:05:07 mx1 postfix-192.0.2.9/a/b/smtpd[1]: x',
    [TIME, 'mx1', 'postfix-192.0.2.9|a/b|smtpd', '1', 'x'],
  ],
  ['no daemon', 'Nov  1 09:05:07 mx1 rsyslogd: x', [TIME, 'mx1', 'rsyslogd||rsyslogd', '', 'x']],
  [
    'an empty message',
    'Nov  1 09:05:07 mx1 postfix/smtpd[811]:',
    [TIME, 'mx1', 'postfix||smtpd', '811', ''],
  ],
  ['NUL bytes, BOM and CR', `\0\0\0\xef\xbb\xbfNov  1 09:05:07 mx1 ${SMTPD}\r`, expected],
  [
    'a leap second',
    `2026-11-01T08:59:60Z mx1 postfix/smtpd[1]: x`,
    ['2026-11-01T08:59:59.000Z', 'mx1', 'postfix||smtpd', '1', 'x'],
  ],
  [
    'a repeated message',
    `Nov  1 09:05:07 mx1 postfix/smtpd[811]: message repeated 5 times: [ ${CONNECT}]`,
    [...expected, 5],
  ],
  [
    'a repeated message that was cut',
    `Nov  1 09:05:07 mx1 postfix/smtpd[811]: message repeated 2 times: [ connect from unkn`,
    [TIME, 'mx1', 'postfix||smtpd', '811', 'connect from unkn', 2],
  ],
  ['BusyBox', `Nov  1 09:05:07 mx1 mail.info ${SMTPD}`, expected],
  [
    'BusyBox, no host',
    `Nov  1 09:05:07 mail.info ${SMTPD}`,
    [TIME, 'mail.info', ...expected.slice(2)],
  ],
  ['AIX', `Nov  1 09:05:07 mx1 mail:warn ${SMTPD}`, expected],
  ['BusyBox, RFC 3339', `2026-11-01T08:05:07Z mx1 mail.info ${SMTPD}`, expected],
  ['syslogd -v of FreeBSD', `Nov  1 09:05:07 <mail.info> mx1 ${SMTPD}`, expected],
  ['facility and severity behind the host', `Nov  1 09:05:07 mx1 <mail.info> ${SMTPD}`, expected],
  ['facility and severity twice', `Nov  1 09:05:07 mx1 mail.info mail.info ${SMTPD}`, undefined],
  ['facility and severity, no tag', 'Nov  1 09:05:07 mx1 mail.info -- MARK --', undefined],
  ['no facility', `Nov  1 09:05:07 mx1 post.info ${SMTPD}`, undefined],
  [
    'docker into syslog, the container in another zone',
    `Nov  1 09:05:07 srv mailu-smtp[4062]: Nov 01 00:35:06 mx1 ${SMTPD}`,
    expected,
  ],
  [
    'docker into syslog, with another clock',
    `2026-11-01T09:05:07+01:00 srv 0123456789ab[99]: 2019-05-05T01:02:03Z mx1 ${SMTPD}`,
    expected,
  ],
  [
    'docker into syslog, named by it',
    `Nov  1 09:05:07 srv docker/smtp[9]: Nov  1 09:05:07 ${SMTPD}`,
    [TIME, 'srv', ...expected.slice(2)],
  ],
  [
    'docker into journald',
    JSON.stringify({
      MESSAGE: `Nov 01 03:05:07 mx1 ${SMTPD}`,
      SYSLOG_IDENTIFIER: 'mailu-smtp',
      CONTAINER_ID: '0123456789ab',
      CONTAINER_TAG: 'mailu-smtp',
      _TRANSPORT: 'journal',
      _PID: '99',
      _UID: '0',
      _HOSTNAME: 'srv',
      __REALTIME_TIMESTAMP: '1793520307400000',
    }),
    expected,
  ],
  [
    'a prefix in a prefix in a prefix',
    `Nov  1 09:05:07 srv a[1]: Nov  1 09:05:07 b[2]: Nov  1 09:05:07 mx1 ${SMTPD}`,
    [TIME, 'srv', 'b||b', '2', `Nov  1 09:05:07 mx1 ${SMTPD}`],
  ],
  [
    'what Postfix says is no prefix',
    `Nov  1 09:05:07 mx1 postfix/pipe[1]: Nov  1 09:05:07 mx2 ${SMTPD}`,
    [TIME, 'mx1', 'postfix||pipe', '1', `Nov  1 09:05:07 mx2 ${SMTPD}`],
  ],
  [
    'a stamp that begins no line',
    'Nov  1 09:05:07 mx1 backup[1]: Nov  1 03:00:00 done',
    [TIME, 'mx1', 'backup||backup', '1', 'Nov  1 03:00:00 done'],
  ],
  [
    'Exim in syslog with a stamp like its own',
    '2026-11-01 09:05:07 mx1.example.net exim[811]: 1xUirY-00014N-13 Completed',
    [TIME, 'mx1.example.net', 'exim||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  ['Postfix in syslog with such a stamp', `2026-11-01 09:05:07 mx1 ${SMTPD}`, expected],
  [
    'the same with its zone',
    `2026-11-01 03:35:07.5 -0430 mx1 ${SMTPD}`,
    ['2026-11-01T08:05:07.500Z', ...expected.slice(1)],
  ],
  [
    'a host that looks like the start of a message ID',
    `2026-11-01 09:05:07 server-1.example.net ${SMTPD}`,
    [TIME, 'server-1.example.net', ...expected.slice(2)],
  ],
  ...[
    'H=mx1 postfix/smtpd[811]: x',
    'mx1 dovecot[811]: x',
    'mx1 exim: x',
    '1xUirY-00014N-13 postfix/smtpd[811]: x',
    '1xUirY-0000000GRSy-2tQh postfix/smtpd[811]: x',
  ].map((text): [string, string, unknown] => [
    `Exim file: ${text}`,
    `2026-11-01 09:05:07 ${text}`,
    [TIME, '', 'exim||exim', '', text],
  ]),
  [
    'JSON by a template of rsyslog',
    JSON.stringify({
      '@timestamp': '2026-11-01T09:05:07.000211+01:00',
      type: 'syslog_json',
      tag: 'postfix/submission/smtpd[811]:',
      relayhost: 'srv',
      hostname: 'mx1',
      program: 'postfix',
      priority: '22',
      message: ` ${CONNECT}`,
      end_msg: '',
    }),
    [TIME, 'mx1', 'postfix|submission|smtpd', '811', CONNECT],
  ],
  [
    'JSON of logstash',
    JSON.stringify({
      timestamp: 'Nov  1 09:05:07',
      '@timestamp': '2026-11-01T08:05:07.000Z',
      logsource: 'mx1',
      program: 'postfix/smtpd',
      pid: 811,
      message: CONNECT,
    }),
    expected,
  ],
  [
    'JSON with a host that is an object',
    JSON.stringify({
      timestamp: '2026-11-01T08:05:07+0000',
      host: { name: 'mx1' },
      programname: 'exim',
      procid: '811',
      message: '1xUirY-00014N-13 Completed',
    }),
    [TIME, '', 'exim||exim', '811', '1xUirY-00014N-13 Completed'],
  ],
  [
    'JSON without an instant',
    JSON.stringify({
      timestamp: '2026-11-01T08:05:07',
      tag: 'postfix/smtpd[811]:',
      message: CONNECT,
    }),
    undefined,
  ],
  [
    'filebeat with a tag of its own',
    JSON.stringify({
      tag: 'mail',
      message: `Nov  1 09:05:07 mx1 ${SMTPD}`,
      '@timestamp': '2026-11-01T10:00:00Z',
    }),
    expected,
  ],
  ['a mark', 'Nov  1 09:05:07 mx1 -- MARK --', undefined],
  ['journalctl note', '-- Boot 0123456789abcdef --', undefined],
  ['continuation', '  exim: unknown variable in "x"', undefined],
  ['continuation with a tab', '\tP Received: from x', undefined],
  ['header in the reject log', 'Envelope-from: <a@example.org>', undefined],
  ['nothing', '', undefined],
  ['a date that does not exist', 'Feb 30 09:05:07 mx1 postfix/smtpd[1]: x', undefined],
  ['an hour that does not exist', 'Nov  1 24:05:07 mx1 postfix/smtpd[1]: x', undefined],
  [
    'a stamp in the message',
    `Nov  1 09:05:07 mx1 postfix/smtpd[811]: 2020-01-01 00:00:00 x`,
    [TIME, 'mx1', 'postfix||smtpd', '811', '2020-01-01 00:00:00 x'],
  ],
];

describe('shapes of the prefix', () => {
  test.each(SHAPES)('%s', (_name, bytes, expectation) => {
    expect(summarize(envelope().read(lineOf(bytes)))).toEqual(expectation);
  });

  test('are recognized for each line on its own', () => {
    const reader = envelope();
    for (const [, bytes, expectation] of [...SHAPES, ...SHAPES]) {
      expect(summarize(reader.read(lineOf(bytes)))).toEqual(expectation);
    }
  });
});

function times(stamps: readonly string[], options?: Partial<EnvelopeOptions>): unknown[] {
  const rows = readAll(
    stamps.map((stamp) => `${stamp} mx1 postfix/smtpd[1]: x`),
    options,
  );
  return rows.map((row) => (row as string[])[0]);
}

const CLOCKS: readonly (readonly [
  string,
  readonly string[],
  Partial<EnvelopeOptions>,
  readonly string[],
])[] = [
  [
    'across new year',
    ['Dec 31 23:59:59', 'Jan  1 00:00:00', 'Dec 31 23:59:58', 'Jan  1 00:00:01'],
    { zone: 'UTC', reference: Date.parse('2027-01-02T00:00:00Z') },
    [
      '2026-12-31T23:59:59.000Z',
      '2027-01-01T00:00:00.000Z',
      '2026-12-31T23:59:58.000Z',
      '2027-01-01T00:00:01.000Z',
    ],
  ],
  [
    'a file written last year',
    ['Nov  1 09:00:00', 'Mar  1 09:00:00'],
    { zone: 'UTC', reference: Date.parse('2026-03-02T00:00:00Z') },
    ['2025-11-01T09:00:00.000Z', '2026-03-01T09:00:00.000Z'],
  ],
  [
    'a clock that was wrong after a boot',
    ['Nov  1 09:00:00', 'Jan  1 00:00:07', 'Nov  1 09:00:09'],
    { zone: 'UTC' },
    ['2026-11-01T09:00:00.000Z', '2026-01-01T00:00:07.000Z', '2026-11-01T09:00:09.000Z'],
  ],
  [
    'a day ahead of the reference',
    ['Nov  2 20:00:00', 'Nov  4 20:00:00'],
    { zone: 'UTC' },
    ['2026-11-02T20:00:00.000Z', '2025-11-04T20:00:00.000Z'],
  ],
  ['February 29', ['Feb 29 12:00:00'], { zone: 'UTC' }, ['2024-02-29T12:00:00.000Z']],
  [
    'a stamp with a year tells the year of those after it',
    ['2019-06-01T00:00:00Z', 'Jun  1 00:00:01'],
    { zone: 'UTC' },
    ['2019-06-01T00:00:00.000Z', '2019-06-01T00:00:01.000Z'],
  ],
  ['an offset as zone', ['Nov  1 09:00:00'], { zone: '-03:30' }, ['2026-11-01T12:30:00.000Z']],
  [
    'the hour that comes twice',
    [
      'Oct 25 01:59:59',
      'Oct 25 02:30:00',
      'Oct 25 02:59:59',
      'Oct 25 02:00:00',
      'Oct 25 02:20:00',
      'Oct 25 03:00:00',
    ],
    {},
    [
      '2026-10-24T23:59:59.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T00:59:59.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:20:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ],
  ],
  [
    'the hour that never comes',
    ['Mar 29 01:59:59', 'Mar 29 02:30:00', 'Mar 29 03:00:00'],
    {},
    ['2026-03-29T00:59:59.000Z', '2026-03-29T01:30:00.000Z', '2026-03-29T01:00:00.000Z'],
  ],
  [
    'the hour that comes twice, with the offset',
    ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00', '2026-10-25T02:30:00+01:00'],
    {},
    ['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z', '2026-10-25T01:30:00.000Z'],
  ],
];

describe('time', () => {
  test.each(CLOCKS)('%s', (_name, stamps, options, expectation) => {
    expect(times(stamps, options)).toEqual(expectation);
  });

  test('a live log continues into the next year', () => {
    const reader = envelope({ zone: 'UTC' });
    const read = (stamp: string) => reader.read(lineOf(`${stamp} mx1 postfix/smtpd[1]: x`))?.time;
    expect(read('Nov  1 09:00:00')).toBe(Date.parse('2026-11-01T09:00:00Z'));
    reader.advance(Date.parse('2027-02-01T00:00:00Z'));
    expect(read('Feb  1 00:00:00')).toBe(Date.parse('2027-02-01T00:00:00Z'));
  });

  test('a zone that does not exist is an error', () => {
    expect(() => envelope({ zone: 'Mars/Olympus' })).toThrow(RangeError);
  });
});

describe('lines that belong together', () => {
  test('"last message repeated" is the last line of that host', () => {
    const rows = readAll([
      `Nov  1 09:05:07 mx1 ${SMTPD}`,
      'Nov  1 09:05:08 mx2 postfix/smtpd[7]: other',
      'Nov  1 09:05:09 mx1 last message repeated 3 times',
      'Nov  1 09:05:10 mx2 syslogd: last message repeated 2 times',
      'Nov  1 09:05:11 mx1 -- MARK --',
      'Nov  1 09:05:12 mx1 last message repeated 3 times',
      'Nov  1 09:05:12 mx3 last message repeated 3 times',
    ]);
    expect(rows[2]).toEqual(['2026-11-01T08:05:09.000Z', ...expected.slice(1), 3]);
    expect(rows[3]).toEqual(['2026-11-01T08:05:10.000Z', 'mx2', 'postfix||smtpd', '7', 'other', 2]);
    expect(rows.slice(4)).toEqual([undefined, undefined, undefined]);
  });

  test('docker splits at 16 KiB', () => {
    const entry = (log: string) =>
      JSON.stringify({ log, stream: 'stderr', time: '2026-11-01T08:05:07Z' });
    const rows = readAll([
      entry('Nov  1 09:05:07 mx1 postfix/sm'),
      entry('tpd[811]: connect '),
      entry('from unknown[192.0.2.7]\n'),
    ]);
    expect(rows).toEqual([undefined, undefined, expected]);
  });

  test('CRI splits each stream on its own', () => {
    const rows = readAll([
      '2026-11-01T08:05:07Z stdout P Nov  1 09:05:07 mx1 postfix/smtpd[811]: connect ',
      '2026-11-01T08:05:07Z stderr F Nov  1 09:05:07 mx1 postfix/smtpd[812]: x',
      '2026-11-01T08:05:07Z stdout F from unknown[192.0.2.7]',
    ]);
    expect(rows).toEqual([undefined, [TIME, 'mx1', 'postfix||smtpd', '812', 'x'], expected]);
  });

  test('Exim splits long entries for syslog', () => {
    const rows = readAll([
      'Nov  1 09:05:07 mx1 exim[811]: [1/3] 2026-11-01 09:05:07 1xUirY-00014N-13 <= a@exam',
      'Nov  1 09:05:07 mx1 exim[812]: [1\\3] 2026-11-01 09:05:07 1xUirZ-00014N-13 H=x rejected',
      'Nov  1 09:05:07 mx1 exim[811]: [2/3] ple.org H=(x) [192.',
      'Nov  1 09:05:07 mx1 exim[812]: [2\\3] Envelope-from: <a@example.org>',
      'Nov  1 09:05:07 mx1 exim[811]: [3/3] 0.2.7] P=smtp',
      'Nov  1 09:05:07 mx1 exim[811]: [3/3] again',
      'Nov  1 09:05:07 mx1 exim[813]: [2/2] without a beginning',
    ]);
    expect(rows).toEqual([
      undefined,
      [TIME, 'mx1', 'exim||exim', '812', '1xUirZ-00014N-13 H=x rejected'],
      undefined,
      undefined,
      [
        TIME,
        'mx1',
        'exim||exim',
        '811',
        '1xUirY-00014N-13 <= a@example.org H=(x) [192.0.2.7] P=smtp',
      ],
      undefined,
      undefined,
    ]);
  });

  test('a line in parts has the position of its first part', () => {
    const reader = envelope();
    reader.read(lineOf('2026-11-01T08:05:07Z stdout P Nov  1 09:05:07 mx1 postfix/smtpd[1]: a', 7));
    const logged = reader.read(lineOf('2026-11-01T08:05:07Z stdout F b', 8));
    expect(logged?.at).toEqual({ source: 'mail.log', line: 7, offset: 6000 });
    expect(logged?.text).toBe('ab');
  });

  test('a restart changes nothing', () => {
    const lines = [
      `Dec 31 23:59:59 mx1 ${SMTPD}`,
      'Dec 31 23:59:59 mx1 exim[811]: [1/2] 1xUirY-00014N-13 Comp',
      'Jan  1 00:00:00 mx1 last message repeated 3 times',
      'Jan  1 00:00:00 mx1 exim[811]: [2/2] leted',
    ];
    const reference = Date.parse('2027-01-01T00:00:00Z');
    const whole = readAll(lines, { reference });
    let state: unknown;
    const restarted = lines.map((bytes, index) => {
      const reader = envelope({ reference });
      if (state !== undefined) reader.load(JSON.parse(JSON.stringify(state)));
      const row = summarize(reader.read(lineOf(bytes, index + 1)));
      state = reader.save();
      return row;
    });
    expect(restarted).toEqual(whole);
    expect(whole[2]).toEqual(['2026-12-31T23:00:00.000Z', ...expected.slice(1), 3]);
    expect(whole[3]).toEqual([
      '2026-12-31T22:59:59.000Z',
      'mx1',
      'exim||exim',
      '811',
      '1xUirY-00014N-13 Completed',
    ]);
  });

  test.each([null, 7, {}, { stamps: 'x', parts: [], repeats: [] }])(
    'a state that is none: %j',
    (state) => {
      const reader = envelope();
      reader.load(state);
      expect(summarize(reader.read(lineOf(`Nov  1 09:05:07 mx1 ${SMTPD}`)))).toEqual(expected);
    },
  );
});
