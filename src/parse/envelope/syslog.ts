/** Small pieces of syslog prefixes: severity words that stand in for a host, structured data (RFC 5424 6.3). */

const LEVELS: ReadonlySet<string> = new Set([
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

/** A severity word as container images print it where others have the host. */
export function isLevel(word: string): boolean {
  return LEVELS.has(word);
}

const SOLARIS_ID = /\[ID [0-9]{1,10} [a-z0-9]{1,10}\.[a-z]{1,10}\] /y;

/** The message without `[ID 197553 mail.info] `, which syslogd of Solaris and illumos puts in front (syslog(3C)). */
export function withoutSolarisId(text: string): string {
  SOLARIS_ID.lastIndex = 0;
  return SOLARIS_ID.test(text) ? text.slice(SOLARIS_ID.lastIndex) : text;
}

/** Index after `-` or a row of `[id name="value"]` at `at`; undefined when it never ends. */
function endOfStructuredData(text: string, at: number): number | undefined {
  if (text.charCodeAt(at) === 0x2d) return at + 1;
  let index = at;
  while (text.charCodeAt(index) === 0x5b) {
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
    if (code === 0x5c && quoted) index++;
    else if (code === 0x22) quoted = !quoted;
    else if (code === 0x5d && !quoted) return index + 1;
  }
  return undefined;
}

/** `HOSTNAME APP-NAME PROCID`, empty where they are `-`, and where the message begins. */
interface Rfc5424Fields {
  readonly host: string;
  readonly name: string;
  readonly pid: string;
  readonly start: number;
}

/** Reads `HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [BOM]` behind the stamp (RFC 5424 6), at `at`. */
export function rfc5424Fields(text: string, at: number): Rfc5424Fields | undefined {
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
  const start = text.startsWith('\xef\xbb\xbf', data + 1) ? data + 4 : data + 1;
  return { host, name, pid, start };
}

/** True at a month name or a year with what follows it: behind an outer stamp, a stamp again. */
export function startsStamp(text: string, at: number): boolean {
  const first = text.charCodeAt(at);
  if (first >= 0x30 && first <= 0x39) {
    return text.charCodeAt(at + 4) === 0x2d && text.charCodeAt(at + 13) === 0x3a;
  }
  if (first < 0x41 || first > 0x5a) return false;
  if (text.charCodeAt(at + 3) !== 0x20) return false;
  const hour = text.charCodeAt(at + 5) === 0x20 ? at + 6 : at + 7; // `Nov 1 ` or `Nov  1 `
  return text.charCodeAt(hour + 2) === 0x3a;
}
