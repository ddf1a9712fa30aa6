/**
 * Addresses in Exim's log, read from the left.
 *
 * Exim writes addresses raw: a quoted local part (RFC 5321 4.1.2) may hold spaces, `>`, CR and whole forged log
 * lines. So an address ends where its grammar ends (Exim's parse.c), never at the first space or bracket.
 * Nothing here rewrites case; what is not an address gives undefined (or -1).
 */
import { endOfQuoted, endOfRun, type Reader } from '../reader.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const AT = 0x40;
const BACKSLASH = 0x5c;
const DOT = 0x2e;

// RFC 822 specials, space and control bytes end a run; an atom ends at a dot, too.
const ATOM = /[^\x00-\x20\x7f"()<>@,:;[\]\\.]*/y;
const DOMAIN = /[^\x00-\x20\x7f"()<>@,:;[\]\\]*/y;
/** `<...>` in which nothing is quoted, no comment, no bracket: almost all that are logged. */
const PLAIN_ANGLE = /<[^"()<>[\\]*>/y;
/** The same around a mailbox, as the whole argument of a command. */
const PLAIN_ARGUMENT = /<[^\x00-\x20"()<>@,:;[\]\\]+@[^\x00-\x20"()<>@,:;[\]\\]+>(?=: )/y;

/** Index after the bare address that begins at `start` (its domain may be missing), -1 when there is none. */
export function addressEnd(text: string, start: number): number {
  let index = localPartEnd(text, start);
  if (index <= start || text.charCodeAt(index) !== AT) return index > start ? index : -1;
  index++;
  if (text.charAt(index) === '[') {
    const close = text.indexOf(']', index);
    return close < 0 ? -1 : close + 1;
  }
  return endOfRun(DOMAIN, text, index);
}

/** Words joined by dots; a word is an atom or a quoted string (parse.c, read_local_part). */
function localPartEnd(text: string, start: number): number {
  let index = start;
  for (;;) {
    if (text.charCodeAt(index) === QUOTE) {
      const end = endOfQuoted(text, index);
      if (end === undefined) return -1;
      index = end;
    } else {
      index = atomEnd(text, index);
    }
    if (text.charCodeAt(index) !== DOT) return index;
    while (text.charCodeAt(index) === DOT) index++;
  }
}

function atomEnd(text: string, start: number): number {
  let index = endOfRun(ATOM, text, start);
  while (text.charCodeAt(index) === BACKSLASH) index = endOfRun(ATOM, text, index + 2);
  return Math.min(index, text.length);
}

/** Takes a bare address that reaches to the next space or the end. */
export function bareAddress(reader: Reader): string | undefined {
  const { text, position } = reader;
  let end = addressEnd(text, position);
  if (end < 0 || (end < text.length && text.charCodeAt(end) !== SPACE)) end = plainWord(reader);
  if (end < 0) return undefined;
  reader.position = end;
  return text.slice(position, end);
}

/** A rewriting rule may make an address that is none; without quotes it still holds no space. */
function plainWord(reader: Reader): number {
  const { text, position } = reader;
  let end = text.indexOf(' ', position);
  if (end < 0) end = text.length;
  for (let index = position; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE || code === BACKSLASH) return -1;
  }
  return end > position ? end : -1;
}

/** Takes `<address>`, quotes and comments honoured; returns what stands inside. */
export function angleAddress(reader: Reader): string | undefined {
  const { text, position } = reader;
  const end = endOfRun(PLAIN_ANGLE, text, position);
  if (end === position) return anyAngle(reader);
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** The same whatever stands inside. Exported for the test that compares the two. */
export function anyAngle(reader: Reader): string | undefined {
  const { text, position } = reader;
  const end = angleEnd(text, position, text.length);
  if (end < 0) return undefined;
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** Index after the `>` that closes the `<` at `start`, -1 when it does not close before `limit`. */
function angleEnd(text: string, start: number, limit: number): number {
  if (text.charAt(start) !== '<') return -1;
  let index = start + 1;
  while (index >= 0 && index < limit) {
    if (text.charAt(index) === '>') return index + 1;
    if (text.charAt(index) === '<' || isMisplaced(text, index)) return -1;
    index = lexemeEnd(text, index, limit);
  }
  return -1;
}

/** Index after one lexeme: quoted string, comment, quoted pair or byte; -1 when it does not close. */
function lexemeEnd(text: string, index: number, limit: number): number {
  const code = text.charCodeAt(index);
  if (code === QUOTE) {
    const end = endOfQuoted(text, index);
    return end === undefined || end > limit ? -1 : end;
  }
  if (code === 0x28) return commentEnd(text, index, limit);
  return code === BACKSLASH ? index + 2 : index + 1;
}

/** RFC 5322 3.2.2: comments nest. */
function commentEnd(text: string, start: number, limit: number): number {
  let depth = 0;
  for (let index = start; index < limit; index++) {
    const code = text.charCodeAt(index);
    if (code === BACKSLASH) index++;
    else if (code === 0x28) depth++;
    else if (code === 0x29 && --depth === 0) return index + 1;
  }
  return -1;
}

/**
 * Takes the raw argument of a client's MAIL or RCPT command and returns the address in it. Exim cuts the
 * argument after `limit` bytes, so its closing `>` or quote may be missing; then all of it is returned.
 * What Exim's own parser would have refused (a second `<...>`, a bracket out of place) is no argument.
 */
export function commandArgument(reader: Reader, limit: number): string | undefined {
  const { text, position } = reader;
  const end = endOfRun(PLAIN_ARGUMENT, text, position);
  if (end === position || end > position + limit) return anyArgument(reader, limit);
  reader.position = end;
  return text.slice(position + 1, end - 1);
}

/** The same for every argument. Exported for the test that compares the two. */
export function anyArgument(reader: Reader, limit: number): string | undefined {
  const { text, position } = reader;
  const cut = Math.min(text.length, position + limit);
  let angles = 0;
  let route = text.charCodeAt(position) === AT;
  let index = position;
  while (index < cut && (route || !text.startsWith(': ', index))) {
    if (isMisplaced(text, index)) return undefined;
    const byte = text.charAt(index);
    if (byte === '<' && ++angles > 1) return undefined;
    if (byte === ':') route = false; // RFC 5321 C: `@relay: user@example.org`
    const next = byte === '<' ? angleEnd(text, index, cut) : lexemeEnd(text, index, cut);
    if (next < 0 && byte === '(') return unclosed(reader, index, cut);
    if (next < 0 && cut < position + limit) return undefined;
    index = next < 0 ? cut : next;
  }
  if (index > text.length || (index < text.length && !text.startsWith(': ', index)))
    return undefined;
  reader.position = index;
  return addressIn(text.slice(position, index));
}

/** Exim lets a comment behind the address go on to the end (parse.c, skip_comment): the last separator is its own. */
function unclosed(reader: Reader, comment: number, cut: number): string | undefined {
  const { text, position } = reader;
  const separator = text.lastIndexOf(': ', cut);
  reader.position = separator > comment ? separator : Math.min(cut, text.length);
  return addressIn(text.slice(position, comment));
}

/** Brackets that have no place outside quotes and comments: `)`, and `[` but for a domain literal. */
function isMisplaced(text: string, index: number): boolean {
  const byte = text.charAt(index);
  return byte === ')' || (byte === '[' && text.charAt(index - 1) !== '@');
}

/** The address of a path as a client wrote it: without brackets, source route, comments and loose spaces. */
function addressIn(argument: string): string {
  let address = '';
  for (let index = 0; index < argument.length; ) {
    const end = lexemeEnd(argument, index, argument.length);
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
  return code === SPACE || (code >= 0x09 && code <= 0x0d);
}

/** Splits an address at its last `@` outside the local part's quotes; the domain may be empty. */
export function splitAddress(address: string): readonly [local: string, domain: string] {
  const end = localPartEnd(address, 0);
  if (end < 0) return [address, ''];
  return [address.slice(0, end), address.slice(end + 1)];
}

/** A local part without its quotes and backslashes, as Exim prints the final address. */
export function unquoted(local: string): string {
  if (!local.includes('"') && !local.includes('\\')) return local;
  let value = '';
  for (let index = 0; index < local.length; index++) {
    const code = local.charCodeAt(index);
    if (code === BACKSLASH) index++;
    if (code !== QUOTE) value += local.charAt(index);
  }
  return value;
}
