/**
 * Lines that are one row of a table or of a program's own list: quoted CSV (exports of Graylog, Splunk and others),
 * Papertrail's archives, what Fluent Bit's file output writes, and a stamp in brackets. Each row is rewritten as the
 * line that it is about, `STAMP HOST TAG: MESSAGE` or `STAMP {...}`. The message is the last column or quoted, so it
 * cannot change the others.
 */
import { startsAnyStamp } from './other-stamp.ts';

const QUOTE = 0x22;
const OPEN_BRACKET = 0x5b;

/** Rows of CSV with more columns are not looked at. */
const MOST_COLUMNS = 40;

/** A row whose first column, at least, is quoted (RFC 4180 2); undefined when the quotes do not match. */
function readCsv(text: string): readonly string[] | undefined {
  const columns: string[] = [];
  const column = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  while (columns.length < MOST_COLUMNS) {
    const match = column.exec(text);
    if (match === null) return undefined;
    columns.push(match[1]?.replaceAll('""', '"') ?? (match[2] as string));
    if (match[3] === '') return columns;
  }
  return undefined;
}

/** Longest column that can be nothing but a stamp. */
const LONGEST_STAMP = 35;

/** `"STAMP","HOST","TAG: MESSAGE"`, or a whole line in the first column. */
function unwrapCsv(text: string): string | undefined {
  const columns = readCsv(text);
  if (columns === undefined || columns.length < 2) return undefined;
  const [first = '', host = '', third = '', fourth] = columns;
  if (first.length > LONGEST_STAMP) return first;
  if (host.includes(' ') || third === '') return undefined;
  return `${first} ${host} ${fourth === undefined ? third : `${third}: ${fourth}`}`;
}

/** id, generated_at, received_at, source_id, source_name, source_ip, facility, severity, program, message. */
const PAPERTRAIL =
  /^[0-9]{6,20}\t(\S{19,35})\t\S{19,35}\t[0-9]{1,20}\t([^\s:]{1,255})\t[^\t]{0,45}\t[^\t]{0,20}\t[^\t]{0,20}\t([^\t]{1,128})\t/;

function unwrapPapertrail(text: string): string | undefined {
  const match = PAPERTRAIL.exec(text);
  if (match === null) return undefined;
  return `${match[1]} ${match[2]} ${match[3]}: ${text.slice(match[0].length)}`;
}

/** `mail.0: [1794297908.123, {...}]`, since Fluent Bit 2.1 `mail.0: [[1794297908.123, {}], {...}]`. */
const FLUENT_BIT =
  /^[\w.*-]{1,100}: \[(?:([0-9]{10}(?:\.[0-9]{1,9})?)|\[([0-9]{10}(?:\.[0-9]{1,9})?), \{[^{}]{0,200}\}\]), (?=\{)/;

function unwrapFluentBit(text: string): string | undefined {
  const match = FLUENT_BIT.exec(text);
  if (match === null || !text.endsWith('}]')) return undefined;
  return `${match[1] ?? match[2]} ${text.slice(match[0].length, -1)}`;
}

/** Longest stamp in brackets, with the name of its zone. */
const LONGEST_IN_BRACKETS = 45;

/** `[STAMP] rest` without the brackets. */
function unwrapStamp(text: string): string | undefined {
  const end = text.indexOf('] ');
  if (end < 0 || end > LONGEST_IN_BRACKETS) return undefined;
  const stamp = text.slice(1, end);
  return startsAnyStamp(`${stamp} `, 0) ? `${stamp}${text.slice(end + 1)}` : undefined;
}

/** The line that this row is about; undefined when it is none of these. */
export function unwrapRow(text: string): string | undefined {
  const first = text.charCodeAt(0);
  if (first === QUOTE) return unwrapCsv(text);
  if (first === OPEN_BRACKET) return unwrapStamp(text);
  return unwrapPapertrail(text) ?? unwrapFluentBit(text);
}
