/** The section `web` of the configuration: the operator's page. Names every option once; reads no file. */
import type { z } from 'zod';
import { duration, list, section, truth } from '../base/fields.ts';
import { parseMilterAddress } from '../base/listen-address.ts';
import { canonicalIp } from '../model/address.ts';
import { path, shown, text } from './option.ts';

const proxy = section({
  userHeader: text('the name of a header such as Remote-User', (value) =>
    /^[A-Za-z][A-Za-z0-9-]*$/.test(value),
  )
    .default('Remote-User')
    .describe('Header in which the reverse proxy names the user that it has authenticated.'),
  from: list(
    text('an IP address', (value) => canonicalIp(value) !== undefined),
    'a list of IP addresses',
  )
    .default([])
    .describe(
      'Addresses from which that header is believed. At a unix socket it is believed anyway, because only its group can connect. Never loopback: each account of this host could connect from there.',
    ),
});

/** The operator's page. */
export const web = section({
  listen: text(
    'unix:PATH with an absolute path, or inet:127.0.0.1:PORT',
    (value) => parseMilterAddress(value) !== undefined,
  )
    .default('inet:127.0.0.1:8025')
    .describe('Where it listens: a loopback port, or `unix:PATH` for a reverse proxy.'),
  anyAddress: truth
    .default(false)
    .describe(
      'Also allow a `listen` that other hosts can reach. The page speaks no TLS: passwords would travel in the clear.',
    ),
  group: shown(
    text('a group', (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*)$/.test(value))
      .optional()
      .describe('Group that may connect to the unix socket, such as `www-data`.'),
    'that of the service',
  ),
  origin: text('an address such as https://postern.example.net', isOrigin)
    .optional()
    .describe(
      'Where browsers find the page, if that is not this host itself: `https://postern.example.net`. With `https`, cookies are only sent over TLS.',
    ),
  users: path
    .default('/etc/postern/web.users')
    .describe('Who may use it; written by `postern web password`.'),
  session: duration('a duration such as 12h')
    .prefault('12h')
    .describe('How long a login lasts. A restart of the page ends all of them.'),
  proxy: shown(
    proxy.optional().describe('A reverse proxy that authenticates users. See docs/web.md.'),
    'everybody logs in here',
  ),
});

/** The section as it was read. */
export type RawWeb = z.output<typeof web>;

function isOrigin(value: string): boolean {
  return (
    URL.canParse(value) &&
    /^https?:$/.test(new URL(value).protocol) &&
    new URL(value).origin === value
  );
}
