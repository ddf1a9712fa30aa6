/** What several lines of Exim are made of, in their plain forms: hosts, addresses, logins. */
import type { Client } from '../model/record.ts';
import { type ByteCursor, IP, LABELS, LOGIN, MAILBOX, NAME, toBytes } from './bytes.ts';

const COLON = 0x3a;

const AT = toBytes('@');
const BLANK = toBytes(' ');
const GREETING = toBytes('(');
const GREETING_END = toBytes(') ');
const ADDRESS = toBytes('[');
const ADDRESS_END = toBytes(']');
const PORT = toBytes(':');

/** The plain parser wants two bytes of an address at least, and 63 at most. */
const LONGEST_IP = 63;
const LARGEST_PORT = 99_999;

/** Takes `NAME (HELO) [IP]:PORT`, of which only the address is always there. */
export function takeClient(cursor: ByteCursor): Client | undefined {
  const name = takeWord(cursor, LABELS);
  if (name !== undefined && !cursor.take(BLANK)) return undefined;
  const helo = cursor.take(GREETING) ? takeWord(cursor, LABELS) : '';
  if (helo === undefined || (helo !== '' && !cursor.take(GREETING_END))) return undefined;
  if (!cursor.take(ADDRESS)) return undefined;
  const address = takeIp(cursor);
  if (address === undefined) return undefined;
  if (cursor.take(PORT)) {
    const port = cursor.number();
    if (port < 0 || port > LARGEST_PORT) return undefined;
  }
  return { address, name, helo: helo === '' ? undefined : helo };
}

/** Takes `IP]`. */
export function takeIp(cursor: ByteCursor): string | undefined {
  const address = takeWord(cursor, IP);
  if (address === undefined || address.length < 2 || address.length > LONGEST_IP) return undefined;
  return cursor.take(ADDRESS_END) ? address : undefined;
}

/** Takes `DRIVER:LOGIN`; the login is empty if there is none. One with a colon is not here: it may be two names. */
export function takeLogin(cursor: ByteCursor): string | undefined {
  if (takeWord(cursor, NAME) === undefined) return undefined;
  if (cursor.bytes[cursor.at] !== COLON) return '';
  cursor.at++;
  return takeWord(cursor, LOGIN);
}

/** Takes an address whose local part needs no quotes, with a domain. */
export function takeMailbox(cursor: ByteCursor): string | undefined {
  const from = cursor.at;
  if (!takeWord(cursor, MAILBOX) || !cursor.take(AT) || !takeWord(cursor, LABELS)) return undefined;
  return cursor.since(from);
}

/** Takes one byte of these classes or more. */
export function takeWord(cursor: ByteCursor, kinds: number): string | undefined {
  const from = cursor.at;
  cursor.at = cursor.endOf(kinds);
  return cursor.at === from ? undefined : cursor.since(from);
}
