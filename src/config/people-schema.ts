/** The options of who is who: who is never blocked, which logins are one person, who had an address. Part of `schema.ts`. */
import { choice, list, section } from '../base/fields.ts';
import { LEASE_FORMATS } from '../leases/sources.ts';
import { LOGIN_CUTS } from '../model/login.ts';
import { account, network, path, text } from './option.ts';

export const allow = section({
  users: list(text('a login name'), 'a list of login names')
    .default([])
    .describe('Users that are never blocked.'),
  networks: list(network, 'a list of networks')
    .default([])
    .describe('Networks whose clients are never blocked. Loopback always is one.'),
  uids: list(account, 'a list of uids and login names')
    .default(['0', 'root'])
    .describe('Local accounts that are never blocked: by number for Postfix, by name for Exim.'),
});

export const logins = section({
  defaultDomain: text('a domain', (value) => /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(value))
    .optional()
    .describe('Domain that a login without one means: `alice` is `alice@example.net`.'),
  cut: choice(LOGIN_CUTS)
    .default('none')
    .describe(
      '`domain`: without the @ and all behind it, where mailboxes are local accounts: `alice@example.net` is `alice`, whatever the domain. `word`: without everything from the first character on that is no letter, no digit and no `_`, as the recipes for Exim do that cut at `\\W.*$`; then `a.smith` and `a.jones` are one, too.',
    ),
  extension: text('punctuation such as +, of which each character begins an extension', (value) =>
    /^[!#$%&*+,./:;<=>?^_|~-]+$/.test(value),
  )
    .optional()
    .describe(
      'Characters that begin an extension, as in `recipient_delimiter`: with `+`, `alice+phone@example.net` is `alice@example.net`.',
    ),
});

export const lease = section({
  file: path.describe(
    'The file. It is read again when it changes. `*` in its name stands for any characters: of such files, the last three by name are one.',
  ),
  format: choice(LEASE_FORMATS).describe(
    '`isc-dhcpd`: dhcpd.leases; `kea`: its memfile; `radius-detail`: FreeRADIUS; `csv`: a table with a header.',
  ),
  field: text('the name of a field, column or attribute', (value) => /^[A-Za-z0-9_-]+$/.test(value))
    .optional()
    .describe('What names the person, if it is not the usual field of the format.'),
});
