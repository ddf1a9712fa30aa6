/**
 * Pieces of the prefixes in front of host and tag: dirt, docker compose's name column, syslog priorities, severity
 * words, the header of RFC 5424. Each function gives the index after its piece, or what the piece says.
 */
import { endOfDigits, endOfRun, isDigit, isUpperCase } from '../reader.ts';

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const HYPHEN = 0x2d;
const COLON = 0x3a;
const GREATER_THAN = 0x3e;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const BAR = 0x7c;

/** U+FEFF in UTF-8, and its first byte, which hardly any line begins with. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf';
const BYTE_ORDER_MARK_START = 0xef;

/** The line without the NUL bytes of a file hole, a byte order mark, and the CR of a CRLF. */
export function trimLine(bytes: string): string {
  let start = 0;
  while (bytes.charCodeAt(start) === 0) start++;
  if (bytes.charCodeAt(start) === BYTE_ORDER_MARK_START) start = endOfByteOrderMark(bytes, start);
  const last = bytes.length - 1;
  const end = bytes.charCodeAt(last) === CARRIAGE_RETURN ? last : bytes.length;
  return start === 0 && end === bytes.length ? bytes : bytes.slice(start, end);
}

/** Index after the spaces at `at`. */
export function endOfSpaces(text: string, at: number): number {
  let end = at;
  while (text.charCodeAt(end) === SPACE) end++;
  return end;
}

function endOfByteOrderMark(text: string, at: number): number {
  return text.startsWith(BYTE_ORDER_MARK, at) ? at + BYTE_ORDER_MARK.length : at;
}

/** Longest name of a container, and most spaces that pad it. */
const LONGEST_COLUMN = 100;

/** Index after `postfix-1  | ` as `docker compose logs` writes it; `at` when there is none. */
export function endOfComposeName(text: string, at: number): number {
  const space = text.indexOf(' ', at);
  if (space <= at || space > at + LONGEST_COLUMN) return at;
  let bar = space + 1;
  while (bar < space + LONGEST_COLUMN && text.charCodeAt(bar) === SPACE) bar++;
  if (text.charCodeAt(bar) !== BAR) return at;
  // nerdctl writes no space behind the bar.
  return text.charCodeAt(bar + 1) === SPACE ? bar + 2 : startsStamp(text, bar + 1) ? bar + 1 : at;
}

const COLOUR = /\x1b\[[0-9;]{0,16}[mK]/g;

/** The line without the colours in which compose, kubectl and journalctl print the prefix for terminals. */
export function removeColours(text: string): string {
  return text.replace(COLOUR, '');
}

const POD = /\[[^\x00-\x20[\]]{1,300}\] /y;

/** Index after `[pod/mail-0/postfix] ` of `kubectl logs --prefix` at `at`; `at` when there is none. */
export function endOfPodName(text: string, at: number): number {
  return endOfRun(POD, text, at);
}

const JSON_MARK = /(?:\x1e|data: )(?=\{)/y;

/** Index after what `journalctl -o json-seq` and `-o json-sse` write in front of an object at `at`; else `at`. */
export function endOfJsonMark(text: string, at: number): number {
  return endOfRun(JSON_MARK, text, at);
}

const FLUENTD = /^(\S{19,35})\t[^\t]{0,200}\t(?=\{)/;

/** `STAMP {...}` of fluentd's `STAMP<tab>tag<tab>{...}` (out_file); undefined for every other line. */
export function removeFluentdTag(text: string): string | undefined {
  const match = FLUENTD.exec(text);
  return match === null ? undefined : `${match[1]} ${text.slice(match[0].length)}`;
}

/**
 * The line with blanks for the tabs that a template or an export put between its columns, from the end of the stamp to
 * the tag; undefined when the stamp does not end with a tab.
 */
export function replaceTabs(text: string, end: number): string | undefined {
  if (text.charCodeAt(end) !== TAB) return undefined;
  const tag = text.indexOf(':\t', end);
  const head = tag < 0 ? text.lastIndexOf('\t') : tag + 1;
  return text.slice(0, head).replaceAll('\t', ' ') + text.slice(head).replace('\t', ' ');
}

const FILE_NAME = /[^\x00-\x20:]{1,500}:(?:[0-9]{1,12}:)?/y;

/** Index after `/var/log/mail.log:` or `mail.log:12:`, which grep -H and -n write, at `at`; `at` when there is none. */
export function endOfFileName(text: string, at: number): number {
  return endOfRun(FILE_NAME, text, at);
}

const LABELS = /\{(?:[^"{}]|"(?:[^"\\]|\\.)*"){0,1000}\}[ \t]+/y;

/** Index after `{job="mail", host="mx1"} `, which logcli writes behind its stamp, at `at`; `at` when there is none. */
export function endOfLabels(text: string, at: number): number {
  return endOfRun(LABELS, text, at);
}

const FRAME_LENGTH = /[1-9][0-9]{0,4} (?=<[0-9]{1,3}>)/y;

/** Index after the length of a message that was taken from a TCP connection (RFC 6587 3.4.1), at `at`. */
export function endOfFrameLength(text: string, at: number): number {
  return endOfRun(FRAME_LENGTH, text, at);
}

const NAME = String.raw`[A-Za-z0-9][\w./-]{0,253} `;
const NAMES = [1, 2, 3].map((words) => new RegExp(`(?:${NAME}){${words}}`, 'y'));

/**
 * Index after the names of namespace, pod and container that stern prints, or podman's of the container, at `at`; `at`
 * when there is none. No name has a colon, so the text of a mail's header is none.
 */
export function endOfNames(text: string, at: number): number {
  const ends = NAMES.map((names) => endOfRun(names, text, at));
  return ends.find((end) => end > at && startsStamp(text, end)) ?? at;
}

/** Index after the priority `<22>` at `at` (RFC 5424 6.2.1); `at` when there is none. */
export function endOfPriority(text: string, at: number): number {
  const end = endOfDigits(text, at + 1, 3);
  return end > at + 1 && text.charCodeAt(end) === GREATER_THAN ? end + 1 : at;
}

const PRIORITY_WORD =
  /<[0-9]{1,2}\.[0-7]> |<?(?:kern|user|mail|daemon|auth|authpriv|syslog|local[0-7])[.:](?:debug|info|notice|warn|warning|err|error|crit|alert|emerg|panic)>? /y;

/**
 * Index after `mail.info ` (BusyBox syslogd; `mail:info ` on AIX), `<2.6> ` or `<mail.info> ` (FreeBSD's with -v) at `at`;
 * `at` when there is none.
 */
export function endOfPriorityWord(text: string, at: number): number {
  return endOfRun(PRIORITY_WORD, text, at);
}

const PLAIN_TAG = /[\w.-]{1,60}(?:\/[\w.:-]{1,60}){1,3}\[[0-9]{1,10}\](?= )/y;

/** Index after `postfix/smtpd[811]` at `at`, where a template left out the colon; `at` when there is none. */
export function endOfPlainTag(text: string, at: number): number {
  return endOfRun(PLAIN_TAG, text, at);
}

const SEVERITY_END = /[.:](?:debug|info|notice|warn|warning|err|error|crit|alert|emerg|panic)$/;

/** True for a word with which a syslog daemon may show facility and severity, known or not. */
export function isPriorityWord(word: string): boolean {
  return SEVERITY_END.test(word);
}

const SEVERITIES: ReadonlySet<string> = new Set([
  'DEBUG',
  'INFO',
  'NOTICE',
  'WARN',
  'WARNING',
  'ERR',
  'ERROR',
  'CRIT',
  'ALERT',
  'EMERG',
  'PANIC',
  'FATAL',
]);

/** True for a severity word, which container images print in the place of the host. */
export function isSeverity(word: string): boolean {
  return SEVERITIES.has(word);
}

const SOLARIS_ID = /\[ID [0-9]{1,10} [a-z0-9]{1,10}\.[a-z]{1,10}\] /y;

/** The message without `[ID 197553 mail.info] `, which syslogd of Solaris and illumos puts in front (syslog(3C)). */
export function removeSolarisId(text: string): string {
  return text.slice(endOfRun(SOLARIS_ID, text, 0));
}

/** True at a month name or a year with the clock behind it: a prefix within a prefix begins with a stamp. */
export function startsStamp(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (isDigit(first)) {
    return text.charCodeAt(at + 4) === HYPHEN && text.charCodeAt(at + 13) === COLON;
  }
  if (!isUpperCase(first) || text.charCodeAt(at + 3) !== SPACE) return false;
  const hour = text.charCodeAt(at + 5) === SPACE ? at + 6 : at + 7; // `Nov 1 ` or `Nov  1 `
  return text.charCodeAt(hour + 2) === COLON;
}

/** True at `2026 `: behind a stamp of RFC 3164 it makes one as ctime(3) writes it. */
export function isYear(text: string, at: number): boolean {
  if (!isDigit(text.charCodeAt(at)) || text.charCodeAt(at + 4) !== SPACE) return false;
  return endOfDigits(text, at, 4) === at + 4;
}

/** The header fields of RFC 5424 that name a program, empty where they are `-`. */
interface Rfc5424Header {
  readonly host: string;
  readonly name: string;
  readonly pid: string;
  /** index of the message */
  readonly end: number;
}

/** Reads `HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [BOM]` behind the stamp (RFC 5424 6), at `at`. */
export function readRfc5424Header(text: string, at: number): Rfc5424Header | undefined {
  const fields: string[] = [];
  let position = at;
  for (let count = 0; count < 4; count++) {
    const end = text.indexOf(' ', position);
    if (end < 0) return undefined;
    fields.push(text.slice(position, end));
    position = end + 1;
  }
  const data = endOfStructuredData(text, position);
  if (data === undefined) return undefined;
  const [host = '', name = '', pid = ''] = fields.map((field) => (field === '-' ? '' : field));
  return { host, name, pid, end: endOfByteOrderMark(text, data + 1) };
}

/** Index after `-` or a row of `[id name="value"]` at `at` (RFC 5424 6.3); undefined when it never ends. */
function endOfStructuredData(text: string, at: number): number | undefined {
  if (text.charCodeAt(at) === HYPHEN) return at + 1;
  let index = at;
  while (text.charCodeAt(index) === OPEN_BRACKET) {
    const end = endOfElement(text, index);
    if (end === undefined) return undefined;
    index = end;
  }
  return index === at ? undefined : index;
}

function endOfElement(text: string, at: number): number | undefined {
  let quoted = false;
  for (let index = at + 1; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH && quoted) index++;
    else if (code === QUOTE) quoted = !quoted;
    else if (code === CLOSE_BRACKET && !quoted) return index + 1;
  }
  return undefined;
}
