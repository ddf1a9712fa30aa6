/**
 * Free text in Exim's log: escaped strings, SMTP replies and the frame that Exim puts around a reply.
 *
 * Exim writes control and 8-bit bytes of remote texts as `\n`, `\t`, `\ooo` (string.c, string_printing). It does
 * not escape the backslash itself, so undoing this is a guess where a reply holds one; nothing but texts for
 * people and for the classifier comes from here.
 */
import { decodeText } from '../../model/line.ts';
import type { Relay, Reply, Stage } from '../../model/record.ts';
import { endOfRun, type Reader } from '../reader.ts';
import { angleAddress } from './address.ts';

const UP_TO_QUOTE = /[^"\\]*/y;

/** Takes the rest of a C string whose opening quote was taken; returns it still escaped. */
export function cString(reader: Reader): string | undefined {
  const { text, position } = reader;
  let index = endOfRun(UP_TO_QUOTE, text, position);
  while (text.charCodeAt(index) === 0x5c) index = endOfRun(UP_TO_QUOTE, text, index + 2);
  if (text.charCodeAt(index) !== 0x22) return undefined;
  reader.position = index + 1;
  return text.slice(position, index);
}

/** A C string's content (`C="..."`) as Exim had it before it added backslashes to quotes and backslashes. */
export function unescapedQuotes(content: string): string {
  return content.includes('\\') ? content.replace(/\\(["\\])/g, '$1') : content;
}

const ESCAPES: Readonly<Record<string, string>> = { n: ' ', r: '', t: ' ', b: '', v: ' ', f: ' ' };

/** Printable text of an escaped byte string, on one line: escapes undone, control bytes as spaces. */
export function printed(escaped: string): string {
  const bytes = escaped.includes('\\')
    ? escaped.replace(/\\([nrtbvf]|[0-3][0-7]{2})/g, (_, code: string) => {
        return ESCAPES[code] ?? String.fromCharCode(Number.parseInt(code, 8));
      })
    : escaped;
  return oneLine(bytes);
}

/** Real text of a byte string with every control byte as a space. */
export function oneLine(bytes: string): string {
  return /[^\x20-\x7e]/.test(bytes) ? decodeText(bytes.replace(/[\x00-\x1f\x7f]/g, ' ')) : bytes;
}

const REPLY = /^([245]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?|$)/;
const STATUS = /^([245]\.\d{1,3}\.\d{1,3})(?= )/;

/** A text as a reply: with its code and enhanced status code (RFC 3463 2) when it begins with them; an empty one is none. */
export function trimReply(text: string): Reply {
  const match = REPLY.exec(text);
  return {
    code: match === null ? undefined : Number(match[1]),
    status: match === null ? STATUS.exec(text)?.[1] : match[2],
    reply: text === '' ? undefined : text,
  };
}

/** Puts a reply into a record, unless there is none. */
export function putReply(
  record: { -readonly [Key in keyof Reply]: Reply[Key] },
  { code, status, reply }: Reply,
): void {
  if (reply === undefined) return;
  record.code = code;
  record.status = status;
  record.reply = reply;
}

/** What a remote server said, to which command. */
interface RemoteReply {
  readonly stage: Stage;
  readonly reply: Reply;
  /** named in the text by Exim before 4.86 */
  readonly relay: Relay | undefined;
}

/**
 * Takes Exim's frame off: `SMTP error from remote mail server after [pipelined ]COMMAND: [host NAME [IP]: ]REPLY`
 * (transports/smtp.c), `LMTP error after COMMAND: REPLY`, the same with PRDR (one reply a recipient), and the callouts'
 * `response to "COMMAND" [from NAME [IP] ]was: REPLY` (verify.c). Undefined when the text has no such frame.
 */
export function remoteReply(reader: Reader): RemoteReply | undefined {
  const callout = reader.literal('response to "');
  if (
    !callout &&
    !reader.literal('SMTP error from remote mail server after ') &&
    !reader.literal('LMTP error after ') &&
    !reader.literal('PRDR error after ')
  ) {
    return undefined;
  }
  reader.literal('pipelined ');
  const stage = command(reader);
  let relay: Relay | undefined;
  if (callout) {
    if (reader.until('"') === undefined) return undefined;
    if (reader.literal(' from ')) relay = namedRelay(reader);
    if (!reader.literal(' was: ')) return undefined;
  } else {
    if (reader.until(': ') === undefined) return undefined;
    if (reader.literal('host ')) {
      relay = namedRelay(reader);
      if (!reader.literal(': ')) return undefined;
    }
  }
  return { stage, reply: trimReply(printed(reader.rest())), relay };
}

/** The command as far as it names itself; its address is taken too, because it may hold the delimiter behind. */
function command(reader: Reader): Stage {
  const stage = COMMANDS.find(([word]) => reader.literal(word))?.[1] ?? 'OTHER';
  if (stage === 'RCPT' || stage === 'MAIL') angleAddress(reader);
  return stage;
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

/** Takes `NAME [IP]`. */
export function namedRelay(reader: Reader): Relay | undefined {
  const start = reader.position;
  const host = reader.word();
  if (host !== undefined && reader.literal(' [')) {
    const address = reader.until(']');
    if (address !== undefined && /^[0-9a-fA-F:.]+$/.test(address))
      return { host: decodeText(host), address, port: undefined };
  }
  reader.position = start;
  return undefined;
}
