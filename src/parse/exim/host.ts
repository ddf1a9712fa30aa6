/**
 * Exim's HOST: `NAME [IP]`, `NAME (HELO) [IP]`, `(HELO) [IP]`, `[IP]`, each with an optional `:PORT`
 * (host.c, host_build_sender_fullhost), and the identity that begins a rejection line.
 *
 * A HELO name is limited to host name characters unless the server lets junk pass (`helo_accept_junk_hosts`);
 * then it may hold anything, also `) [192.0.2.66] F=<...`. Readers of whole lines call `isForged` on the free
 * text behind: a second end of a HOST there means that nobody can tell which one is real. A quoted sender is
 * not searched, because every client may send one and would so go uncounted.
 */
import { decodeText } from '../../model/line.ts';
import type { Client, Relay } from '../../model/record.ts';
import { isDigit, type Reader } from '../reader.ts';
import { cString } from './text.ts';

/** HOST as it is logged; `end` is the index behind it. */
interface Host {
  readonly name?: string | undefined;
  readonly helo?: string | undefined;
  readonly address: string;
  readonly port?: number | undefined;
  readonly end: number;
}

/** Takes the HOST of a client. */
export function clientHost(reader: Reader): Client | undefined {
  const host = hostAt(reader.text, reader.position);
  if (host === undefined) return undefined;
  reader.position = host.end;
  return {
    address: host.address,
    name: host.name === undefined ? undefined : decodeText(host.name),
    helo: host.helo === undefined ? undefined : decodeText(host.helo),
  };
}

/** Takes the HOST of a delivery: `NAME[ DS] [IP][:PORT][*]`; a local transport has a name only. */
export function relayHost(reader: Reader): Relay | undefined {
  const name = reader.word();
  if (name === undefined) return undefined;
  const start = reader.position;
  if (!reader.literal(' DS [')) reader.literal(' [');
  const end = reader.position === start ? -1 : addressEndAt(reader.text, reader.position);
  if (end < 0) {
    reader.position = start;
    return { host: decodeText(name), address: undefined, port: undefined };
  }
  const address = reader.text.slice(reader.position, end);
  reader.position = end + 1;
  const port = portAt(reader.text, reader.position);
  if (port !== undefined) reader.position = port.end;
  reader.literal('*');
  return { host: decodeText(name), address, port: port?.port };
}

function hostAt(text: string, start: number): Host | undefined {
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
    const close = heloEnd(text, index);
    if (close < 0) return undefined;
    helo = text.slice(index + 1, close);
    index = close + 2;
  }
  if (text[index] !== '[') return undefined;
  const end = addressEndAt(text, index + 1);
  if (end < 0) return undefined;
  const port = portAt(text, end + 1);
  return {
    name,
    helo,
    address: text.slice(index + 1, end),
    port: port?.port,
    end: port?.end ?? end + 1,
  };
}

/** Index of the first `)` that is followed by ` [IP]`. */
function heloEnd(text: string, start: number): number {
  let close = text.indexOf(') [', start);
  while (close >= 0 && addressEndAt(text, close + 3) < 0) close = text.indexOf(') [', close + 1);
  return close;
}

/** Index of the `]` behind the IP address at `start`, -1 when there is no address. */
function addressEndAt(text: string, start: number): number {
  let index = start;
  while (index - start < 64 && isAddressByte(text.charCodeAt(index))) index++;
  return index > start + 1 && text[index] === ']' ? index : -1;
}

/** Hexadecimal digits, `.`, `:` and the zone of a link-local address (`fe80::1%eth0`). */
function isAddressByte(code: number): boolean {
  if (code >= 0x30 && code <= 0x3a) return true;
  return code === 0x2e || code === 0x25 || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a);
}

function portAt(text: string, start: number): { port: number; end: number } | undefined {
  if (text[start] !== ':' || !isDigit(text.charCodeAt(start + 1))) return undefined;
  let end = start + 1;
  while (end - start < 7 && isDigit(text.charCodeAt(end))) end++;
  return { port: Number(text.slice(start + 1, end)), end };
}

/** Who a rejection line is about. `doubtful`: a field before its end is free text, so its end is a guess. */
export interface Identity {
  readonly client: Client | undefined;
  /** Unix login of a local SMTP session */
  readonly uid: string | undefined;
  readonly doubtful: boolean;
}

/** Takes `H=HOST[ I=[IP]:PORT][ U=IDENT][ Ci=ID]` or `U=LOGIN[ Ci=ID]`, then ` X= CV= DN= SNI=`. */
export function identity(reader: Reader): Identity | undefined {
  let client: Client | undefined;
  let uid: string | undefined;
  let doubtful = false;
  if (reader.literal('H=')) {
    client = clientHost(reader);
    if (client === undefined) return undefined;
    skipInterface(reader);
    // What identd of the client's own machine answered: worthless, and any text.
    if (reader.literal(' U=')) {
      reader.word();
      doubtful = true;
    }
  } else {
    if (!reader.literal('U=')) return undefined;
    const login = reader.word();
    uid = login === 'unknown' || login === undefined ? undefined : decodeText(login);
  }
  if (reader.literal(' Ci=')) reader.word();
  if (reader.literal(' X=')) reader.word();
  if (reader.literal(' CV=')) reader.word();
  if (reader.literal(' DN="')) {
    const name = cString(reader);
    if (name === undefined) return undefined;
    // Exim does not escape quotes here; GnuTLS does (RFC 4514), OpenSSL's `/CN=...` does not.
    doubtful ||= name.startsWith('/') || hasHostEnd(name);
  }
  if (reader.literal(' SNI=')) reader.word();
  return { doubtful, client, uid };
}

/** Takes ` I=[IP]:PORT` and ` Ci=ID`; a colon behind them is the line's separator. */
export function skipInterface(reader: Reader): void {
  for (const tag of [' I=', ' Ci=']) {
    if (!reader.literal(tag)) continue;
    if (reader.word()?.endsWith(':')) reader.position--;
  }
}

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
];

/** Whether a text holds what can be the end of a HOST. */
export function hasHostEnd(text: string): boolean {
  for (let at = text.indexOf(') ['); at >= 0; at = text.indexOf(') [', at + 1)) {
    if (addressEndAt(text, at + 3) >= 0) return true;
  }
  return false;
}

/** Whether free text holds another end of a HOST with a line's tail behind it: then the line proves nothing. */
export function isForged(text: string): boolean {
  for (let at = text.indexOf(') ['); at >= 0; at = text.indexOf(') [', at + 1)) {
    const end = addressEndAt(text, at + 3);
    if (end < 0) continue;
    const behind = portAt(text, end + 1)?.end ?? end + 1;
    if (/^: \d{3} /.test(text.slice(behind, behind + 6))) return true; // a failed AUTH
    if (text[behind] === ' ' && AFTER_HOST.some((tag) => text.startsWith(tag, behind + 1)))
      return true;
  }
  return false;
}
