/**
 * Lines that are one JSON object: journald (`journalctl -o json`), docker's json-file driver, filebeat, the entries
 * that mailcow keeps in Redis, and the fields that templates of rsyslog and logstash give their names to. Strings
 * become byte strings, as if the text had been read from a file. Anything else, broken JSON included, is undefined.
 */
import { decodeText } from '../../model/line.ts';
import { startsStamp } from './syslog.ts';

/** What such an object says about a line. */
interface JsonEntry {
  /** byte string */
  readonly message: string;
  /** ms since the epoch; absent when the object does not tell when the line was written */
  readonly time?: number;
  readonly host: string;
  /** syslog tag, with its pid where `pid` is empty; absent when it stands in the message */
  readonly tag?: string;
  readonly pid: string;
  /** the program's own output: the message may begin with an envelope of its own */
  readonly output: boolean;
  /** docker: lines without a line feed at their end go on in the next entry of this stream */
  readonly stream?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads the byte string of one JSON object. */
export function readJson(bytes: string): JsonEntry | undefined {
  const fields = parseObject(decodeText(bytes));
  if (fields === undefined) return undefined;
  if ('MESSAGE' in fields) return journal(fields);
  if (typeof fields.log === 'string') return docker(fields, fields.log);
  if (typeof fields.message !== 'string') return undefined;
  return named(fields, encodeBytes(fields.message));
}

/** A message with its syslog fields beside it; without a program's name, or with a stamp, it is the whole line. */
function named(fields: Fields, message: string): JsonEntry | undefined {
  const program = fieldText(fields.program) || fieldText(fields.programname);
  const tag = fieldText(fields.tag) || fieldText(fields.syslogtag) || program;
  if (tag === '' || (program === '' && startsStamp(message, 0))) {
    return { message, host: '', pid: '', output: true };
  }
  const time = readTime(fields);
  if (time === undefined) return undefined;
  return {
    message: message.startsWith(' ') ? message.slice(1) : message,
    time,
    host: fieldText(fields.hostname) || fieldText(fields.host) || fieldText(fields.logsource),
    tag: tag.endsWith(':') ? tag.slice(0, -1) : tag,
    pid: tag.includes('[') ? '' : takeDigits(fields.pid) || takeDigits(fields.procid),
    output: false,
  };
}

/** RFC 3339 with its zone; without one it would be any clock's. */
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(?:Z|[+-][0-9]{2}:?[0-9]{2})$/;

/** Seconds since the epoch in `time`, else the first stamp that names an instant. */
function readTime(fields: Fields): number | undefined {
  const seconds = Number(fields.time) * 1000;
  if (isInstant(seconds)) return seconds;
  for (const value of [fields['@timestamp'], fields.timestamp, fields.time, fields.timereported]) {
    const time = typeof value === 'string' && INSTANT.test(value) ? Date.parse(value) : Number.NaN;
    if (isInstant(time)) return time;
  }
  return undefined;
}

function takeDigits(value: unknown): string {
  const digits = typeof value === 'number' ? `${value}` : fieldText(value);
  return /^[0-9]{1,10}$/.test(digits) ? digits : '';
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined; // half a line, or something that only looks like JSON
  }
}

function docker(fields: Fields, log: string): JsonEntry | undefined {
  const time = typeof fields.time === 'string' ? Date.parse(fields.time) : Number.NaN;
  if (!isInstant(time)) return undefined;
  const stream = typeof fields.stream === 'string' ? fields.stream : '';
  return { message: encodeBytes(log), time, host: '', pid: '', output: true, stream };
}

function journal(fields: Fields): JsonEntry | undefined {
  const message = journalText(fields.MESSAGE);
  const time =
    readInstant(fields._SOURCE_REALTIME_TIMESTAMP) ?? readInstant(fields.__REALTIME_TIMESTAMP);
  if (message === undefined || time === undefined || isOrdinaryUser(fields._UID)) return undefined;
  return {
    message,
    time,
    host: fieldText(fields._HOSTNAME),
    tag: fieldText(fields.SYSLOG_IDENTIFIER),
    pid: fieldText(fields.SYSLOG_PID) || fieldText(fields._PID),
    // Docker's journald driver hands on what a container prints, under the name that its `tag` option gives.
    output: fields._TRANSPORT === 'stdout' || typeof fields.CONTAINER_ID === 'string',
  };
}

/** systemd.journal-fields(7): a string, the bytes of one that is not clean UTF-8, or all values of a repeated field. */
function journalText(value: unknown): string | undefined {
  if (typeof value === 'string') return encodeBytes(value);
  if (!Array.isArray(value) || value.length === 0) return undefined;
  if (value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) {
    return Buffer.from(value as number[]).toString('latin1');
  }
  const first: unknown = value[0];
  return Array.isArray(first) && first.some(Array.isArray) ? undefined : journalText(first);
}

function fieldText(value: unknown): string {
  return typeof value === 'string' ? encodeBytes(value) : '';
}

/** Anybody may say that he is postfix/smtpd; only the kernel writes `_UID`, and no mail server runs as a person. */
function isOrdinaryUser(uid: unknown): boolean {
  const id = Number(uid);
  return typeof uid === 'string' && id >= 1000 && id < 60_000;
}

function readInstant(microseconds: unknown): number | undefined {
  if (typeof microseconds !== 'string') return undefined;
  const time = Math.floor(Number(microseconds) / 1000);
  return isInstant(time) ? time : undefined;
}

/** A time that a Date can hold. */
function isInstant(time: number): boolean {
  return time > 0 && time <= 8.64e15;
}

function encodeBytes(text: string): string {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}
