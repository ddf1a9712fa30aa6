/** The address at which the policy service listens, as Postfix writes it. Pure. */
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
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    return isSocketPath(path) ? { kind: 'unix', path } : undefined;
  }
  const match = /^inet:(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\]):(\d{1,5})$/.exec(text);
  const host = match?.[1]?.replace(/[[\]]/g, '');
  const port = Number(match?.[2]);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return host === 'localhost' || isIP(host) > 0 ? { kind: 'inet', host, port } : undefined;
}

/** sockaddr_un has 108 bytes with the final NUL, unix(7). The characters are those that main.cf can hold. */
function isSocketPath(path: string): boolean {
  return /^\/[A-Za-z0-9._\-+@/]+$/.test(path) && path.length < 108 && !path.endsWith('/');
}
