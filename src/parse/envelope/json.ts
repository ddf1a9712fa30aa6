/**
 * Lines that are one JSON object: `journalctl -o json` (systemd.journal-fields(7)), docker's json-file driver,
 * filebeat, the entries that mailcow keeps in Redis, and what other log shippers write (json-fields.ts).
 * Strings become byte strings, as if the text had been read from a file. Everything else is undefined.
 */
import { decodeText } from '../../model/line.ts';
import { isPersonUid } from '../../model/uid.ts';
import {
  type Fields,
  findField,
  findInstant,
  HOSTS,
  isInstant,
  MESSAGES,
  PIDS,
  PROGRAMS,
  TAGS,
  TIMES,
} from './json-fields.ts';
import { startsAnyStamp } from './other-stamp.ts';

/** What the object says about a line. */
export interface JsonEntry {
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
  /** a container's output, whose long lines come in parts: the stream that continues them */
  readonly stream?: string;
  /** the line continues in the next entry of `stream` */
  readonly isPart?: boolean;
}

/** Reads the byte string of one JSON object. */
export function readJson(bytes: string): JsonEntry | undefined {
  const outer = parseObject(decodeText(bytes));
  if (outer === undefined) return undefined;
  const fields = findHit(outer);
  if ('MESSAGE' in fields && !('PROGRAM' in fields)) return readJournal(fields);
  if (isDocker(fields)) return readDocker(fields, fields.log);
  const message = encodeBytes(findField(fields, MESSAGES));
  return message === '' ? undefined : readNamedFields(fields, removeLineEnd(message));
}

/** What Elasticsearch or Splunk found is inside an object about the search. */
function findHit(outer: Fields): Fields {
  const hit = '_index' in outer ? outer._source : 'preview' in outer ? outer.result : undefined;
  return typeof hit === 'object' && hit !== null ? (hit as Fields) : outer;
}

/** Reads a message and its syslog fields. Without a program, or when it begins with a stamp, it is a whole line. */
function readNamedFields(fields: Fields, message: string): JsonEntry | undefined {
  const program = encodeBytes(findField(fields, PROGRAMS));
  const named = encodeBytes(findField(fields, TAGS));
  // Fluentd's tag is not a tag of syslog, which begins with the program's name.
  const full = named !== '' && named.startsWith(program) ? named : program;
  const tag = full.endsWith(':') ? full.slice(0, -1) : full;
  // Beside a program's name, a message may begin with a time of its own; without it, that is the line's stamp.
  if (program === '' && startsAnyStamp(message, 0)) {
    return { message, host: '', pid: '', isOutput: true };
  }
  const time = findInstant(fields);
  if (tag === '') {
    // The time is for a line that has none of its own, such as `mx1 postfix/smtpd[811]: ...`.
    return { message, host: '', pid: '', isOutput: true, ...(time === undefined ? {} : { time }) };
  }
  const host = encodeBytes(findField(fields, HOSTS));
  const pid = tag.includes('[') ? '' : takeDigits(findField(fields, PIDS));
  if (time === undefined)
    return readCivil(fields, host, pid === '' ? tag : `${tag}[${pid}]`, message);
  return { message, time, host, tag, pid, isOutput: false };
}

/**
 * A line of syslog made of fields whose time names no zone; in JSON, RFC 3339 without a zone is no time at all. Fields
 * without a time have that of a stamp in front of the object.
 */
function readCivil(fields: Fields, host: string, tag: string, text: string): JsonEntry | undefined {
  const stamp = findField(fields, TIMES);
  if (stamp === '') return { message: text, host, tag, pid: '', isOutput: false };
  if (stamp.charAt(10) === 'T') return undefined;
  if (!startsAnyStamp(`${stamp} `, 0)) return undefined;
  const message = `${stamp} ${host === '' ? '' : `${host} `}${tag}: ${text}`;
  return { message, host: '', pid: '', isOutput: true };
}

function takeDigits(value: string): string {
  return /^[0-9]{1,10}$/.test(value) ? value : '';
}

function removeLineEnd(message: string): string {
  return message.endsWith('\n') ? message.slice(0, -1) : message;
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined; // half a line, or something that only looks like JSON
  }
}

/** What docker itself writes. Fluent Bit and others keep its names, but not its line feeds. */
function isDocker(fields: Fields): fields is Fields & { readonly log: string } {
  const { log, time } = fields;
  if (typeof log !== 'string' || typeof time !== 'string') return false;
  return !('date' in fields || '@timestamp' in fields || 'kubernetes' in fields);
}

function readDocker(fields: Fields, log: string): JsonEntry | undefined {
  const time = typeof fields.time === 'string' ? Date.parse(fields.time) : Number.NaN;
  if (!isInstant(time)) return undefined;
  const stream = typeof fields.stream === 'string' ? fields.stream : '';
  // Cut at 16 KiB (daemon/logger/copier.go), of which only the last part ends with a line feed.
  const isPart = !log.endsWith('\n');
  const message = removeLineEnd(encodeBytes(log));
  return { message, time, host: '', pid: '', isOutput: true, stream, isPart };
}

/** Reads the fields of a journal entry. Fluent Bit and Vector keep their names, and add a time of their own. */
export function readJournal(fields: Fields): JsonEntry | undefined {
  const message = journalText(fields.MESSAGE);
  const time =
    readInstant(fields._SOURCE_REALTIME_TIMESTAMP) ??
    readInstant(fields.__REALTIME_TIMESTAMP) ??
    findInstant(fields);
  // Any user can log as postfix/smtpd. `_UID` is set by journald, and no mail server runs as an ordinary user.
  if (message === undefined || time === undefined || isPersonUid(fields._UID)) return undefined;
  return {
    message,
    time,
    host: fieldText(fields._HOSTNAME),
    tag: fieldText(fields.SYSLOG_IDENTIFIER),
    pid: fieldText(fields.SYSLOG_PID) || fieldText(fields._PID),
    // docker's journald driver writes a container's output under the name that its `tag` option gives.
    isOutput: fields._TRANSPORT === 'stdout' || typeof fields.CONTAINER_ID === 'string',
    ...readContainer(fields),
  };
}

/** The journald drivers of docker and podman cut a long line, too, and mark all its parts but the last. */
function readContainer(fields: Fields): Pick<JsonEntry, 'stream' | 'isPart'> | undefined {
  const { CONTAINER_ID: id, CONTAINER_PARTIAL_MESSAGE: partial } = fields;
  if (typeof id !== 'string') return undefined;
  return { stream: `container ${encodeBytes(id)}`, isPart: partial === 'true' };
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

function readInstant(microseconds: unknown): number | undefined {
  if (typeof microseconds !== 'string') return undefined;
  const time = Math.floor(Number(microseconds) / 1000);
  return isInstant(time) ? time : undefined;
}

const LAST_ASCII = 0x7f;

function encodeBytes(text: string): string {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > LAST_ASCII) return Buffer.from(text, 'utf8').toString('latin1');
  }
  return text;
}
