/**
 * Exim's HOST: `NAME [IP]`, `NAME (HELO) [IP]`, `(HELO) [IP]`, `[IP]`, each with an optional `:PORT` (host.c,
 * host_build_sender_fullhost).
 *
 * A HELO name is limited to the characters of host names unless the server accepts junk (helo_accept_junk_hosts). Then
 * it may hold anything, such as `) [192.0.2.66] F=<...`. Readers of whole lines call `looksForged` on the free text
 * behind the HOST: with a second end of a HOST in it, nobody can tell which one is real. A quoted sender is not
 * searched, because every client may send one and would so go uncounted.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, Relay } from '../../model/record.ts';
import { endOfDigits, isAlphanumeric, type Reader } from '../reader.ts';

const PERCENT = 0x25;
const DOT = 0x2e;
const COLON = 0x3a;

/** A HOST as it is logged. */
interface Host {
  readonly name?: string | undefined;
  readonly helo?: string | undefined;
  readonly address: string;
  /** index behind it */
  readonly end: number;
}

/** Takes the HOST of a client. */
export function takeClient(reader: Reader): Client | undefined {
  const host = readHost(reader.text, reader.position);
  if (host === undefined) return undefined;
  reader.position = host.end;
  return {
    address: host.address,
    name: host.name === undefined ? undefined : decodeText(host.name),
    helo: host.helo === undefined ? undefined : decodeText(host.helo),
  };
}

/** Takes ` I=[IP]:PORT` and ` Ci=ID`; a colon behind them is the line's separator. */
export function skipInterface(reader: Reader): void {
  for (const field of [' I=', ' Ci=']) {
    if (!reader.literal(field)) continue;
    if (reader.word()?.endsWith(':')) reader.position--;
  }
}

/** Takes the HOST of a delivery: `NAME[ DS] [IP][:PORT][*]`; a local transport has only a name. */
export function takeRelay(reader: Reader): Relay | undefined {
  const name = reader.word();
  if (name === undefined) return undefined;
  const start = reader.position;
  if (!reader.literal(' DS [')) reader.literal(' [');
  const end = reader.position === start ? -1 : endOfIp(reader.text, reader.position);
  if (end < 0) {
    reader.position = start;
    return { host: decodeText(name), address: undefined, port: undefined };
  }
  const address = reader.text.slice(reader.position, end);
  reader.position = endOfPort(reader.text, end + 1);
  const port = reader.text.slice(end + 2, reader.position);
  reader.literal('*');
  return { host: decodeText(name), address, port: port === '' ? undefined : Number(port) };
}

function readHost(text: string, start: number): Host | undefined {
  let index = start;
  let name: string | undefined;
  if (text[index] !== '[' && text[index] !== '(') {
    const space = text.indexOf(' ', index);
    if (space <= index) return undefined;
    name = text.slice(index, space);
    index = space + 1;
  }
  let helo: string | undefined;
  if (text[index] === '(') {
    const close = endOfHelo(text, index);
    if (close < 0) return undefined;
    helo = text.slice(index + 1, close);
    index = close + 2;
  }
  if (text[index] !== '[') return undefined;
  const end = endOfIp(text, index + 1);
  if (end < 0) return undefined;
  return { name, helo, address: text.slice(index + 1, end), end: endOfPort(text, end + 1) };
}

/** Index of the first `)` that ` [IP]` follows. */
function endOfHelo(text: string, start: number): number {
  let close = text.indexOf(') [', start);
  while (close >= 0 && endOfIp(text, close + 3) < 0) close = text.indexOf(') [', close + 1);
  return close;
}

/** Longest text of an IP address with a zone. */
const LONGEST_IP = 64;

/** Index of the `]` behind the IP address at `start`, -1 when there is no address. */
function endOfIp(text: string, start: number): number {
  let index = start;
  while (index - start < LONGEST_IP && isIpByte(text.charCodeAt(index))) index++;
  return index > start + 1 && text[index] === ']' ? index : -1;
}

/** Digits, `.`, `:`, and the letters of a zone (`fe80::1%eth0`). */
function isIpByte(code: number): boolean {
  return isAlphanumeric(code) || code === DOT || code === COLON || code === PERCENT;
}

/** Index after `:51234` at `start`; `start` when there is no port. */
function endOfPort(text: string, start: number): number {
  if (text.charCodeAt(start) !== COLON) return start;
  const end = endOfDigits(text, start + 1, 6);
  return end > start + 1 ? end : start;
}

/** What can follow the HOST of a client in a line of Exim. */
const AFTER_HOST = [
  'I=[',
  'U=',
  'Ci=',
  'X=',
  'CV=',
  'DN="',
  'SNI=',
  'F=<',
  'SPF',
  'DMARC',
  'P=',
  'rejected ',
  'temporarily rejected ',
  'Warning: ',
  'sender verify ',
  'incomplete transaction ',
  'RCPT ',
  'dropped by ',
  'authenticator failed ',
] as const;

/** Whether a text holds what can be the end of a HOST. */
export function hasHostEnd(text: string): boolean {
  for (let at = text.indexOf(') ['); at >= 0; at = text.indexOf(') [', at + 1)) {
    if (endOfIp(text, at + 3) >= 0) return true;
  }
  return false;
}

/** Whether free text holds the end of a HOST and a line's tail behind it, so that the line proves nothing. */
export function looksForged(text: string): boolean {
  for (let at = text.indexOf(') ['); at >= 0; at = text.indexOf(') [', at + 1)) {
    const end = endOfIp(text, at + 3);
    if (end < 0) continue;
    const behind = endOfPort(text, end + 1);
    if (/^: \d{3} /.test(text.slice(behind, behind + 6))) return true; // a failed AUTH
    if (text[behind] !== ' ') continue;
    if (AFTER_HOST.some((field) => text.startsWith(field, behind + 1))) return true;
  }
  return false;
}
