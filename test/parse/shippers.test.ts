/** Lines as log shippers, terminals and syslog daemons of many kinds write them: the sample, and what is read of it. */
import { describe, expect, test } from 'vitest';
import type { LoggedLine } from '../../src/model/line.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';

const TEXT = '9BE7E21449E: removed';
const TAG = 'postfix/qmgr[700]: ';
const LINE = `mx1 ${TAG}${TEXT}`;
const TIME = '2026-11-10T08:05:08.000Z';
const FRACTION = '2026-11-10T08:05:08.123Z';

function open(): Envelope {
  const reference = Date.parse('2026-11-12T00:00:00Z');
  return new Envelope({ zone: 'Europe/Berlin', reference });
}

function read(envelope: Envelope, bytes: string): LoggedLine | undefined {
  return envelope.read({ source: 'x', line: 1, offset: 0, bytes });
}

function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function json(fields: object): string {
  return JSON.stringify(fields);
}

/** Name, line, time; and the host, unless it is mx1. */
const SAMPLES: readonly (readonly [string, string, string, string?])[] = [
  // Stamps.
  ['a year in front (rsyslog)', `2026 Nov 10 09:05:08.123 ${LINE}`, FRACTION],
  ['a year behind the day (Cisco)', `Nov 10 2026 09:05:08 ${LINE}`, TIME],
  ['a year behind the time (ctime)', `Nov 10 09:05:08 2026 ${LINE}`, TIME],
  ['ctime with its weekday', `Tue Nov 10 09:05:08 2026 ${LINE}`, TIME],
  ['date(1)', `Tue Nov 10 09:05:08 CET 2026 ${LINE}`, TIME],
  ['day in front', `10 Nov 2026 09:05:08 ${LINE}`, TIME],
  ['slashes', `2026/11/10 09:05:08 ${LINE}`, TIME],
  ['svlogd -tt', `2026-11-10_08:05:08.12345 ${LINE}`, FRACTION],
  [
    'socklog',
    `2026-11-10_08:05:08.12345 mail.info: Nov 10 09:05:08 postfix/qmgr[700]: ${TEXT}`,
    FRACTION,
    '',
  ],
  ['multilog', `@400000006af2d059075bca00 ${LINE}`, FRACTION],
  ['journalctl -o short-full', `Tue 2026-11-10 09:05:08 CET ${LINE}`, TIME],
  ['journalctl -o short-full in UTC', `Tue 2026-11-10 08:05:08 UTC ${LINE}`, TIME],
  ['journalctl -o short-full, numeric zone', `Tue 2026-11-10 11:05:08 +03 ${LINE}`, TIME],
  ['journalctl -o short-full, precise', `Tue 2026-11-10 09:05:08.123456 CET ${LINE}`, FRACTION],
  ['journalctl -o short-unix', `1794297908.123456 ${LINE}`, FRACTION],
  ['German', `Okt 10 09:05:08 ${LINE}`, '2026-10-10T07:05:08.000Z'],
  ['German, UTF-8', toBytes(`Mär 10 09:05:08 ${LINE}`), '2026-03-10T08:05:08.000Z'],
  ['German, ISO 8859-1', `M\xe4r 10 09:05:08 ${LINE}`, '2026-03-10T08:05:08.000Z'],
  ['German, March in short', `Mrz  3 09:05:08 ${LINE}`, '2026-03-03T08:05:08.000Z'],
  ['German, day in front', `10. Okt 09:05:08 ${LINE}`, '2026-10-10T07:05:08.000Z'],
  ['French', toBytes(`févr. 10 09:05:08 ${LINE}`), '2026-02-10T08:05:08.000Z'],
  ['French, August', toBytes(`août  3 09:05:08 ${LINE}`), '2026-08-03T07:05:08.000Z'],
  ['French, July', `juil. 10 09:05:08 ${LINE}`, '2026-07-10T07:05:08.000Z'],
  ['Spanish', `ene 10 09:05:08 ${LINE}`, '2026-01-10T08:05:08.000Z'],
  ['Italian', `giu 10 09:05:08 ${LINE}`, '2026-06-10T07:05:08.000Z'],
  ['Dutch', `mei 10 09:05:08 ${LINE}`, '2026-05-10T07:05:08.000Z'],
  ['Polish', toBytes(`paź 10 09:05:08 ${LINE}`), '2026-10-10T07:05:08.000Z'],
  ['Portuguese', `set 10 09:05:08 ${LINE}`, '2026-09-10T07:05:08.000Z'],
  ['Russian', toBytes(`ноя 10 09:05:08 ${LINE}`), TIME],
  ['Ukrainian', toBytes(`лис 10 09:05:08 ${LINE}`), TIME],
  ['Greek', toBytes(`Νοε 10 09:05:08 ${LINE}`), TIME],
  ['Turkish', `Kas 10 09:05:08 ${LINE}`, TIME],
  ['Finnish', `marras 10 09:05:08 ${LINE}`, TIME],
  ['Czech', toBytes(`říj 10 09:05:08 ${LINE}`), '2026-10-10T07:05:08.000Z'],
  ['Japanese', toBytes(`11月 10 09:05:08 ${LINE}`), TIME],
  ['Japanese, one digit', toBytes(` 9月 10 09:05:08 ${LINE}`), '2026-09-10T07:05:08.000Z'],
  ['Korean', toBytes(`11월 10 09:05:08 ${LINE}`), TIME],
  ['journalctl -o short-full, Russian', toBytes(`Вт 2026-11-10 11:05:08 MSK ${LINE}`), TIME],
  ['a space for the T, offset at once', `2026-11-10 09:05:08+01:00 ${LINE}`, TIME],
  ['a space for the T, UTC', `2026-11-10 08:05:08Z ${LINE}`, TIME],
  ['dots', `10.11.2026 09:05:08 ${LINE}`, TIME],
  ['as web servers', `10/Nov/2026:09:05:08 +0100 ${LINE}`, TIME],
  ['milliseconds', `1794297908123 ${LINE}`, FRACTION],
  ['in brackets', `[2026-11-10 09:05:08] ${LINE}`, TIME],
  ['in brackets, RFC 3339', `[2026-11-10T09:05:08.123+01:00] ${LINE}`, FRACTION],
  ['in brackets, RFC 3164', `[Nov 10 09:05:08] ${LINE}`, TIME],
  ['in brackets, seconds', `[1794297908.123] ${LINE}`, FRACTION],
  ['moreutils ts', `Nov 10 09:05:11 Nov 10 09:05:08 ${LINE}`, TIME],
  ['no pid, a year behind the time', `Nov 10 09:05:08 2026 mx1 postfix/qmgr: ${TEXT}`, TIME],
  // Host and tag.
  ['metalog with a host', `Nov 10 09:05:08 mx1 [postfix/qmgr] ${TEXT}`, TIME],
  ['FreeBSD -v', `Nov 10 09:05:08 <2.6> ${LINE}`, TIME],
  ['FreeBSD -vv', `Nov 10 09:05:08 <mail.info> ${LINE}`, TIME],
  ['no blank behind the tag', `Nov 10 09:05:08 mx1 postfix/qmgr[700]:${TEXT}`, TIME],
  ['no colon behind the tag', `Nov 10 09:05:08 mx1 postfix/qmgr[700] ${TEXT}`, TIME],
  ['a colon that stands alone', `Nov 10 09:05:08 mx1 postfix/qmgr[700] : ${TEXT}`, TIME],
  ['tabs', `Nov 10 09:05:08\tmx1\tpostfix/qmgr[700]:\t${TEXT}`, TIME],
  ['tabs, RFC 3339', `2026-11-10T09:05:08.123+01:00\tmx1\tpostfix/qmgr[700]:\t${TEXT}`, FRACTION],
  [
    'a length in front (RFC 6587)',
    `99 <22>1 2026-11-10T08:05:08Z mx1 postfix/qmgr 7 - - ${TEXT}`,
    TIME,
  ],
  ['metalog', `Nov 10 09:05:08 [postfix/qmgr] ${TEXT}`, TIME, ''],
  ['metalog with a pid', `Nov 10 09:05:08 [postfix/qmgr[700]] ${TEXT}`, TIME, ''],
  ['two hosts', `Nov 10 09:05:08 relay ${LINE}`, TIME],
  ['two hosts, RFC 3339', `2026-11-10T09:05:08+01:00 relay ${LINE}`, TIME],
  ['two hosts with stamps', `Nov 10 09:05:11 relay Nov 10 09:05:08 ${LINE}`, TIME],
  ['doubled blanks', `Nov 10 09:05:08  mx1  postfix/qmgr[700]:  ${TEXT}`, TIME],
  ['a blank at the end', `Nov 10 09:05:08 ${LINE} `, TIME],
  ['a tab and CR at the end', `Nov 10 09:05:08 ${LINE}\t\r`, TIME],
  ['a service behind the daemon', `Nov 10 09:05:08 mx1 postfix/qmgr.local[700]: ${TEXT}`, TIME],
  // Containers, terminals, tools.
  [
    'docker compose in colour',
    `\x1b[36mpostfix-mailcow_1    |\x1b[0m Nov 10 09:05:08 ${LINE}`,
    TIME,
  ],
  ['docker compose v2 in colour', `\x1b[36mpostfix-1  | \x1b[0mNov 10 09:05:08 ${LINE}`, TIME],
  ['nerdctl compose', `postfix-1 |Nov 10 09:05:08 ${LINE}`, TIME],
  ['docker service logs', `mail_postfix.1.x7@node1    | Nov 10 09:05:08 ${LINE}`, TIME],
  ['kubectl --prefix', `[pod/mail-0/postfix] Nov 10 09:05:08 ${LINE}`, TIME],
  [
    'kubectl --prefix --timestamps',
    `[pod/mail-0/postfix] 2026-11-10T08:05:08.9Z Nov 10 09:05:08 ${LINE}`,
    TIME,
  ],
  [
    'docker, syslog driver with a name',
    `Nov 10 09:05:08 n1 mail/0123abcd4567[9]: Nov 10 09:05:07 ${LINE}`,
    TIME,
  ],
  ['stern', `mail-0 postfix Nov 10 09:05:08 ${LINE}`, TIME],
  ['stern in colour', `\x1b[32mmail-0\x1b[0m \x1b[33mpostfix\x1b[0m Nov 10 09:05:08 ${LINE}`, TIME],
  ['podman --names', `mailbox 2026-11-10T09:05:08+01:00 ${LINE}`, TIME],
  ['Grafana', `2026-11-10T09:05:09+01:00\tNov 10 09:05:08 ${LINE}`, TIME],
  ['Grafana, two stamps', `1794297909123\t2026-11-10T08:05:09Z\tNov 10 09:05:08 ${LINE}`, TIME],
  ['Grafana, a stamp without zone', `2026-11-10 09:05:09.123\tNov 10 09:05:08 ${LINE}`, TIME],
  ['Graylog, CSV', `"2026-11-10T08:05:08.123Z","mx1","postfix/qmgr[700]: ${TEXT}"`, FRACTION],
  ['Splunk, CSV', `"Nov 10 09:05:08 ${LINE}","2026-11-10T09:05:08.000+0100",mx1`, TIME],
  [
    'Papertrail',
    `7711561783320576\t2026-11-10T08:05:08Z\t2026-11-10T08:05:09Z\t20\tmx1\t10.0.0.1\tMail\tInfo\tpostfix/qmgr\t${TEXT}`,
    TIME,
  ],
  [
    'Fluent Bit, file',
    `mail.0: [1794297908.123, ${json({ host: 'mx1', ident: 'postfix/qmgr', pid: '700', message: TEXT })}]`,
    FRACTION,
  ],
  [
    'Fluent Bit 2.1, file',
    `mail.0: [[1794297909.1, {}], ${json({ log: `Nov 10 09:05:08 ${LINE}` })}]`,
    TIME,
  ],
  [
    'grep --color',
    `\x1b[35m\x1b[Kmail.log\x1b[m\x1b[K\x1b[36m\x1b[K:\x1b[m\x1b[KNov 10 09:05:08 ${LINE}`,
    TIME,
  ],
  ['grep -H', `/var/log/mail.log:Nov 10 09:05:08 ${LINE}`, TIME],
  ['grep -Hn', `mail.log.1:12:2026-11-10T09:05:08+01:00 ${LINE}`, TIME],
  ['grep -H, German', `/var/log/mail.log:Okt 10 09:05:08 ${LINE}`, '2026-10-10T07:05:08.000Z'],
  [
    'logcli',
    `2026-11-10T09:05:09+01:00 {host="mx1", job="mail {x}"} Nov 10 09:05:08 ${LINE}`,
    TIME,
  ],
  ['logcli, no stamp inside', `2026-11-10T09:05:08+01:00 {} ${LINE}`, TIME],
  // JSON.
  [
    'Elastic common schema',
    json({
      '@timestamp': '2026-11-10T08:05:08.123Z',
      message: TEXT,
      host: { hostname: 'mx1' },
      process: { name: 'postfix/qmgr', pid: 700 },
    }),
    FRACTION,
  ],
  [
    'Elastic common schema, flat',
    json({
      '@timestamp': '2026-11-10T08:05:08.123Z',
      message: TEXT,
      'host.hostname': 'mx1',
      'process.name': 'postfix/qmgr',
      'process.pid': 700,
    }),
    FRACTION,
  ],
  [
    'filebeat, journald input',
    json({
      '@timestamp': '2026-11-10T08:05:08.123Z',
      message: TEXT,
      host: { hostname: 'mx1' },
      syslog: { identifier: 'postfix/qmgr' },
      log: { syslog: { appname: 'postfix/qmgr', procid: '700' } },
    }),
    FRACTION,
  ],
  [
    'Vector, syslog source',
    json({
      appname: 'postfix/qmgr',
      facility: 'mail',
      hostname: 'mx1',
      message: TEXT,
      procid: 700,
      timestamp: '2026-11-10T08:05:08.123Z',
    }),
    FRACTION,
  ],
  [
    'GELF',
    json({
      version: '1.1',
      host: 'mx1',
      short_message: TEXT,
      timestamp: 1794297908.123,
      level: 6,
      _application_name: 'postfix/qmgr',
      _process_id: '700',
    }),
    FRACTION,
  ],
  [
    'GELF of the docker driver',
    json({
      version: '1.1',
      host: 'node',
      short_message: `Nov 10 09:05:08 ${LINE}`,
      timestamp: 1794297909.1,
      _container_name: 'postfix',
      _tag: '0123456789ab',
    }),
    TIME,
  ],
  [
    'Fluent Bit, syslog parser',
    json({
      date: 1794297908.123,
      pri: '22',
      time: 'Nov 10 09:05:08',
      host: 'mx1',
      ident: 'postfix/qmgr',
      pid: '700',
      message: TEXT,
    }),
    FRACTION,
  ],
  ['Fluent Bit, tail', json({ date: 1794297909.5, log: `Nov 10 09:05:08 ${LINE}` }), TIME],
  [
    'Fluent Bit in Kubernetes',
    json({
      '@timestamp': '2026-11-10T08:05:09.5Z',
      log: `Nov 10 09:05:08 ${LINE}`,
      stream: 'stdout',
      time: '2026-11-10T08:05:09.4Z',
      kubernetes: { pod_name: 'mail-0' },
    }),
    TIME,
  ],
  [
    'Fluent Bit, systemd input',
    json({
      date: 1794297908.123,
      MESSAGE: TEXT,
      SYSLOG_IDENTIFIER: 'postfix/qmgr',
      _PID: '700',
      _HOSTNAME: 'mx1',
    }),
    FRACTION,
  ],
  [
    'rsyslog with syslog-tag',
    json({
      timestamp: '2026-11-10T09:05:08.123+01:00',
      host: 'mx1',
      severity: 'info',
      'syslog-tag': 'postfix/qmgr[700]:',
      message: ` ${TEXT}`,
    }),
    FRACTION,
  ],
  [
    'rsyslog, jsonmesg',
    json({
      msg: ` ${TEXT}`,
      rawmsg: '',
      timereported: '2026-11-10T09:05:08.123+01:00',
      hostname: 'mx1',
      syslogtag: 'postfix/qmgr[700]:',
      programname: 'postfix',
    }),
    FRACTION,
  ],
  [
    'syslog-ng, format-json',
    json({
      PROGRAM: 'postfix/qmgr',
      PID: '700',
      MESSAGE: TEXT,
      HOST: 'mx1',
      DATE: 'Nov 10 09:05:08',
    }),
    TIME,
  ],
  [
    'NXLog',
    json({
      EventTime: '2026-11-10 09:05:08',
      Hostname: 'mx1',
      SourceName: 'postfix/qmgr',
      ProcessID: '700',
      Message: TEXT,
    }),
    TIME,
  ],
  [
    'logcli -o jsonl',
    json({
      labels: { job: 'mail' },
      line: `Nov 10 09:05:08 ${LINE}`,
      timestamp: '2026-11-10T08:05:09Z',
    }),
    TIME,
  ],
  [
    'fluentd, out_file',
    `2026-11-10T09:05:08+01:00\tmail.info\t${json({ host: 'mx1', ident: 'postfix/qmgr', pid: '700', message: TEXT })}`,
    TIME,
  ],
  [
    'journalctl -o json-seq',
    `\x1e${json({ MESSAGE: TEXT, SYSLOG_IDENTIFIER: 'postfix/qmgr', _HOSTNAME: 'mx1', __REALTIME_TIMESTAMP: '1794297908123456' })}`,
    FRACTION,
  ],
  [
    'docker logs -t, JSON inside',
    `2026-11-10T08:05:09.1Z ${json({ timestamp: '2026-11-10T08:05:08.123Z', hostname: 'mx1', appname: 'postfix/qmgr', message: TEXT })}`,
    FRACTION,
  ],
  [
    'Elasticsearch, a hit',
    json({
      _index: 'x',
      _source: { '@timestamp': '2026-11-10T08:05:09Z', message: `Nov 10 09:05:08 ${LINE}` },
    }),
    TIME,
  ],
  [
    'Splunk',
    json({
      preview: false,
      result: { _raw: `Nov 10 09:05:08 ${LINE}`, _time: '2026-11-10T08:05:09Z' },
    }),
    TIME,
  ],
  ['Cribl', json({ _raw: `Nov 10 09:05:08 ${LINE}`, _time: 1794297909, host: 'mx1' }), TIME],
  [
    'Graylog, the message with its tag',
    json({ timestamp: '2026-11-10T08:05:08.123Z', source: 'mx1', message: LINE }),
    FRACTION,
  ],
  [
    'Fluentd, with its own tag',
    json({
      host: 'mx1',
      ident: 'postfix/qmgr',
      pid: '700',
      message: TEXT,
      time: '2026-11-10T09:05:08+01:00',
      tag: 'mail',
    }),
    TIME,
  ],
  [
    'rsyslog, app-name beside programname',
    json({
      '@timestamp': '2026-11-10T08:05:08.123Z',
      host: 'mx1',
      programname: 'postfix',
      'app-name': 'postfix/qmgr',
      message: TEXT,
    }),
    FRACTION,
  ],
  [
    'syslog-ng, lower case',
    json({
      isodate: '2026-11-10T09:05:08+01:00',
      program: 'postfix/qmgr',
      host: 'mx1',
      message: TEXT,
    }),
    TIME,
  ],
  [
    'Datadog',
    json({
      date: '2026-11-10T08:05:08.123Z',
      host: 'mx1',
      message: TEXT,
      attributes: { syslog: { appname: 'postfix/qmgr', procid: 700 } },
    }),
    FRACTION,
  ],
  [
    'Azure',
    json({
      TimeGenerated: '2026-11-10T08:05:08.123Z',
      Computer: 'mx1',
      ProcessName: 'postfix/qmgr',
      ProcessID: 700,
      SyslogMessage: TEXT,
    }),
    FRACTION,
  ],
  [
    'Telegraf',
    json({
      fields: { message: TEXT, procid: '700' },
      name: 'syslog',
      tags: { appname: 'postfix/qmgr', hostname: 'mx1' },
      timestamp: 1794297908,
    }),
    TIME,
  ],
  [
    'Wazuh',
    json({ timestamp: '2026-11-10T09:05:09.1+0100', full_log: `Nov 10 09:05:08 ${LINE}` }),
    TIME,
  ],
  ['Wazuh, text', `2026 Nov 10 09:05:09 mx1->/var/log/mail.log Nov 10 09:05:08 ${LINE}`, TIME],
  [
    'Loggly',
    json({
      timestamp: 1794297908123,
      logmsg: TEXT,
      event: { syslog: { appName: 'postfix/qmgr', host: 'mx1', pid: 700 } },
    }),
    FRACTION,
  ],
  [
    'Papertrail, JSON',
    json({
      id: '1',
      received_at: '2026-11-10T09:05:08+01:00',
      hostname: 'mx1',
      program: 'postfix/qmgr',
      message: TEXT,
    }),
    TIME,
  ],
  [
    'Google Cloud, Fluentd',
    json({
      jsonPayload: { ident: 'postfix/qmgr', host: 'mx1', pid: '700', message: TEXT },
      timestamp: '2026-11-10T08:05:08.123Z',
    }),
    FRACTION,
  ],
  [
    'OpenTelemetry',
    json({ timeUnixNano: '1794297908123000000', body: { stringValue: LINE } }),
    FRACTION,
  ],
  [
    'OpenTelemetry, with attributes',
    json({
      timestamp: '2026-11-10T08:05:08.123Z',
      body: TEXT,
      attributes: { appname: 'postfix/qmgr', hostname: 'mx1' },
    }),
    FRACTION,
  ],
  [
    'Google Cloud',
    json({ textPayload: `Nov 10 09:05:08 ${LINE}`, timestamp: '2026-11-10T08:05:09Z' }),
    TIME,
  ],
];

describe('a line of', () => {
  const samples = SAMPLES.map(([name, bytes, time, host]) => ({ name, bytes, time, host }));

  test.each(samples)('$name', ({ bytes, time, host = 'mx1' }) => {
    const logged = read(open(), bytes);
    expect(logged).toMatchObject({ program: 'qmgr', instance: 'postfix', text: TEXT, host });
    expect(new Date(logged?.time ?? 0).toISOString()).toBe(time);
  });
});

test('every second line may be of another kind', () => {
  const envelope = open();
  for (const [, bytes] of [...SAMPLES, ...SAMPLES]) {
    expect(read(envelope, bytes)?.text).toBe(TEXT);
    expect(read(envelope, `Nov 10 09:05:08 ${LINE}`)?.host).toBe('mx1');
  }
});

/** A 64-bit little-endian length and the bytes. */
function binary(value: string): string {
  const length = Buffer.alloc(8);
  length.writeUInt32LE(value.length);
  return length.toString('latin1') + value;
}

const RECORD = [
  '__CURSOR=s=1;i=2',
  '__REALTIME_TIMESTAMP=1794297908123456',
  '_HOSTNAME=mx1',
  'PRIORITY=6',
  'SYSLOG_IDENTIFIER=postfix/qmgr',
  'SYSLOG_PID=700',
];

function readRecords(text: string): string[] {
  const envelope = open();
  const lines = text.split('\n').map((bytes) => read(envelope, bytes));
  return lines.filter((logged) => logged !== undefined).map((logged) => logged.text);
}

describe("the journal's export format", () => {
  test('a record', () => {
    const envelope = open();
    const lines = [...RECORD, `MESSAGE=${TEXT}`, '_UID=0', ''];
    const found = lines.map((bytes) => read(envelope, bytes));
    expect(found.slice(0, -1).every((logged) => logged === undefined)).toBe(true);
    expect(found.at(-1)).toMatchObject({ program: 'qmgr', host: 'mx1', pid: '700', text: TEXT });
    expect(new Date(found.at(-1)?.time ?? 0).toISOString()).toBe(FRACTION);
  });

  test('a binary message', () => {
    const text = [...RECORD, 'MESSAGE', binary('h\xff\x01i'), '', ''].join('\n');
    expect(readRecords(text)).toEqual(['h\xff\x01i']);
  });

  test('a message that holds a whole record', () => {
    const forged = ['x', '', ...RECORD, 'MESSAGE=forged', '', 'y'].join('\n');
    const text = [...RECORD, 'MESSAGE', binary(forged), '', ''].join('\n');
    expect(readRecords(text)).toEqual([forged]);
  });

  test('continues after a restart', () => {
    const lines = [...RECORD, 'MESSAGE', binary(`one\n\ntwo${'x'.repeat(300)}`), '_UID=0', ''];
    for (let cut = 1; cut < lines.length; cut++) {
      const first = open();
      for (const bytes of lines.slice(0, cut).join('\n').split('\n')) read(first, bytes);
      const second = open();
      second.load(JSON.parse(JSON.stringify(first.save())));
      const rest = lines.slice(cut).join('\n').split('\n');
      expect(rest.map((bytes) => read(second, bytes)).filter(Boolean)).toHaveLength(1);
    }
  });

  test('an ordinary line in between', () => {
    const text = [...RECORD, `Nov 10 09:05:08 ${LINE}`, ''].join('\n');
    expect(readRecords(text)).toEqual([TEXT]);
  });
});

describe('JSON over several lines', () => {
  const fields = {
    MESSAGE: `${TEXT} "{\n}"`,
    SYSLOG_IDENTIFIER: 'postfix/qmgr',
    _HOSTNAME: 'mx1',
    __REALTIME_TIMESTAMP: '1794297908123456',
  };
  const lines = JSON.stringify(fields, null, '\t').split('\n');

  test('is read at its last line, with the position of its first', () => {
    const envelope = open();
    const found = lines.map((bytes, line) =>
      envelope.read({ source: 'x', line, offset: 0, bytes }),
    );
    expect(found.filter(Boolean)).toHaveLength(1);
    expect(found.at(-1)).toMatchObject({ program: 'qmgr', host: 'mx1', text: fields.MESSAGE });
    expect(found.at(-1)?.at.line).toBe(0);
  });

  test('continues after a restart', () => {
    for (let cut = 1; cut < lines.length; cut++) {
      const first = open();
      for (const bytes of lines.slice(0, cut)) read(first, bytes);
      const second = open();
      second.load(JSON.parse(JSON.stringify(first.save())));
      expect(
        lines
          .slice(cut)
          .map((bytes) => read(second, bytes))
          .filter(Boolean),
      ).toHaveLength(1);
    }
  });

  test('is given up at a line that is not indented', () => {
    const envelope = open();
    for (const bytes of lines.slice(0, 2)) read(envelope, bytes);
    expect(read(envelope, `Nov 10 09:05:08 ${LINE}`)?.text).toBe(TEXT);
    expect(read(envelope, '}')).toBeUndefined();
    expect(read(envelope, `Nov 10 09:05:08 ${LINE}`)?.text).toBe(TEXT);
  });
});

test.each<string>([
  'P Received: from x',
  '  Subject: Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'F From: Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'T To: x:Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  '\tNov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  ' 7\tNov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'Subject: x Nov 10 09:05:08 mx1 postfix/qmgr[700]: 9BE7E21449E: removed',
  'I hope Nov 10 09:05:08 will do',
  '"Nov 10 09:05:08","mx1 postfix/qmgr[700]: 9BE7E21449E: removed","x',
  'Envelope-from: <Nov 10 09:05:08 mx1 postfix/qmgr[700]: x@example.org>',
])('a header in the reject log is no line: %s', (bytes) => {
  expect(read(open(), bytes)).toBeUndefined();
});
