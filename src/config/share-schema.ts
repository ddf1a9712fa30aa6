/** Options of `share`: counting and blocking together with other servers. */
import { section } from '../base/fields.ts';
import { isHostName } from '../share/host-name.ts';
import { path, shown, text } from './option.ts';

/** `redis://HOST[:PORT]`, `rediss://HOST[:PORT]` or `unix:/path`; no user and no password, which anybody could read. */
export function parseEngineUrl(value: string): EngineAddress | undefined {
  if (value.startsWith('unix:')) {
    const file = value.slice('unix:'.length);
    return file.startsWith('/') ? { kind: 'unix', path: file } : undefined;
  }
  const match = /^redis(s?):\/\/([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?\/?$/.exec(value);
  if (match === null) return undefined;
  const port = Number(match[3] ?? 6379);
  if (port < 1 || port > 65_535) return undefined;
  const host = (match[2] as string).replace(/^\[|\]$/g, '');
  return { kind: 'tcp', host, port, tls: match[1] === 's' };
}

export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean };

export const share = section({
  url: text(
    'redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:PATH',
    (value) => parseEngineUrl(value) !== undefined,
  ).describe(
    'Where the engine is: Redis 7.0 or later, or Valkey. `rediss:` uses TLS, and the certificate must be valid for HOST.',
  ),
  host: shown(
    text('a host name', isHostName)
      .optional()
      .describe('Name of this server among the others. No two servers may have the same.'),
    'the name of this host',
  ),
  user: text('a name of an ACL user', (value) => /^[A-Za-z0-9._-]+$/.test(value))
    .default('default')
    .describe('ACL user of the engine, with `passwordFile`.'),
  passwordFile: path
    .optional()
    .describe('File with the password in its first line; let only the service read it.'),
  caFile: shown(
    path.optional().describe('Certificates (PEM) that vouch for the engine, with `rediss:`.'),
    'those that Node.js brings',
  ),
});
