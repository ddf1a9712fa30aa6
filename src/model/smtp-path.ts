/**
 * The path of MAIL and RCPT as it is sent, RFC 5321 4.1.2: with or without angle brackets, with a source route, with
 * quotes. Byte strings (latin1) and text alike. Pure, never throws, linear.
 */

export interface SmtpPath {
  /** without brackets and source route, case as given; empty for the null reverse-path */
  readonly address: string;
  /** where the last `@` is that is not in quotes; -1 if there is none */
  readonly at: number;
  /** what follows the closing bracket */
  readonly rest: string;
}

/** Reads `<user@example.net> NOTIFY=NEVER`, `user@example.net`, `<@relay.example:user@example.net>`. */
export function readSmtpPath(text: string): SmtpPath {
  const { path, rest } = cutPath(text.trim());
  const address = withoutRoute(path);
  return { address, at: findLastAt(address), rest };
}

/** What is between the brackets, up to the first `>` that is not quoted, and what follows it. */
function cutPath(text: string): { path: string; rest: string } {
  if (!text.startsWith('<')) return { path: text, rest: '' };
  const end = findUnquoted(text, '>');
  if (end < 0) return { path: text.slice(1), rest: '' };
  return { path: text.slice(1, end), rest: text.slice(end + 1) };
}

/** RFC 5321 4.1.2, A-d-l: `@relay.example,@other.example:` in front of the mailbox means nothing any more. */
function withoutRoute(path: string): string {
  const colon = path.startsWith('@') ? path.indexOf(':') : -1;
  return colon < 0 ? path : path.slice(colon + 1);
}

function findLastAt(address: string): number {
  // A domain holds neither quotes nor `@`, so only a local part that ends in the quotes can hide one.
  const at = address.lastIndexOf('@');
  return at >= 0 && address.indexOf('"', at) < 0 ? at : -1;
}

/** The first `char` outside quotes; a backslash inside them protects the next character. */
function findUnquoted(text: string, char: string): number {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const here = text[at];
    if (here === '"') isQuoted = !isQuoted;
    else if (here === '\\' && isQuoted) at++;
    else if (here === char && !isQuoted) return at;
  }
  return -1;
}
