/**
 * The names under which log shippers keep the parts of a syslog line in a JSON object: templates of rsyslog, syslog-ng
 * and logstash, Elastic's common schema (flat and nested), GELF (its additional fields begin with `_`), Vector, Fluent
 * Bit, NXLog, Loki, Splunk, OpenTelemetry, Datadog, Azure, Google, Telegraf, Wazuh, Loggly, Papertrail. The first name that holds something counts.
 */
import { SECOND } from '../../base/time.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const MESSAGES = [
  'message',
  'msg',
  'full_message',
  'short_message',
  'line',
  'textPayload',
  'SyslogMessage',
  'body.stringValue',
  'body',
  '_raw',
  'full_log',
  'logmsg',
  '@rawstring',
  'fields.message',
  'jsonPayload.message',
  'Message',
  'MESSAGE',
  'MSG',
  'log',
] as const;

export const PROGRAMS = [
  'program',
  'appname',
  'app-name',
  'app_name',
  'application_name',
  'process.name',
  'process.program',
  'log.syslog.appname',
  'syslog.appname',
  'syslog.identifier',
  'syslog_identifier',
  'syslog_program',
  'attributes.appname',
  'attributes.syslog.appname',
  'tags.appname',
  'event.syslog.appName',
  'jsonPayload.ident',
  'process_name',
  'ident',
  'programname',
  'PROGRAM',
  'SYSLOG_IDENTIFIER',
  'SourceName',
  'ProcessName',
] as const;

export const TAGS = ['tag', 'syslogtag', 'syslog-tag', 'syslog_tag'] as const;

export const HOSTS = [
  'hostname',
  'host',
  'logsource',
  'host.hostname',
  'attributes.hostname',
  'tags.hostname',
  'event.syslog.host',
  'jsonPayload.host',
  'attributes.syslog.hostname',
  'log.syslog.hostname',
  'syslog.hostname',
  'HOSTNAME',
  'Hostname',
  'HOST',
  'Computer',
  'source',
] as const;

export const PIDS = [
  'pid',
  'procid',
  'process.pid',
  'process_id',
  'log.syslog.procid',
  'syslog.procid',
  'syslog.pid',
  'syslog_pid',
  'attributes.proc_id',
  'fields.procid',
  'event.syslog.pid',
  'jsonPayload.pid',
  'attributes.syslog.procid',
  'SYSLOG_PID',
  'PID',
  'PROCID',
  'ProcessID',
] as const;

export const TIMES = [
  '@timestamp',
  'timestamp',
  'time',
  'timereported',
  'timegenerated',
  'ts',
  'date',
  'Timestamp',
  'timeUnixNano',
  'TimeGenerated',
  'generated_at',
  'received_at',
  'isodate',
  'ISODATE',
  'S_ISODATE',
  'DATE',
  'EventTime',
] as const;

/** The value of the first of these names that is a text or number, not empty. */
export function findField(fields: Fields, names: readonly string[]): string {
  for (const name of names) {
    const value = getField(fields, name) ?? fields[`_${name}`];
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return `${value}`;
  }
  return '';
}

/** The field of that name, or of the path that its dots describe. */
function getField(fields: Fields, name: string): unknown {
  if (Object.hasOwn(fields, name)) return fields[name];
  const dot = name.indexOf('.');
  if (dot < 0) return undefined;
  const inner = fields[name.slice(0, dot)];
  if (typeof inner !== 'object' || inner === null) return undefined;
  return getField(inner as Fields, name.slice(dot + 1));
}

/** RFC 3339 with a zone; without one the instant is not known. */
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{8,20} ?(?:Z|[+-][0-9]{2}:?[0-9]{2})$/;
const NUMBER = /^[0-9]{10,19}(?:\.[0-9]{1,9})?$/;
/** Numbers from here on are milliseconds, microseconds, nanoseconds. */
const MILLISECONDS = 1e11;
const MICROSECONDS = 1e14;
const NANOSECONDS = 1e17;
/** ms, the last instant that a Date can hold */
const LAST_INSTANT = 8.64e15;

export function isInstant(time: number): boolean {
  return time > 0 && time <= LAST_INSTANT;
}

/** ms since the epoch: a number of seconds or parts of them in `time`, else the first stamp with a zone. */
export function findInstant(fields: Fields): number | undefined {
  const named = parseInstant(fields.time, NUMBER);
  if (named !== undefined) return named;
  for (const name of TIMES) {
    const time = parseInstant(fields[name] ?? fields[`_${name}`], undefined);
    if (time !== undefined) return time;
  }
  return undefined;
}

function parseInstant(value: unknown, form: RegExp | undefined): number | undefined {
  const text = typeof value === 'number' ? `${value}` : value;
  if (typeof text !== 'string') return undefined;
  let time = Number.NaN;
  if (NUMBER.test(text)) time = toMilliseconds(Number(text));
  else if (form === undefined && INSTANT.test(text)) {
    time = Date.parse(text.replace(',', '.').replace(/ (?=[+-Z])/, ''));
  }
  return isInstant(time) ? Math.floor(time) : undefined;
}

function toMilliseconds(value: number): number {
  if (value < MILLISECONDS) return value * SECOND;
  if (value < MICROSECONDS) return value;
  return value < NANOSECONDS ? value / 1e3 : value / 1e6;
}
