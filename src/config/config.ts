/** Everything that an operator can set, as the program uses it: paths absolute, durations in ms. Types only. */

import type { ListenAddress } from '../base/listen-address.ts';
import type { SocketAccess } from '../base/socket.ts';
import type { JournalSource } from '../follow/journal/follower.ts';
import type { Hours } from '../judge/hours.ts';
import type { Override } from '../judge/overrides.ts';
import type { LeaseSource } from '../leases/sources.ts';
import type { AuditId } from '../model/audit.ts';
import type { Mta } from '../model/event.ts';
import type { LoginOptions } from '../model/login.ts';
import type { Preset } from '../model/preset.ts';
import type { MailRoute } from '../notify/mail.ts';
import type { SchemeName } from '../sign/scheme.ts';
import type { HookConfig } from './hooks.ts';
import type { MetricsConfig } from './metrics.ts';
import type { RecipientsConfig } from './milter-recipients.ts';
import type { RETURN_PATH_MODES } from './return-path-schema.ts';
import type { LOG_LEVELS } from './schema.ts';
import type { EngineAddress } from './share-schema.ts';
import type { CLIENT_MAP_TYPES, MAP_TYPES, UID_MAP_TYPES } from './target-schema.ts';
import type { WebConfig } from './web.ts';

export type MapType = (typeof CLIENT_MAP_TYPES)[number] | (typeof UID_MAP_TYPES)[number];

/** A Postfix lookup table that Postern writes. */
export interface MapTarget {
  readonly file: string;
  readonly type: MapType;
  readonly action: 'HOLD' | 'REJECT';
  /** text beside the action, printable ASCII on one line */
  readonly text: string;
}

/** A map that is absent was switched off: blocks of that type have no effect in Postfix. */
export interface PostfixTargets {
  readonly user?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  readonly client?: MapTarget;
  readonly sender?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  /** `authorized_submit_users` knows login names and can only refuse */
  readonly uid?: MapTarget & { readonly type: (typeof UID_MAP_TYPES)[number] };
  /** argument vector; `TYPE:FILE` is appended */
  readonly postmap: readonly string[];
  /** argument vector; empty: Postfix is never reloaded */
  readonly reload: readonly string[];
}

export interface EximTargets {
  readonly blockedUsers: string;
  readonly blockedSenders: string;
  readonly blockedNetworks: string;
}

export interface NotifyConfig {
  readonly to: readonly string[];
  readonly from: string;
  readonly transport: MailRoute;
  /** ms that a notice waits for others, to be sent with them in one mail */
  readonly digest: number;
}

export interface PolicyConfig {
  readonly listen: ListenAddress;
  /** name or number of the group that may connect to the unix socket */
  readonly group?: string;
}

export interface MilterConfig {
  readonly listen: readonly ListenAddress[];
  /** of its unix sockets */
  readonly access: SocketAccess;
  /** absent: no figures are served */
  readonly metrics?: MetricsConfig;
  /** file for `postern status` */
  readonly state: string;
  /** absent: recipients are not verified */
  readonly recipients?: RecipientsConfig;
  /** absent: return paths are not signed */
  readonly returnPath?: ReturnPathConfig;
}

/** Signed return paths. Domains and names in lower case. */
export interface ReturnPathConfig {
  readonly mode: (typeof RETURN_PATH_MODES)[number];
  readonly domains: readonly string[];
  readonly scheme: SchemeName;
  readonly keys: string;
  /** every server that sends or receives for the domains */
  readonly servers: readonly string[];
  readonly rejectAtOnce: boolean;
  /** of our own */
  readonly networks: readonly string[];
  readonly daemons: readonly string[];
  readonly unsignedSenders: readonly string[];
  readonly unsignedRecipients: readonly string[];
  readonly openRecipients: readonly string[];
  readonly openNetworks: readonly string[];
  /** take signatures off recipients */
  readonly restore: boolean;
  readonly text: string;
  /** the file that says since when each domain signs */
  readonly record: string;
}

export interface ListingsConfig {
  /** ms between two questions to the same list about the same address */
  readonly interval: number;
  /** absent: those that are found */
  readonly addresses?: readonly string[];
  readonly names?: readonly string[];
  /** names of lists; absent: all that work */
  readonly lists?: readonly string[];
  /** `192.0.2.53:53`; absent: the resolvers of this host */
  readonly resolver?: string;
  readonly dqsKeyFile?: string;
}

export interface ShareConfig {
  readonly address: EngineAddress;
  /** as the operator wrote it, for messages */
  readonly url: string;
  /** the name of this server among the others */
  readonly host: string;
  readonly user: string;
  readonly passwordFile?: string;
  readonly caFile?: string;
}

/** The configuration with every default in place. */
export interface Config {
  /** the configuration file itself, absolute */
  readonly file: string;
  /** name of the instance; absent: the file is about one mail server */
  readonly instance?: string;
  readonly mta: Mta;
  /** files */
  readonly logs: readonly string[];
  readonly journals: readonly JournalSource[];
  /** IANA name, `±hh:mm` or `HOST_ZONE`: for log lines that do not name a zone, and for times that people read */
  readonly zone: string;
  /** host name for logs that do not name one */
  readonly host?: string;
  /** lines of these syslog names only; absent: all */
  readonly syslogNames?: readonly string[];
  /** lines of these hosts only; absent: all */
  readonly logHosts?: readonly string[];
  readonly startAt: 'beginning' | 'end';
  readonly database: string;
  /** folder of rule files */
  readonly rules: string;
  /** rules that replace those of the same name; absent: none */
  readonly preset?: Preset;
  /** when limits are lower; absent: never */
  readonly hours?: Hours;
  /** other limits for some submitters, in the order of the file, and files with more of them */
  readonly overrides: {
    readonly entries: readonly Override[];
    readonly files: readonly string[];
  };
  readonly mode: 'enforce' | 'observe';
  /** which process writes the targets: `postern run`, or `postern enforce` */
  readonly enforcer: 'daemon' | 'separate';
  /** ms that events are kept */
  readonly retention: number;
  /** absent: inferred from the log */
  readonly trustedNetworks?: readonly string[];
  /** which spellings of a login are one person */
  readonly logins: LoginOptions;
  /** files that say who had an address at a time */
  readonly leases: readonly LeaseSource[];
  readonly allow: {
    /** lower case */
    readonly users: readonly string[];
    readonly networks: readonly string[];
    /** uids and login names */
    readonly uids: readonly string[];
  };
  /** file with further exceptions: config/exceptions.ts */
  readonly exceptions: string;
  /** `pseudonyms`: age in ms from which recipients are pseudonyms; absent: never */
  readonly privacy: { readonly pseudonyms?: number };
  readonly caps: { readonly blocksPerHour: number };
  readonly targets: { readonly postfix: PostfixTargets; readonly exim: EximTargets };
  /** absent: no policy service */
  readonly policy?: PolicyConfig;
  /** absent: no milter */
  readonly milter?: MilterConfig;
  /** absent: no complaints are read */
  readonly complaints?: { readonly folder: string };
  /** hold or freeze mail that is already in the queue when a block begins */
  readonly queue: { readonly hold: boolean };
  /** argument vectors to which arguments are appended */
  readonly commands: {
    readonly postsuper: readonly string[];
    readonly postqueue: readonly string[];
    readonly postcat: readonly string[];
    readonly postconf: readonly string[];
    readonly exim: readonly string[];
    readonly journalctl: readonly string[];
  };
  /** absent: this server counts alone */
  readonly share?: ShareConfig;
  /** absent: no mail about blocks */
  readonly notify?: NotifyConfig;
  /** when Postern counts as blind: ms without a line, and percent points above the usual share of unread lines */
  readonly blind: { readonly silence: number; readonly unreadJump: number };
  /** absent: no figures are served */
  readonly metrics?: MetricsConfig;
  /** programs and web servers that are told what happens */
  readonly hooks: readonly HookConfig[];
  /** empty: `report --mail` has no recipient */
  readonly report: { readonly to: readonly string[] };
  /** absent: the service asks no blocklist */
  readonly listings?: ListingsConfig;
  /** findings of the audit that are left out: reasons by id */
  readonly audit: { readonly accept: Readonly<Partial<Record<AuditId, string>>> };
  /** absent: there is no page for operators */
  readonly web?: WebConfig;
  readonly logLevel: (typeof LOG_LEVELS)[number];
}
