/** What several lines of Exim are made of, in their plain forms: hosts, addresses, logins. */
import type { Client, Relay } from '../model/record.ts';
import {
  type ByteCursor,
  DIGIT,
  HELO,
  IP,
  LABELS,
  LOGIN,
  MAILBOX,
  NAME,
  toBytes,
} from './bytes.ts';

const ASTERISK = 0x2a;
const COLON = 0x3a;

const AT = toBytes('@');
const BLANK = toBytes(' ');
const GREETING = toBytes('(');
const GREETING_END = toBytes(') ');
const ADDRESS = toBytes('[');
const ADDRESS_END = toBytes(']');
const RELAY_ADDRESS = toBytes(' [');
const REUSED = toBytes('*');

/** The plain parser wants two bytes of an address at least, and 63 at most. */
const LONGEST_IP = 63;
const LONGEST_PORT = 5;
/** Bytes from the beginning of Exim's mark of a line that was cut to the end, at most. */
const LONGEST_MARK = 64;
const ASTERISKS = 4;

/** Takes `NAME (HELO) [IP]:PORT`, of which only the address is always there. */
export function takeClient(cursor: ByteCursor): Client | undefined {
  const name = takeWord(cursor, LABELS);
  if (name !== undefined && !cursor.take(BLANK)) return undefined;
  const helo = cursor.take(GREETING) ? takeWord(cursor, HELO) : '';
  if (helo === undefined || (helo !== '' && !cursor.take(GREETING_END))) return undefined;
  if (!cursor.take(ADDRESS)) return undefined;
  const address = takeIp(cursor);
  if (address === undefined || !takePort(cursor)) return undefined;
  return { address, name, helo: helo === '' ? undefined : helo };
}

/** Takes `NAME [IP][:PORT][*]`, the host that a message goes to. */
export function takeRelay(cursor: ByteCursor): Relay | undefined {
  const host = takeWord(cursor, LABELS);
  if (host === undefined || !cursor.take(RELAY_ADDRESS)) return undefined;
  const address = takeIp(cursor);
  const from = cursor.at + 1;
  if (address === undefined || !takePort(cursor)) return undefined;
  const port = cursor.at > from ? Number(cursor.since(from)) : undefined;
  cursor.take(REUSED);
  return { host, address, port };
}

/** Takes `:PORT`, if it is there: a colon alone is the line's separator. False if the port is too long. */
function takePort(cursor: ByteCursor): boolean {
  const { bytes, at } = cursor;
  if (bytes[at] !== COLON) return true;
  cursor.at = at + 1;
  const end = cursor.endOf(DIGIT);
  cursor.at = end > at + 1 ? end : at;
  return end - at - 1 <= LONGEST_PORT;
}

/** Takes `IP]`. */
export function takeIp(cursor: ByteCursor): string | undefined {
  const address = takeWord(cursor, IP);
  if (address === undefined || address.length < 2 || address.length > LONGEST_IP) return undefined;
  return cursor.take(ADDRESS_END) ? address : undefined;
}

/** Takes `DRIVER:LOGIN`; the login is empty if there is none. One with a colon is not here: it may be two names. */
export function takeLogin(cursor: ByteCursor): string | undefined {
  if (!skipWord(cursor, NAME)) return undefined;
  if (cursor.bytes[cursor.at] !== COLON) return '';
  cursor.at++;
  return takeWord(cursor, LOGIN);
}

/** Takes an address whose local part needs no quotes, with a domain. */
export function takeMailbox(cursor: ByteCursor): string | undefined {
  const from = cursor.at;
  if (!skipWord(cursor, MAILBOX) || !cursor.take(AT) || !skipWord(cursor, LABELS)) return undefined;
  return cursor.since(from);
}

/** Takes one byte of these classes or more. */
export function takeWord(cursor: ByteCursor, kinds: number): string | undefined {
  const from = cursor.at;
  cursor.at = cursor.endOf(kinds);
  return cursor.at === from ? undefined : cursor.since(from);
}

/** The same for a word that nobody needs. */
export function skipWord(cursor: ByteCursor, kinds: number): boolean {
  const from = cursor.at;
  cursor.at = cursor.endOf(kinds);
  return cursor.at > from;
}

/** Whether Exim may have cut the line, so that the plain parser has to look: its mark begins with four asterisks. */
export function mayBeCut({ bytes, at, end }: ByteCursor): boolean {
  for (let index = Math.max(at, end - LONGEST_MARK); index < end; index += ASTERISKS) {
    if (bytes[index] === ASTERISK) return true;
  }
  return false;
}
