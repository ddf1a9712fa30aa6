/**
 * Every option with its meaning, its default and what it accepts: the one source of loading, of docs/config.md
 * and of what `postern init` writes. Knows no file and resolves nothing; a wrong value is a zod issue whose
 * message says what was expected.
 */
import type { z } from 'zod';
import { isZone } from '../base/time.ts';
import { parseListenAddress } from '../policy/address.ts';
import {
  account,
  address,
  addresses,
  argv,
  choice,
  command,
  count,
  duration,
  list,
  mtaPath,
  network,
  path,
  reply,
  section,
  shown,
  switchable,
  text,
  yes,
} from './option.ts';

/** The last three, and `cidr`, are text that Postfix reads at a reload; `postmap` builds the others. */
export const MAP_TYPES = [
  'lmdb',
  'hash',
  'btree',
  'cdb',
  'dbm',
  'sdbm',
  'texthash',
  'pcre',
  'regexp',
] as const;
export const CLIENT_MAP_TYPES = ['cidr', ...MAP_TYPES] as const;
/** `list`: a plain file of names, `authorized_submit_users` only. */
export const UID_MAP_TYPES = ['texthash', 'list'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
function map<const T extends readonly string[], const A extends readonly string[]>(
  what: string,
  types: T,
  actions: A,
  defaults: { file: string; type: T[number]; action: A[number] },
) {
  return switchable(
    section({
      file: mtaPath.default(defaults.file).describe(`The file of ${what}.`),
      type: choice(types)
        .default(defaults.type as never)
        .describe('Its map type, as `postconf -m` lists it.'),
      action: choice(actions)
        .default(defaults.action as never)
        .describe(
          actions.length === 1
            ? 'Postfix can only refuse here.'
            : '`HOLD` keeps the mail for a human to look at, the sender sees nothing; `REJECT` refuses it.',
        ),
      text: shown(
        reply.optional().describe('The text beside the action: of the refusal, or in the log.'),
        actions.length === 1 ? 'none' : 'see below',
      ),
    }),
  );
}

const BOTH = ['HOLD', 'REJECT'] as const;
const FOLDER = '/etc/postfix/postern';

const postfix = section({
  user: map('blocked SASL users (`check_sasl_access`)', MAP_TYPES, BOTH, {
    file: `${FOLDER}/sasl_access`,
    type: 'lmdb',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked users. `false`: not used.'),
  client: map('blocked relay clients (`check_client_access`)', CLIENT_MAP_TYPES, BOTH, {
    file: `${FOLDER}/client_access`,
    type: 'cidr',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked clients. `false`: not used.'),
  sender: map('blocked sender addresses (`check_sender_access`)', MAP_TYPES, BOTH, {
    file: `${FOLDER}/sender_access`,
    type: 'lmdb',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked senders. `false`: not used.'),
  uid: map(
    'local accounts that may not submit mail (`authorized_submit_users`)',
    UID_MAP_TYPES,
    ['REJECT'] as const,
    { file: `${FOLDER}/submit_users`, type: 'texthash', action: 'REJECT' },
  )
    .prefault({})
    .describe('Blocked local accounts. `false`: not used.'),
  postmap: command
    .default(['/usr/sbin/postmap'])
    .describe(
      'Command that builds a map; `TYPE:FILE` is appended. A `-c DIR` in `reload` is taken over, here and in `commands`.',
    ),
  reload: argv
    .default(['/usr/sbin/postfix', 'reload'])
    .describe('Command that makes Postfix read changed maps; `[]` for none.'),
});

const exim = section({
  blockedUsers: mtaPath
    .default('/var/spool/exim4/blocked_users')
    .describe('File of blocked users, clients and local accounts, one a line.'),
  blockedSenders: mtaPath
    .default('/var/spool/exim4/blocked_senders')
    .describe('File of blocked sender addresses, one a line.'),
});

const commands = section({
  postsuper: command
    .default(['/usr/sbin/postsuper'])
    .describe('Postfix: holds, releases and deletes queued mail.'),
  postqueue: command.default(['/usr/sbin/postqueue']).describe('Postfix: lists the queue.'),
  postconf: command.default(['/usr/sbin/postconf']).describe('Postfix: tells its settings.'),
  exim: command
    .default(['/usr/sbin/exim4'])
    .describe('Exim: freezes, thaws, removes and lists queued mail, tells its settings.'),
});

const smtp = section({
  host: text('a host name or an address', (value) => /^[A-Za-z0-9.:_-]+$/.test(value))
    .default('127.0.0.1')
    .describe('Host that takes the mail.'),
  port: count('a port from 1 to 65535', 65_535).default(25).describe('Its port.'),
  secure: yes
    .default(false)
    .describe(
      'TLS from the first byte (port 465). Otherwise STARTTLS is used where it is offered; see `user`.',
    ),
  user: text('a login name')
    .optional()
    .describe(
      'User name for AUTH. To another host than this one it goes in TLS only, and only when the certificate is valid for `host`: a server without STARTTLS gets no mail then.',
    ),
  passwordFile: path
    .optional()
    .describe('File that holds the password in its first line; readable by the daemon only.'),
});

const notify = section({
  to: addresses.describe('Who is told, usually the abuse address. One address or a list.'),
  from: shown(
    address.optional().describe('Sender of the mail.'),
    '`postern@` and the name of this host',
  ),
  smtp: smtp.optional().describe('Send by SMTP to this host.'),
  sendmail: shown(
    path.optional().describe('Send by this program instead (not together with `smtp`).'),
    '`/usr/sbin/sendmail`',
  ),
  digest: duration('30s')
    .default('30s')
    .describe('Blocks that fall within this time are told in one mail.'),
});

const policy = section({
  listen: shown(
    text(
      'unix:PATH with an absolute path, or inet:127.0.0.1:PORT',
      (value) => parseListenAddress(value) !== undefined,
    )
      .optional()
      .describe('Where it listens: `unix:PATH`, or a loopback port, `inet:127.0.0.1:PORT`.'),
    '`unix:/var/spool/postfix/postern/policy`, for Exim `unix:/run/postern/policy`',
  ),
  group: shown(
    text('a group', (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*)$/.test(value))
      .optional()
      .describe('Group that may connect to the unix socket.'),
    'everybody whom its folder lets in',
  ),
});

/** The whole configuration file. */
export const configSchema = section({
  mta: choice(['postfix', 'exim'] as const)
    .default('postfix')
    .describe('The mail server: `postfix` or `exim`.'),
  logs: shown(
    list(path, 'a list of log files')
      .refine((files) => files.length > 0, { error: 'at least one log file' })
      .optional()
      .describe('The log files to follow.'),
    '`[/var/log/mail.log]`, for Exim `[/var/log/exim4/mainlog]`',
  ),
  zone: shown(
    text('a time zone such as Europe/Berlin or +01:00', isZone)
      .optional()
      .describe('Time zone of log stamps that name none.'),
    'the zone of this host',
  ),
  host: shown(
    text('a host name', (value) => /^[A-Za-z0-9._-]+$/.test(value))
      .optional()
      .describe('Name for the host in logs that name none (Exim).'),
    'none',
  ),
  startAt: choice(['beginning', 'end'] as const)
    .default('beginning')
    .describe(
      'Where the very first start begins to read. What is older than the `fresh` bound of a rule is reported, never enforced.',
    ),
  database: path.default('/var/lib/postern/postern.db').describe('The SQLite database.'),
  rules: shown(
    path.optional().describe('Folder of rule files.'),
    'the rules that come with the package',
  ),
  mode: choice(['enforce', 'observe'] as const)
    .default('enforce')
    .describe('`observe` does everything but changing the MTA.'),
  enforcer: choice(['daemon', 'separate'] as const)
    .default('daemon')
    .describe(
      'Who changes the MTA: `daemon`, that is `postern run` itself; or `separate`: `postern enforce`, so that `postern run` needs no root. See docs/privileges.md.',
    ),
  retention: duration('30d').default('30d').describe('How long events are kept.'),
  trustedNetworks: shown(
    list(network, 'a list of networks')
      .optional()
      .describe(
        'Networks that may relay without a password (`mynetworks`, `relay_from_hosts`): their clients count as submitters.',
      ),
    'what the log shows',
  ),
  allow: section({
    users: list(text('a login name'), 'a list of login names')
      .default([])
      .describe('Users that are never blocked.'),
    networks: list(network, 'a list of networks')
      .default([])
      .describe('Networks whose clients are never blocked. Loopback always is one.'),
    uids: list(account, 'a list of uids and login names')
      .default(['0', 'root'])
      .describe('Local accounts that are never blocked: by number for Postfix, by name for Exim.'),
  })
    .prefault({})
    .describe('Who is never blocked, whatever the rules say.'),
  caps: section({
    blocksPerHour: count('a whole number of at least 1', 1_000_000)
      .default(10)
      .describe('Beyond this, rules only observe and the abuse address is told.'),
  })
    .prefault({})
    .describe('Bounds on what Postern may do by itself.'),
  targets: section({
    postfix: postfix.prefault({}).describe('Files that Postfix reads.'),
    exim: exim.prefault({}).describe('Files that Exim reads.'),
  })
    .prefault({})
    .describe('Where blocks take effect.'),
  policy: shown(
    policy
      .optional()
      .describe(
        'The policy service: the mail server asks it while a message comes in (Postfix about each message, Exim about each recipient), so that a block also meets a session that is open. See docs/mta/postfix-policy.md, for Exim docs/mta/exim-open-session.md.',
      ),
    'there is no such service',
  ),
  queue: section({
    hold: yes.default(true).describe('Hold or freeze mail of a new block that is queued already.'),
  })
    .prefault({})
    .describe('Mail that was accepted before the block.'),
  commands: commands
    .prefault({})
    .describe('Commands of the MTA as argument vectors, no shell; arguments are appended.'),
  notify: shown(notify.optional().describe('Mail about blocks.'), 'no mail is sent'),
  report: section({
    to: shown(addresses.optional().describe('Who gets `postern report --mail`.'), '`notify.to`'),
  })
    .prefault({})
    .describe('The summary of a day.'),
  logLevel: choice(LOG_LEVELS).default('info').describe("Level of Postern's own log."),
});

/** The file as read, with defaults in place, before anything is resolved. */
export type RawConfig = z.output<typeof configSchema>;
