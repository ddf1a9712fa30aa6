/**
 * Every option with its meaning, its default and what it accepts: the one source of loading, of docs/config.md and
 * of what `postern init` writes. Reads no file and resolves nothing; the message of a zod issue names what was expected.
 */
import { z } from 'zod';
import { choice, duration, list, section, truth, whole } from '../base/fields.ts';
import { HOUR, isZone } from '../base/time.ts';
import { AUDIT_IDS } from '../model/audit.ts';
import { hook } from './hooks.ts';
import { log } from './journal.ts';
import { hours, overrides, preset } from './limits-schema.ts';
import { listings } from './listings-schema.ts';
import { metrics } from './metrics.ts';
import { milter } from './milter-schema.ts';
import { notify } from './notify-schema.ts';
import { addresses, network, path, shown, text } from './option.ts';
import { allow, lease, logins } from './people-schema.ts';
import { policy } from './policy-schema.ts';
import { share } from './share-schema.ts';
import { commands, targets } from './target-schema.ts';
import { web } from './web-schema.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Reasons by id; an id that nobody knows is an unknown key. */
const acceptedIds = z.partialRecord(z.enum(AUDIT_IDS), text('a reason'), {
  error: 'ids of postern audit, each with a reason',
});

const instance = z.looseObject(
  {
    name: text('a name of letters, digits, - and _', (value) =>
      /^[A-Za-z0-9_-]{1,32}$/.test(value),
    ),
  },
  { error: 'a section with a name and options of its own' },
);

/** The whole configuration file. */
export const configSchema = section({
  mta: choice(['postfix', 'exim'])
    .default('postfix')
    .describe('The mail server: `postfix` or `exim`.'),
  logs: shown(
    list(log, 'a list of log files and journals')
      .refine((logs) => logs.length > 0, { error: 'at least one log' })
      .optional()
      .describe(
        'The logs to follow: paths of files, and `journal:` for the journal of systemd. See docs/journal.md.',
      ),
    '`[/var/log/mail.log]`, for Exim `[/var/log/exim4/mainlog]`',
  ),
  zone: shown(
    text('a time zone such as Europe/Berlin or +01:00', isZone)
      .optional()
      .describe('Time zone of log lines that do not name one.'),
    'the zone of this host',
  ),
  host: shown(
    text('a host name', (value) => /^[A-Za-z0-9._-]+$/.test(value))
      .optional()
      .describe("Name of the host in logs that do not name one (Exim's)."),
    'none',
  ),
  syslogNames: shown(
    list(text('a syslog name such as postfix-out'), 'a list of syslog names')
      .optional()
      .describe(
        'Count only lines with one of these names in front of the first `/` of their tag (`syslog_name`; for Exim `syslog_processname`). For several mail servers that log to one file.',
      ),
    'all',
  ),
  logHosts: shown(
    list(text('a host name'), 'a list of host names')
      .optional()
      .describe(
        'Count only lines of these hosts, as the log names them. For a host that collects logs.',
      ),
    'all',
  ),
  startAt: choice(['beginning', 'end'])
    .default('beginning')
    .describe(
      'Where to begin reading at the very first start. Events older than the `fresh` time of a rule are reported and never lead to a block.',
    ),
  database: path.default('/var/lib/postern/postern.db').describe('The SQLite database.'),
  rules: shown(path.optional().describe('Folder of rule files.'), 'the shipped rules'),
  preset: shown(
    preset.describe(
      'Limits for volume, networks and shares of refusals that suit a kind of server: `small-office`, `hosting` or `provider`. Its rules replace those of the same name. See docs/limits.md for the figures.',
    ),
    'the limits of the rules',
  ),
  hours: shown(
    hours
      .optional()
      .describe(
        'Lower limits at night and at weekends, for the rules of volume, networks and shares. See docs/limits.md.',
      ),
    'limits are the same at all times',
  ),
  overrides: shown(
    overrides
      .default([])
      .describe(
        'Other limits for some submitters: a list of `user` (or `domain`, `list`, `client`, `uid`), `limit` (or `exempt: true`), and `rule`, `period` and `why` if you like; and of `file` for a table of them, which is read again when it changes. See docs/limits.md.',
      ),
    'none',
  ),
  mode: choice(['enforce', 'observe'])
    .default('enforce')
    .describe('`observe` does everything except changing the mail server.'),
  enforcer: choice(['daemon', 'separate'])
    .default('daemon')
    .describe(
      'Which process changes the mail server: `daemon` is `postern run` itself; `separate` is `postern enforce`, so that `postern run` does not need root. See docs/privileges.md.',
    ),
  retention: duration('a duration such as 30d')
    .prefault('30d')
    .describe(
      'How long events are kept. They are kept longer if a rule needs it: twice the longest period of the rules, so that a restart counts as before. `check` and `status` show when that is so.',
    ),
  trustedNetworks: shown(
    list(network, 'a list of networks')
      .optional()
      .describe(
        'Networks that may relay without a password (`mynetworks`, `relay_from_hosts`): their clients count as submitters. By default the service asks the mail server at each start and reload; what it cannot ask or read is inferred from the log, see docs/events.md.',
      ),
    'what the mail server lists',
  ),
  logins: logins
    .prefault({})
    .describe(
      'How logins are compared: which spellings are one person. Upper and lower case never matter. A block lists every spelling that was seen. A change counts for mail that is logged after it.',
    ),
  leases: lease
    .array()
    .default([])
    .describe(
      'Files that say who had an address at a time, for relay clients with dynamic addresses: a list of `file`, `format` (`isc-dhcpd`, `kea`, `radius-detail`, `csv`) and `field`. The person is the submitter then, and a block follows the person to the next address. See docs/leases.md.',
    ),
  allow: allow.prefault({}).describe('Who is never blocked, whatever the rules say.'),
  exceptions: shown(
    path
      .optional()
      .describe(
        'File with further exceptions, which `postern allow` and `postern except` write and the service reads again when it changes. See docs/exceptions.md.',
      ),
    '`exceptions` in the folder of `database`',
  ),
  privacy: section({
    pseudonyms: shown(
      duration('a duration such as 30d')
        .optional()
        .describe(
          'How old events get with the addresses of their recipients. Then a pseudonym takes the place of each, and the domain stays. Never before the rules have done with the event. See docs/data.md.',
        ),
      'recipients stay as they are',
    ),
  })
    .prefault({})
    .describe('What is stored of people.'),
  caps: section({
    blocksPerHour: whole(1_000_000)
      .default(10)
      .describe('Above this number, rules only observe and the abuse address is notified.'),
  })
    .prefault({})
    .describe('Limits to what Postern does on its own.'),
  targets,
  policy: shown(
    policy
      .optional()
      .describe(
        'The policy service: the mail server asks it while it receives a message (Postfix for each message, Exim for each recipient), so that a block takes effect in sessions that are already open. See docs/mta/postfix-policy.md, for Exim docs/mta/exim-open-session.md.',
      ),
    'there is no policy service',
  ),
  milter: shown(
    milter
      .optional()
      .describe(
        'The milter, a service of its own (`postern milter`) that Postfix or Sendmail asks during the SMTP dialogue. See docs/milter.md.',
      ),
    'there is no milter',
  ),
  queue: section({
    hold: truth
      .default(true)
      .describe('When a block begins, hold or freeze the mail that is already in the queue.'),
  })
    .prefault({})
    .describe('Mail that was accepted before the block.'),
  commands,
  notify: shown(notify.optional().describe('Mail about blocks.'), 'no mail is sent'),
  hooks: hook
    .array()
    .default([])
    .describe(
      'Programs and web servers that are told what happens: a list of `name`, `events` (`block`, `release`, `cap`, `outage`, `listing`, `blind`; default: all), `timeout` (`30s`), and either `command`, an argument vector that gets the event on standard input, or `url`, which gets it by POST, with `secretFile` for its signature. See docs/hooks.md.',
    ),
  blind: section({
    silence: duration('a duration from 1h to 1d', 24 * HOUR)
      .refine((ms) => ms >= HOUR, { error: 'a duration from 1h to 1d' })
      .prefault('6h')
      .describe(
        'Notify when the mail server has logged nothing for this long, at a time at which it usually does.',
      ),
    unreadJump: whole(100)
      .default(30)
      .describe(
        'Notify when the share of lines that say nothing to Postern is so many percent points above the usual one.',
      ),
  })
    .prefault({})
    .describe(
      'When Postern counts as blind, by what it read in the last week. See docs/monitoring.md.',
    ),
  metrics: shown(
    metrics.optional().describe('Figures for Prometheus. See docs/monitoring.md.'),
    'no figures are served',
  ),
  complaints: shown(
    section({
      folder: path
        .default('/var/spool/postern/complaints')
        .describe('Where `postern complaint` leaves what it has read.'),
    })
      .optional()
      .describe('Abuse reports of other providers. See docs/backscatter.md.'),
    'they are not read',
  ),
  share: shown(
    share
      .optional()
      .describe(
        'Count and block together with other servers, through a Redis or Valkey that they all reach. See docs/servers.md.',
      ),
    'this server counts alone',
  ),
  report: section({
    to: shown(addresses.optional().describe('Who gets `postern report --mail`.'), '`notify.to`'),
  })
    .prefault({})
    .describe('The daily summary.'),
  listings: shown(
    listings
      .optional()
      .describe(
        'Ask DNS blocklists about this server, again and again, and notify when it is listed or no longer listed. See docs/listings.md.',
      ),
    'nobody is asked, and nothing leaves this host',
  ),
  audit: section({
    accept: shown(
      acceptedIds
        .default({})
        .describe(
          'Findings of `postern audit` that are as you want them: the id, and the reason, such as `vrfy: our partners need it`. See docs/audit.md.',
        ),
      'none',
    ),
  })
    .prefault({})
    .describe('What `postern audit` leaves out.'),
  web: shown(
    web
      .optional()
      .describe('The page for operators, a service of its own (`postern web`). See docs/web.md.'),
    'there is no page',
  ),
  instances: shown(
    list(instance, 'a list of instances, each with a name')
      .refine((instances) => instances.length > 0, { error: 'at least one instance' })
      .optional()
      .describe(
        'Several mail servers that are kept apart: a list of sections, each with `name` and the options in which it differs from the top of the file. See docs/instances.md.',
      ),
    'one mail server',
  ),
  logLevel: choice(LOG_LEVELS).default('info').describe("Level of Postern's own log."),
});

/** The file as it was read, with defaults in place, before anything is resolved. */
export type RawConfig = z.output<typeof configSchema>;
