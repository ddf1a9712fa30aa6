/** The options of `listings`: which blocklists are asked, about what, how often, through which resolver. */
import { duration, list, section } from '../base/fields.ts';
import { HOUR } from '../base/time.ts';
import { canonicalIp } from '../model/address.ts';
import { findList } from '../probe/lists.ts';
import { parseSubject } from '../probe/query-name.ts';
import { parseServer } from '../probe/resolver.ts';
import { path, shown, text } from './option.ts';

const INTERVAL = 'a duration of at least 1h';

export const listings = section({
  interval: duration(INTERVAL)
    .refine((ms) => ms >= HOUR, { error: INTERVAL })
    .prefault('6h')
    .describe('How often each list is asked about each address. At least an hour.'),
  addresses: shown(
    list(
      text('an IP address', (value) => canonicalIp(value) !== undefined),
      'a list of IP addresses',
    )
      .optional()
      .describe('The addresses from which this server sends mail.'),
    'those that are found: see docs/listings.md',
  ),
  names: shown(
    list(
      text('a domain such as mail.example.net', (value) => parseSubject(value)?.kind === 'name'),
      'a list of domains',
    )
      .optional()
      .describe('Its names, for lists of domains.'),
    'the host name and the domain of the mail server',
  ),
  lists: shown(
    list(
      text(
        'the name or the zone of a list that `postern listings` knows',
        (value) => findList(value) !== undefined,
      ),
      'a list of names of blocklists',
    )
      .optional()
      .describe('Which blocklists are asked.'),
    'all that work',
  ),
  resolver: shown(
    text(
      'an IP address with or without a port, such as 127.0.0.1 or 127.0.0.1:5353',
      (value) => parseServer(value) !== undefined,
    )
      .optional()
      .describe('The DNS resolver to ask. Use one of your own: many lists refuse the public ones.'),
    'those of this host (/etc/resolv.conf)',
  ),
  dqsKeyFile: path
    .optional()
    .describe(
      'File with a key of the Spamhaus Data Query Service in its first line; let only the service read it.',
    ),
});
