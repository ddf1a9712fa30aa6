/** The address at which a service listens, as Postfix writes it. Pure. */
import { isIP } from 'node:net';

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inet'; readonly host: string; readonly port: number };

/** `unix:/path` or `inet:127.0.0.1:10040`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const { host, port } = address;
  return `inet:${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Reads what `formatListenAddress` writes; undefined unless it is an absolute path or a loopback address with a port. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) return parseSocketPath(text.slice('unix:'.length));
  const match = /^inet:(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):(\d{1,5})$/.exec(text);
  return parseInet(match?.[1], match?.[2]);
}

/**
 * Reads a milter's socket as Postfix, Sendmail and libmilter write it: `unix:PATH`, `local:PATH`, `inet:HOST:PORT`,
 * `inet:PORT@HOST`, `inet6:PORT@HOST`. HOST is an address, with or without brackets, or `localhost`; any address, because
 * the mail server may be another machine.
 */
export function parseMilterAddress(text: string): ListenAddress | undefined {
  const [, kind, place = ''] = /^(unix|local|inet6?):(.+)$/.exec(text) ?? [];
  if (kind === undefined) return undefined;
  if (kind === 'unix' || kind === 'local') return parseSocketPath(place);
  const [, port, host] = /^(\d{1,5})@(.+)$/.exec(place) ?? [];
  if (port !== undefined) return parseInet(host, port);
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(place);
  return parseInet(match?.[1], match?.[2]);
}

function parseInet(
  text: string | undefined,
  digits: string | undefined,
): ListenAddress | undefined {
  const host = text?.replace(/^\[(.*)\]$/, '$1');
  const port = Number(digits);
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined;
  return host === 'localhost' || isIP(host) > 0 ? { kind: 'inet', host, port } : undefined;
}

/** sockaddr_un has 108 bytes with the final NUL, unix(7). The characters are those that main.cf can hold. */
function parseSocketPath(path: string): ListenAddress | undefined {
  const isUsable = /^\/[A-Za-z0-9._\-+@/]+$/.test(path) && path.length < 108 && !path.endsWith('/');
  return isUsable ? { kind: 'unix', path } : undefined;
}
