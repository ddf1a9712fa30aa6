/**
 * Free text in Exim's log: escaped strings, SMTP replies and the frame that Exim puts around a reply.
 *
 * Exim writes control and 8-bit bytes of remote texts as `\n`, `\t`, `\ooo` (string.c, string_printing). It does
 * not escape the backslash itself, so undoing this is a guess where a reply holds one; nothing but texts for
 * people and for the classifier comes from here.
 */
import { textOf } from '../../model/line.ts';
import type { Relay, Reply, Stage } from '../../model/record.ts';
import type { Reader } from '../reader.ts';
import { angleAddress } from './address.ts';

/** Takes the rest of a C string whose opening quote was taken; returns it still escaped. */
export function cString(reader: Reader): string | undefined {
  const { text, position } = reader;
  for (let index = position; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x5c) index++;
    else if (code === 0x22) {
      reader.position = index + 1;
      return text.slice(position, index);
    }
  }
  return undefined;
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
  for (let index = 0; index < bytes.length; index++) {
    const code = bytes.charCodeAt(index);
    if (code < 0x20 || code > 0x7e) return textOf(bytes.replace(/[\x00-\x1f\x7f]/g, ' '));
  }
  return bytes;
}

/** A text as a reply: with its code and enhanced status code (RFC 3463 2) when it begins with them. */
export function replyOf(reply: string): Reply {
  if (reply === '') return {};
  const match = /^([245]\d\d)(?:[ -](?:([245]\.\d{1,3}\.\d{1,3})(?![\d.]))?|$)/.exec(reply);
  if (match === null) {
    const status = /^([245]\.\d{1,3}\.\d{1,3})(?= )/.exec(reply)?.[1];
    return { ...(status !== undefined && { status }), reply };
  }
  const status = match[2];
  return { code: Number(match[1]), ...(status !== undefined && { status }), reply };
}

/** What a remote server said, to which command. */
export interface RemoteReply {
  readonly stage: Stage;
  readonly reply: Reply;
  /** named in the text by Exim before 4.86 */
  readonly relay?: Relay;
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
  return { stage, reply: replyOf(printed(reader.rest())), ...(relay && { relay }) };
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
      return { host: textOf(host), address };
  }
  reader.position = start;
  return undefined;
}
