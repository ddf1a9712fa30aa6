/**
 * The ways on which mail of blocked submitters comes in, and what has to stop it there: one row for each kind of
 * submitter and way. Everything that `postern check` says about the block files of Exim follows from this table.
 */
import type { EximTargets } from '../../config/load.ts';
import { getNetwork } from '../../model/address.ts';
import type { Origin } from './trial.ts';

/** Settings that name an ACL which sees every message that comes in by SMTP, the recommended one first. */
export const SMTP_ACLS = ['acl_smtp_data', 'acl_smtp_rcpt', 'acl_smtp_predata', 'acl_smtp_mail'];
/** The setting for messages of local programs that speak no SMTP. */
export const LOCAL_ACLS = ['acl_not_smtp'];

/** What a trial message is made of. */
export interface Place {
  /** where clients connect */
  readonly ports: readonly number[];
  /** addresses of relay clients, one for each version of IP that may relay */
  readonly clients: readonly string[];
  /** an envelope sender of this server's own domain */
  readonly sender: string;
}

export interface Way {
  /** whose mail, and how it comes: `mail of a blocked user` */
  readonly mail: string;
  /** the file that lists them */
  file(targets: EximTargets): string;
  /** the variable that has to be looked up there */
  readonly variable: string;
  /** the settings whose ACL can do it, the recommended one first */
  readonly settings: readonly string[];
  /** false where no shipped rule blocks */
  readonly isNeeded: boolean;
  /** trials, and the line of the file that must stop each */
  trials(place: Place): readonly { readonly line: string; readonly origin: Origin }[];
}

/** A login without `@`, so that an ACL which cuts logins leaves it whole. */
const LOGIN = 'posterncheck';
const OTHER_ACCOUNT = 'posternother';
/** An address for documentation (RFC 5737): a client that may not relay. */
export const STRANGER = '192.0.2.1';

const blockedUsers = (targets: EximTargets) => targets.blockedUsers;
const blockedNetworks = (targets: EximTargets) => targets.blockedNetworks;
const blockedSenders = (targets: EximTargets) => targets.blockedSenders;

export const WAYS: readonly Way[] = [
  {
    mail: 'mail of a blocked user',
    file: blockedUsers,
    variable: '$authenticated_id',
    settings: SMTP_ACLS,
    isNeeded: true,
    trials: ({ ports, sender }) =>
      ports.map((port) => ({
        line: LOGIN,
        origin: { client: STRANGER, port, login: LOGIN, smtp: true, sender },
      })),
  },
  {
    mail: 'mail of a blocked user who logs in to sendmail -bs',
    file: blockedUsers,
    variable: '$authenticated_id',
    settings: SMTP_ACLS,
    isNeeded: true,
    trials: ({ sender }) => [
      { line: LOGIN, origin: { account: OTHER_ACCOUNT, login: LOGIN, smtp: true, sender } },
    ],
  },
  {
    mail: 'mail of a blocked relay client',
    file: blockedUsers,
    variable: '$sender_host_address',
    settings: SMTP_ACLS,
    isNeeded: true,
    trials: ({ ports, clients, sender }) =>
      clients.flatMap((client) =>
        ports.map((port) => ({
          line: client.includes(':') ? `"${client}"` : client,
          origin: { client, port, smtp: true, sender },
        })),
      ),
  },
  {
    mail: 'mail of a blocked network of relay clients',
    file: blockedNetworks,
    variable: '$sender_host_address',
    settings: SMTP_ACLS,
    // Without it, networks are refused, and an IPv6 client is blocked by its address alone.
    isNeeded: false,
    trials: ({ ports, clients, sender }) =>
      clients.flatMap((client) =>
        ports.map((port) => ({
          line: `"${getNetwork(client)}"`,
          origin: { client, port, smtp: true, sender },
        })),
      ),
  },
  {
    mail: 'mail of a blocked local account',
    file: blockedUsers,
    variable: '$sender_ident',
    settings: LOCAL_ACLS,
    isNeeded: true,
    trials: ({ sender }) => [{ line: LOGIN, origin: { account: LOGIN, smtp: false, sender } }],
  },
  {
    mail: 'mail of a blocked local account by sendmail -bs',
    file: blockedUsers,
    variable: '$sender_ident',
    settings: SMTP_ACLS,
    isNeeded: true,
    trials: ({ sender }) => [{ line: LOGIN, origin: { account: LOGIN, smtp: true, sender } }],
  },
  {
    mail: 'mail from a blocked sender',
    file: blockedSenders,
    variable: '$sender_address',
    settings: SMTP_ACLS,
    isNeeded: false,
    trials: ({ ports, clients, sender }) => [
      ...ports.map((port) => ({
        line: sender,
        origin: { client: STRANGER, port, login: LOGIN, smtp: true, sender },
      })),
      ...clients.map((client) => ({ line: sender, origin: { client, smtp: true, sender } })),
    ],
  },
  {
    mail: 'mail from a blocked sender, of local programs',
    file: blockedSenders,
    variable: '$sender_address',
    settings: LOCAL_ACLS,
    isNeeded: false,
    trials: ({ sender }) => [{ line: sender, origin: { account: LOGIN, smtp: false, sender } }],
  },
];
