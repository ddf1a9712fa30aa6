/**
 * Lines that are one JSON object: `journalctl -o json` (systemd.journal-fields(7)), docker's json-file driver,
 * filebeat, the entries that mailcow keeps in Redis, and the field names that templates of rsyslog and logstash use.
 * Strings become byte strings, as if the text had been read from a file. Everything else is undefined.
 */
import { decodeText } from '../../model/line.ts';
import { startsStamp } from './prefix.ts';

/** What the object says about a line. */
interface JsonEntry {
  /** byte string */
  readonly message: string;
  /** ms since the epoch; absent when the object does not say when the line was written */
  readonly time?: number;
  readonly host: string;
  /** syslog tag, with its pid where `pid` is empty; absent when the message holds the tag */
  readonly tag?: string;
  readonly pid: string;
  /** The message is a program's output, which may begin with an envelope of its own. */
  readonly isOutput: boolean;
  /** docker: a line without a line feed at its end continues in the next entry of this stream */
  readonly stream?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads the byte string of one JSON object. */
export function readJson(bytes: string): JsonEntry | undefined {
  const fields = parseObject(decodeText(bytes));
  if (fields === undefined) return undefined;
  if ('MESSAGE' in fields) return readJournal(fields);
  if (typeof fields.log === 'string') return readDocker(fields, fields.log);
  if (typeof fields.message !== 'string') return undefined;
  return readNamedFields(fields, encodeBytes(fields.message));
}

/** Reads a message and its syslog fields. Without a program, or when it begins with a stamp, it is a whole line. */
function readNamedFields(fields: Fields, message: string): JsonEntry | undefined {
  const program = fieldText(fields.program) || fieldText(fields.programname);
  const tag = fieldText(fields.tag) || fieldText(fields.syslogtag) || program;
  if (tag === '' || (program === '' && startsStamp(message, 0))) {
    return { message, host: '', pid: '', isOutput: true };
  }
  const time = readTime(fields);
  if (time === undefined) return undefined;
  return {
    message: message.startsWith(' ') ? message.slice(1) : message,
    time,
    host: fieldText(fields.hostname) || fieldText(fields.host) || fieldText(fields.logsource),
    tag: tag.endsWith(':') ? tag.slice(0, -1) : tag,
    pid: tag.includes('[') ? '' : takeDigits(fields.pid) || takeDigits(fields.procid),
    isOutput: false,
  };
}

/** RFC 3339 with a zone; without one the instant is not known. */
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,20}(?:Z|[+-][0-9]{2}:?[0-9]{2})$/;

/** The seconds since the epoch in `time`, else the first stamp with a zone. */
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

function readDocker(fields: Fields, log: string): JsonEntry | undefined {
  const time = typeof fields.time === 'string' ? Date.parse(fields.time) : Number.NaN;
  if (!isInstant(time)) return undefined;
  const stream = typeof fields.stream === 'string' ? fields.stream : '';
  return { message: encodeBytes(log), time, host: '', pid: '', isOutput: true, stream };
}

function readJournal(fields: Fields): JsonEntry | undefined {
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
    // docker's journald driver writes a container's output under the name that its `tag` option gives.
    isOutput: fields._TRANSPORT === 'stdout' || typeof fields.CONTAINER_ID === 'string',
  };
}

/** A string, the bytes of one that is not valid UTF-8, or all values of a repeated field (journalctl(1), JSON). */
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

/** The user IDs that distributions give to people. */
const FIRST_USER = 1000;
const AFTER_USERS = 60_000;

/** Any user can log as postfix/smtpd. `_UID` is set by journald, and no mail server runs as an ordinary user. */
function isOrdinaryUser(uid: unknown): boolean {
  const id = Number(uid);
  return typeof uid === 'string' && id >= FIRST_USER && id < AFTER_USERS;
}

function readInstant(microseconds: unknown): number | undefined {
  if (typeof microseconds !== 'string') return undefined;
  const time = Math.floor(Number(microseconds) / 1000);
  return isInstant(time) ? time : undefined;
}

/** ms, the last instant that a Date can hold */
const LAST_INSTANT = 8.64e15;

function isInstant(time: number): boolean {
  return time > 0 && time <= LAST_INSTANT;
}

const LAST_ASCII = 0x7f;

function encodeBytes(text: string): string {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > LAST_ASCII) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}
