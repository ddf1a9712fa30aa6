/**
 * Replies and other free text in Exim's log: escaped strings, SMTP replies, and the words that Exim puts around them.
 *
 * Exim writes control and 8-bit bytes of remote texts as `\n`, `\t`, `\ooo` (string.c, string_printing). It does not
 * escape the backslash itself, so undoing this is a guess where a reply holds one. Only texts for people and for the
 * classifier come from here.
 */
import { decodeText } from '../../model/line.ts';
import type { Relay, Reply, Stage } from '../../model/record.ts';
import type { Mutable } from '../parser.ts';
import { endOfRun, type Reader } from '../reader.ts';
import { takeAngleAddress } from './address.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const UP_TO_QUOTE = /[^"\\]*/y;

/** Takes the rest of a C string whose opening quote was taken; returns it still escaped. */
export function takeCString(reader: Reader): string | undefined {
  const { text, position } = reader;
  let index = endOfRun(UP_TO_QUOTE, text, position);
  while (text.charCodeAt(index) === BACKSLASH) index = endOfRun(UP_TO_QUOTE, text, index + 2);
  if (text.charCodeAt(index) !== QUOTE) return undefined;
  reader.position = index + 1;
  return text.slice(position, index);
}

/** The content of a C string (`C="..."`) without the backslashes before quotes and backslashes. */
export function unescapeQuotes(content: string): string {
  return content.includes('\\') ? content.replace(/\\(["\\])/g, '$1') : content;
}

const ESCAPES: Readonly<Record<string, string>> = { n: ' ', r: '', t: ' ', b: '', v: ' ', f: ' ' };

/** Real text of an escaped byte string, on one line: escapes undone, control bytes as spaces. */
export function unescapeText(escaped: string): string {
  const bytes = escaped.includes('\\')
    ? escaped.replace(/\\([nrtbvf]|[0-3][0-7]{2})/g, (_, code: string) => {
        return ESCAPES[code] ?? String.fromCharCode(Number.parseInt(code, 8));
      })
    : escaped;
  return toOneLine(bytes);
}

/** Real text of a byte string, with every control byte as a space. */
export function toOneLine(bytes: string): string {
  return /[^\x20-\x7e]/.test(bytes) ? decodeText(bytes.replace(/[\x00-\x1f\x7f]/g, ' ')) : bytes;
}

const REPLY = /^([245]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?|$)/;
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?= )/;

/** How the last reply with both began, with the blank behind them: `250 2.0.0 `. Most replies begin as the one before. */
let lastStart = '';
let lastCode: number | undefined;
let lastStatus: string | undefined;

/** Splits off the code and enhanced status code (RFC 3463 2) that a text begins with. An empty text is not a reply. */
export function parseReply(text: string): Reply {
  if (lastStart !== '' && text.startsWith(lastStart)) {
    return { code: lastCode, status: lastStatus, reply: text };
  }
  const match = REPLY.exec(text);
  const code = match === null ? undefined : Number(match[1]);
  const status = match === null ? STATUS.exec(text)?.[1] : match[2];
  if (match !== null && status !== undefined) {
    lastStart = `${match[0]} `;
    lastCode = code;
    lastStatus = status;
  }
  return { code, status, reply: text === '' ? undefined : text };
}

/** Puts a reply into a record, unless the reply is empty. */
export function setReply(record: Mutable<Reply>, { code, status, reply }: Reply): void {
  if (reply === undefined) return;
  record.code = code;
  record.status = status;
  record.reply = reply;
}

/** A remote server's reply, and the command that it answered. */
interface RemoteReply {
  readonly stage: Stage;
  readonly reply: Reply;
  /** named in the text by Exim before 4.86 */
  readonly relay: Relay | undefined;
}

const AFTER_COMMAND = [
  'SMTP error from remote mail server after ',
  'LMTP error after ',
  'PRDR error after ',
] as const;

/**
 * Takes off the words that Exim puts around a reply: `SMTP error from remote mail server after [pipelined ]COMMAND:`
 * ` [host NAME [IP]: ]REPLY` (transports/smtp.c), the same for LMTP and for PRDR with its reply for each recipient, and
 * `response to "COMMAND" [from NAME [IP] ]was: REPLY` of callouts (verify.c). Undefined when there are no such words.
 */
export function takeRemoteReply(reader: Reader): RemoteReply | undefined {
  if (reader.literal('response to "')) return takeCalloutReply(reader);
  if (!AFTER_COMMAND.some((words) => reader.literal(words))) return undefined;
  const stage = takeCommand(reader);
  if (reader.until(': ') === undefined) return undefined;
  let relay: Relay | undefined;
  if (reader.literal('host ')) {
    relay = takeNamedRelay(reader);
    if (!reader.literal(': ')) return undefined;
  }
  return { stage, reply: parseReply(unescapeText(reader.rest())), relay };
}

function takeCalloutReply(reader: Reader): RemoteReply | undefined {
  const stage = takeCommand(reader);
  if (reader.until('"') === undefined) return undefined;
  const relay = reader.literal(' from ') ? takeNamedRelay(reader) : undefined;
  if (!reader.literal(' was: ')) return undefined;
  return { stage, reply: parseReply(unescapeText(reader.rest())), relay };
}

const COMMANDS: readonly (readonly [word: string, stage: Stage])[] = [
  ['RCPT TO:', 'RCPT'],
  ['MAIL FROM:', 'MAIL'],
  ['end of data', 'EOM'],
  ['DATA', 'DATA'],
  ['sending data block', 'DATA'],
  ['BDAT', 'EOM'],
  ['EHLO', 'HELO'],
  ['HELO', 'HELO'],
  ['LHLO', 'HELO'],
  ['initial connection', 'CONNECT'],
  ['STARTTLS', 'STARTTLS'],
  ['AUTH', 'AUTH'],
];

/** Takes the words of a command, and its address, since that may hold the delimiter behind the command. */
function takeCommand(reader: Reader): Stage {
  reader.literal('pipelined ');
  const stage = COMMANDS.find(([word]) => reader.literal(word))?.[1] ?? 'OTHER';
  if (stage === 'RCPT' || stage === 'MAIL') takeAngleAddress(reader);
  return stage;
}

/** Takes `NAME [IP]`. */
export function takeNamedRelay(reader: Reader): Relay | undefined {
  const start = reader.position;
  const host = reader.word();
  if (host !== undefined && reader.literal(' [')) {
    const address = reader.until(']');
    if (address !== undefined && /^[0-9a-fA-F:.]+$/.test(address)) {
      return { host: decodeText(host), address, port: undefined };
    }
  }
  reader.position = start;
  return undefined;
}
