/**
 * Addresses in Exim's log, read from the left (RFC 5322 3.4.1, RFC 5321 4.1.2; Exim's parse.c).
 *
 * Exim writes addresses raw: a quoted local part may hold spaces, `>`, CR and whole forged log lines. So an address
 * ends where its grammar ends, never at the first space or bracket. Case is kept as it is. What is not an address
 * gives undefined (or -1).
 */
import { endOfQuoted, endOfRun, type Reader } from '../reader.ts';

const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const OPEN_PARENTHESIS = 0x28;
const CLOSE_PARENTHESIS = 0x29;
const DOT = 0x2e;
const AT_SIGN = 0x40;
const BACKSLASH = 0x5c;

// RFC 822 specials, space and control bytes end a run; an atom ends at a dot, too.
const ATOM = /[^\x00-\x20\x7f"()<>@,:;[\]\\.]*/y;
const DOMAIN = /[^\x00-\x20\x7f"()<>@,:;[\]\\]*/y;
/** `<...>` without quotes, comments and brackets inside: almost all that are logged. */
const PLAIN_ANGLE = /<[^"()<>[\\]*>/y;
/** The same around a mailbox, as the whole argument of a command. */
const PLAIN_ARGUMENT = /<[^\x00-\x20"()<>@,:;[\]\\]+@[^\x00-\x20"()<>@,:;[\]\\]+>(?=: )/y;

/** Index after the bare address that begins at `start` (its domain may be missing), -1 when there is none. */
export function endOfAddress(text: string, start: number): number {
  let index = endOfLocalPart(text, start);
  if (index <= start || text.charCodeAt(index) !== AT_SIGN) return index > start ? index : -1;
  index++;
  if (text.charAt(index) === '[') {
    const close = text.indexOf(']', index);
    return close < 0 ? -1 : close + 1;
  }
  return endOfRun(DOMAIN, text, index);
}

/** Words joined by dots; a word is an atom or a quoted string (parse.c, read_local_part). */
function endOfLocalPart(text: string, start: number): number {
  let index = start;
  for (;;) {
    if (text.charCodeAt(index) === QUOTE) {
      const end = endOfQuoted(text, index);
      if (end === undefined) return -1;
      index = end;
    } else {
      index = endOfAtom(text, index);
    }
    if (text.charCodeAt(index) !== DOT) return index;
    while (text.charCodeAt(index) === DOT) index++;
  }
}

function endOfAtom(text: string, start: number): number {
  let index = endOfRun(ATOM, text, start);
  while (text.charCodeAt(index) === BACKSLASH) index = endOfRun(ATOM, text, index + 2);
  return Math.min(index, text.length);
}

/** Takes a bare address that reaches to the next space or the end. */
export function takeBareAddress(reader: Reader): string | undefined {
  const { text, position } = reader;
  let end = endOfAddress(text, position);
  if (end < 0 || (end < text.length && text.charCodeAt(end) !== SPACE)) {
    end = endOfPlainWord(text, position);
  }
  if (end < 0) return undefined;
  reader.position = end;
  return text.slice(position, end);
}

/** A rewriting rule may turn an address into something else; without quotes that still holds no space. */
function endOfPlainWord(text: string, start: number): number {
  let end = text.indexOf(' ', start);
  if (end < 0) end = text.length;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE || code === BACKSLASH) return -1;
  }
  return end > start ? end : -1;
}

/** Takes `<address>`, with regard to quotes and comments; returns what is inside. */
export function takeAngleAddress(reader: Reader): string | undefined {
  const { text, position } = reader;
  const end = endOfRun(PLAIN_ANGLE, text, position);
  if (end === position) return takeAngleByLexemes(reader);
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** The same, whatever is inside. Exported for the test that compares the two. */
export function takeAngleByLexemes(reader: Reader): string | undefined {
  const { text, position } = reader;
  const end = endOfAngle(text, position, text.length);
  if (end < 0) return undefined;
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** Index after the `>` that closes the `<` at `start`, -1 when it does not close before `limit`. */
function endOfAngle(text: string, start: number, limit: number): number {
  if (text.charAt(start) !== '<') return -1;
  let index = start + 1;
  while (index >= 0 && index < limit) {
    if (text.charAt(index) === '>') return index + 1;
    if (text.charAt(index) === '<' || isMisplaced(text, index)) return -1;
    index = endOfLexeme(text, index, limit);
  }
  return -1;
}

/** Index after one lexeme: quoted string, comment, quoted pair or byte; -1 when it does not close. */
function endOfLexeme(text: string, index: number, limit: number): number {
  const code = text.charCodeAt(index);
  if (code === QUOTE) {
    const end = endOfQuoted(text, index);
    return end === undefined || end > limit ? -1 : end;
  }
  if (code === OPEN_PARENTHESIS) return endOfComment(text, index, limit);
  return code === BACKSLASH ? index + 2 : index + 1;
}

/** RFC 5322 3.2.2: comments nest. */
function endOfComment(text: string, start: number, limit: number): number {
  let depth = 0;
  for (let index = start; index < limit; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === OPEN_PARENTHESIS) depth++;
    else if (code === CLOSE_PARENTHESIS && --depth === 0) return index + 1;
  }
  return -1;
}

/**
 * Takes the raw argument of a client's MAIL or RCPT command and returns the address in it. Exim cuts the argument
 * after `limit` bytes, so its closing `>` or quote may be missing; then all of it is returned. What Exim's own parser
 * would have refused (a second `<...>`, a misplaced bracket) is not an argument.
 */
export function takeArgument(reader: Reader, limit: number): string | undefined {
  const { text, position } = reader;
  const end = endOfRun(PLAIN_ARGUMENT, text, position);
  if (end === position || end > position + limit) return takeArgumentByLexemes(reader, limit);
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** The same for every argument. Exported for the test that compares the two. */
export function takeArgumentByLexemes(reader: Reader, limit: number): string | undefined {
  const { text, position } = reader;
  const cut = Math.min(text.length, position + limit);
  let angles = 0;
  let isRoute = text.charCodeAt(position) === AT_SIGN;
  let index = position;
  while (index < cut && (isRoute || !text.startsWith(': ', index))) {
    if (isMisplaced(text, index)) return undefined;
    const byte = text.charAt(index);
    if (byte === '<' && ++angles > 1) return undefined;
    if (byte === ':') isRoute = false; // RFC 5321 C: `@relay: user@example.org`
    const next = byte === '<' ? endOfAngle(text, index, cut) : endOfLexeme(text, index, cut);
    if (next < 0 && byte === '(') return takeBeforeComment(reader, index, cut);
    if (next < 0 && cut < position + limit) return undefined;
    index = next < 0 ? cut : next;
  }
  if (index > text.length) return undefined;
  if (index < text.length && !text.startsWith(': ', index)) return undefined;
  reader.position = index;
  return extractAddress(text.slice(position, index));
}

/** To Exim an open comment behind the address has no end (parse.c, skip_comment), so the last separator counts. */
function takeBeforeComment(reader: Reader, comment: number, cut: number): string | undefined {
  const { text, position } = reader;
  const separator = text.lastIndexOf(': ', cut);
  reader.position = separator > comment ? separator : Math.min(cut, text.length);
  return extractAddress(text.slice(position, comment));
}

/** True for brackets that are wrong outside quotes and comments: `)`, and `[` except in a domain literal. */
function isMisplaced(text: string, index: number): boolean {
  const byte = text.charAt(index);
  return byte === ')' || (byte === '[' && text.charAt(index - 1) !== '@');
}

/** The address of a path as a client wrote it: without brackets, source route, comments and loose spaces. */
function extractAddress(argument: string): string {
  let address = '';
  for (let index = 0; index < argument.length; ) {
    const end = endOfLexeme(argument, index, argument.length);
    if (end < 0) return address + argument.slice(index);
    const lexeme = argument.slice(index, end);
    if (lexeme === '<') address = '';
    else if (lexeme === '>') break;
    else if (!isBlank(lexeme) && !lexeme.startsWith('(')) address += lexeme;
    index = end;
  }
  if (!address.startsWith('@')) return address;
  return address.slice(address.indexOf(':') + 1); // RFC 5321 C: a source route is ignored
}

function isBlank(lexeme: string): boolean {
  const code = lexeme.charCodeAt(0);
  return code === SPACE || (code >= TAB && code <= CARRIAGE_RETURN);
}

/** Splits an address at the `@` behind its local part; the domain may be empty. */
export function splitAddress(address: string): readonly [local: string, domain: string] {
  const end = endOfLocalPart(address, 0);
  if (end < 0) return [address, ''];
  return [address.slice(0, end), address.slice(end + 1)];
}

/** A local part without its quotes and backslashes, as Exim prints the final address. */
export function unquote(local: string): string {
  if (!local.includes('"') && !local.includes('\\')) return local;
  let value = '';
  for (let index = 0; index < local.length; index++) {
    const code = local.charCodeAt(index);
    if (code === BACKSLASH) index++;
    if (code !== QUOTE) value += local.charAt(index);
  }
  return value;
}
