/**
 * The back end of a domain as operators write it, in the form of Postfix's next hops, transport(5): `[host]:port` is that
 * host, `host:port` is its mail exchangers, or the host itself if it has none. Pure.
 */
import { isIP } from 'node:net';

/** A mail server, or the mail exchangers of a domain. */
export interface Server {
  /** an IP address in its usual form, or a name in lower case */
  readonly host: string;
  readonly port: number;
  /** whether to look for mail exchangers */
  readonly mx: boolean;
}

export const SMTP_PORT = 25;

/** `[192.0.2.1]:25`, as `parseServer` reads it. */
export function formatServer({ host, port, mx }: Server): string {
  return `${mx ? host : `[${host}]`}:${port}`;
}

const NAME = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/;

/**
 * Reads `[192.0.2.1]`, `[2001:db8::1]:2525`, `[IPv6:2001:db8::1]`, `192.0.2.1:25`, `2001:db8::1`, `[mail.example.net]`
 * or `example.net:25`; undefined for any other text. `port` is the one of servers that name none.
 */
export function parseServer(text: string, port = SMTP_PORT): Server | undefined {
  const bracketed = /^\[([^[\]]{1,255})\](?::(\d{1,5}))?$/.exec(text);
  if (bracketed !== null) return build(bracketed[1] as string, bracketed[2], port, false);
  if (isIP(text) === 6) return { host: text.toLowerCase(), port, mx: false };
  const plain = /^([^:[\]]{1,255})(?::(\d{1,5}))?$/.exec(text);
  return plain === null ? undefined : build(plain[1] as string, plain[2], port, true);
}

function build(host: string, given: string | undefined, otherwise: number, mx: boolean) {
  const port = given === undefined ? otherwise : Number(given);
  if (port < 1 || port > 65_535) return undefined;
  const bare = host.toLowerCase().replace(/^ipv6:/, '');
  if (isIP(bare) > 0) return { host: bare, port, mx: false };
  // Only digits and dots, and not an address: a slip of the pen, which a resolver would take for one.
  if (!NAME.test(bare) || /^[\d.]+$/.test(bare)) return undefined;
  return { host: bare.replace(/\.$/, ''), port, mx };
}
