/**
 * A frame of the mail server as a command. Strings are byte strings. A frame that is not of the protocol gives undefined:
 * the connection cannot be trusted any more. Pure.
 */
import { canonicalIp } from '../model/address.ts';
import { ownCopy } from '../model/line.ts';
import { type EnvelopeAddress, parseEnvelopeAddress } from './address.ts';
import { type Frame, readUint32 } from './frame.ts';
import type { MilterClient } from './handler.ts';

export interface Offer {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
}

/** `content`: header, end of headers, body or an unknown SMTP command, which nobody here looks at. */
export type Command =
  | { readonly kind: 'negotiate'; readonly offer: Offer }
  | { readonly kind: 'macro'; readonly data: string }
  | { readonly kind: 'connect'; readonly client: MilterClient }
  | { readonly kind: 'helo'; readonly name: string }
  | { readonly kind: 'mail'; readonly sender: EnvelopeAddress }
  | { readonly kind: 'rcpt'; readonly recipient: EnvelopeAddress }
  | { readonly kind: 'data' | 'content' | 'end-of-message' }
  | { readonly kind: 'abort' | 'quit' | 'restart' };

/** Data that is kept: longer than any SMTP line, and than the certificate names among the macros. */
const LONGEST_DATA = 65_536;
/** Those whose data is not kept. */
const CONTENT = 'LNBU';

const SIMPLE: Readonly<Record<string, Command>> = {
  T: { kind: 'data' },
  E: { kind: 'end-of-message' },
  A: { kind: 'abort' },
  Q: { kind: 'quit' },
  K: { kind: 'restart' },
};
const CONTENT_COMMAND: Command = { kind: 'content' };

export function parseCommand({ command, data }: Frame): Command | undefined {
  const simple = SIMPLE[command];
  if (simple !== undefined) return simple;
  if (CONTENT.includes(command)) return CONTENT_COMMAND;
  if (data.length > LONGEST_DATA) return undefined;
  switch (command) {
    case 'R':
      return parsePath(data, (recipient) => ({ kind: 'rcpt', recipient }));
    case 'D':
      return data === '' ? undefined : { kind: 'macro', data };
    case 'M':
      return parsePath(data, (sender) => ({ kind: 'mail', sender }));
    case 'C':
      return parseConnect(data);
    case 'H':
      return data.endsWith('\0') ? { kind: 'helo', name: ownCopy(cutAtNul(data)) } : undefined;
    case 'O':
      return parseOffer(data);
    default:
      return undefined;
  }
}

function parseOffer(data: string): Command | undefined {
  if (data.length < 12) return undefined;
  const [version, actions, protocol] = [0, 4, 8].map((at) => readUint32(data, at));
  return { kind: 'negotiate', offer: { version, actions, protocol } as Offer };
}

/** Strings, each ended by a NUL. */
function parsePath(
  data: string,
  build: (address: EnvelopeAddress) => Command,
): Command | undefined {
  if (!data.endsWith('\0')) return undefined;
  return build(parseEnvelopeAddress(data.slice(0, -1).split('\0')));
}

/** `hostname\0 family [uint16 port, address\0]`. */
function parseConnect(data: string): Command | undefined {
  const end = data.indexOf('\0');
  if (end < 0) return undefined;
  const name = ownCopy(data.slice(0, end));
  const family = data[end + 1];
  if (family === 'U') return { kind: 'connect', client: { address: undefined, name, port: 0 } };
  if (family !== '4' && family !== '6' && family !== 'L') return undefined;
  if (data.length < end + 5 || !data.endsWith('\0')) return undefined;
  const port = family === 'L' ? 0 : data.charCodeAt(end + 2) * 256 + data.charCodeAt(end + 3);
  const address = family === 'L' ? undefined : readIp(cutAtNul(data.slice(end + 4)));
  return { kind: 'connect', client: { address, name, port } };
}

/** Sendmail writes `IPv6:2001:db8:0:0:0:0:0:25`, Postfix `2001:db8::25`. */
function readIp(text: string): string | undefined {
  const address = canonicalIp(text.replace(/^IPv6:/i, ''));
  return address === undefined ? undefined : ownCopy(address);
}

function cutAtNul(text: string): string {
  return text.slice(0, text.indexOf('\0'));
}
