/** The options of signed return paths, `milter.returnPath`. Part of `milter-schema.ts`. */
import { choice, list, section, truth } from '../base/fields.ts';
import { isListable } from '../sign/address-set.ts';
import { KEY_FILE } from '../sign/key-file.ts';
import { SCHEMES } from '../sign/scheme.ts';
import { network, path, shown, text } from './option.ts';

const domain = text('a domain such as example.net', (value) =>
  /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+$/.test(value),
);
const listed = (what: string) =>
  list(text('an address or @domain', isListable), 'a list of addresses and @domains')
    .default([])
    .describe(what);

export const RETURN_PATH_MODES = ['observe', 'sign', 'reject'] as const;

export const returnPath = section({
  mode: choice(RETURN_PATH_MODES)
    .default('observe')
    .describe(
      '`observe`: change nothing but count; `sign`: sign outgoing mail and restore signed recipients; `reject`: also refuse bogus notifications. `reject` acts as `sign` until signing has been on for 12 days and `servers` is set.',
    ),
  domains: list(domain, 'a list of domains')
    .refine((items) => items.length > 0, { error: 'at least one domain' })
    .describe('Domains whose mail gets a signature, and whose notifications must have one.'),
  scheme: choice(SCHEMES)
    .default('prvs')
    .describe('Form of the signature. See docs/return-path.md.'),
  keys: path.default(KEY_FILE).describe('File with the keys, made by `postern key add`.'),
  servers: list(text('a host name'), 'a list of host names')
    .default([])
    .describe(
      'Every server that sends or receives mail for these domains, this one included. All of them need the same keys. Without this list nothing is refused.',
    ),
  rejectAtOnce: truth
    .default(false)
    .describe('Do not wait 12 days and for `servers` before `reject` refuses.'),
  networks: shown(
    list(network, 'a list of networks')
      .optional()
      .describe('Networks of our own: their mail is signed, their notifications are not checked.'),
    'loopback and `trustedNetworks`',
  ),
  daemons: list(text('a daemon name'), 'a list of daemon names')
    .default([])
    .describe(
      'Names of ports whose mail is signed: `milter_macro_daemon_name` in Postfix, `Name=` in Sendmail.',
    ),
  unsignedSenders: listed('Senders whose mail is not signed.'),
  unsignedRecipients: listed(
    'Recipients that get plain senders, such as mailing lists that know their members by the envelope sender. A message to one of them and to others is not signed.',
  ),
  openRecipients: listed(
    'Recipients here that take notifications without a signature. `postmaster` and `abuse` always do.',
  ),
  openNetworks: list(network, 'a list of networks')
    .default([])
    .describe('Clients whose notifications are not checked.'),
  restore: truth
    .default(true)
    .describe(
      'Take the signature off recipients. `false` if the mail server does so itself, by an alias table.',
    ),
  text: text('one line of at most 200 printable ASCII characters', (value) =>
    /^[\x20-\x7e]{1,200}$/.test(value),
  )
    .default('We did not send the message that this is about')
    .describe('Answer to bogus notifications.'),
  record: path
    .default('/var/lib/postern-milter/return-path.json')
    .describe('File in which the milter notes since when each domain signs.'),
});
