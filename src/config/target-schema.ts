/** The options of the files in which blocks take effect, and of the mail server's commands. Part of `schema.ts`. */
import { choice, section } from '../base/fields.ts';
import { argv, command, mtaPath, reply, shown, switchable } from './option.ts';

/** Names of the maps, as `targets.postfix` has them. */
export const POSTFIX_MAPS = ['user', 'client', 'sender', 'uid'] as const;

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
/** `list`: a plain file of names, for `authorized_submit_users` only. */
export const UID_MAP_TYPES = ['texthash', 'list'] as const;

const BOTH_ACTIONS = ['HOLD', 'REJECT'] as const;
const FOLDER = '/etc/postfix/postern';

function map<const T extends string, const A extends string>(
  what: string,
  types: readonly T[],
  actions: readonly A[],
  defaults: { file: string; type: NoInfer<T>; action: NoInfer<A> },
) {
  const canHold = actions.length > 1;
  return switchable(
    section({
      file: mtaPath.default(defaults.file).describe(`The file of ${what}.`),
      type: choice(types)
        .default(defaults.type as never)
        .describe('Its map type, one of those that `postconf -m` lists.'),
      action: choice(actions)
        .default(defaults.action as never)
        .describe(
          canHold
            ? '`HOLD` keeps the mail in the queue for you to look at, and the sender notices nothing; `REJECT` refuses it.'
            : 'Postfix can only refuse here.',
        ),
      text: shown(
        reply
          .optional()
          .describe('The text beside the action: `REJECT` answers with it, `HOLD` logs it.'),
        canHold ? 'see below' : 'none',
      ),
    }),
  );
}

const postfix = section({
  user: map('blocked SASL users (`check_sasl_access`)', MAP_TYPES, BOTH_ACTIONS, {
    file: `${FOLDER}/sasl_access`,
    type: 'lmdb',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked users. `false`: not used.'),
  client: map('blocked relay clients (`check_client_access`)', CLIENT_MAP_TYPES, BOTH_ACTIONS, {
    file: `${FOLDER}/client_access`,
    type: 'cidr',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked clients. `false`: not used.'),
  sender: map('blocked sender addresses (`check_sender_access`)', MAP_TYPES, BOTH_ACTIONS, {
    file: `${FOLDER}/sender_access`,
    type: 'lmdb',
    action: 'HOLD',
  })
    .prefault({})
    .describe('Blocked senders. `false`: not used.'),
  uid: map(
    'local accounts that may not submit mail (`authorized_submit_users`)',
    UID_MAP_TYPES,
    ['REJECT'],
    { file: `${FOLDER}/submit_users`, type: 'texthash', action: 'REJECT' },
  )
    .prefault({})
    .describe('Blocked local accounts. `false`: not used.'),
  postmap: command
    .default(['/usr/sbin/postmap'])
    .describe(
      'Command that builds a map; `TYPE:FILE` is appended. If `reload` has a `-c DIR`, it is added here and in `commands`, too.',
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
  blockedNetworks: mtaPath
    .default('/var/spool/exim4/blocked_networks')
    .describe('File of blocked networks of clients, one a line.'),
});

/** `targets` */
export const targets = section({
  postfix: postfix.prefault({}).describe('Files that Postfix reads.'),
  exim: exim.prefault({}).describe('Files that Exim reads.'),
})
  .prefault({})
  .describe('The files in which blocks take effect.');

/** `commands` */
export const commands = section({
  postsuper: command
    .default(['/usr/sbin/postsuper'])
    .describe('Postfix: holds, releases and deletes queued mail.'),
  postqueue: command
    .default(['/usr/sbin/postqueue'])
    .describe('Postfix: lists the queue, and asks for delivery.'),
  postcat: command
    .default(['/usr/sbin/postcat'])
    .describe('Postfix: prints who handed in a queued message.'),
  postconf: command.default(['/usr/sbin/postconf']).describe('Postfix: prints its settings.'),
  exim: command
    .default(['/usr/sbin/exim4'])
    .describe('Exim: freezes, thaws, removes and delivers queued mail, prints its settings.'),
  journalctl: command.default(['/usr/bin/journalctl']).describe('systemd: prints the journal.'),
})
  .prefault({})
  .describe(
    'Commands of the mail server and of systemd as lists of words; no shell is used. Arguments are appended.',
  );
