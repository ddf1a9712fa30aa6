/** What an operator can set, resolved: paths absolute, durations in ms, defaults in place. Types only. */
import type { Mta } from '../model/event.ts';
import type { MailRoute } from '../notify/mail.ts';
import type { ListenAddress } from '../policy/address.ts';
import type { CLIENT_MAP_TYPES, LOG_LEVELS, MAP_TYPES, UID_MAP_TYPES } from './schema.ts';

export type MapType = (typeof CLIENT_MAP_TYPES)[number] | (typeof UID_MAP_TYPES)[number];

/** A Postfix lookup table that Postern writes. */
export interface MapTarget {
  readonly file: string;
  readonly type: MapType;
  readonly action: 'HOLD' | 'REJECT';
  /** text beside the action, printable ASCII on one line */
  readonly text: string;
}

/** Absent map: the operator switched it off, blocks of that type have no effect in Postfix. */
export interface PostfixTargets {
  readonly user?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  readonly client?: MapTarget;
  readonly sender?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  /** `authorized_submit_users` knows login names, and can only refuse */
  readonly uid?: MapTarget & { readonly type: (typeof UID_MAP_TYPES)[number] };
  /** argument vector; `TYPE:FILE` is appended */
  readonly postmap: readonly string[];
  /** argument vector; empty: Postfix is never told */
  readonly reload: readonly string[];
}

export interface EximTargets {
  readonly blockedUsers: string;
  readonly blockedSenders: string;
}

export interface NotifyConfig {
  readonly to: readonly string[];
  readonly from: string;
  readonly transport: MailRoute;
  /** ms that a notice waits for others to share its mail */
  readonly digest: number;
}

export interface PolicyConfig {
  readonly listen: ListenAddress;
  /** name or number of the group that may connect to the unix socket */
  readonly group?: string;
}

/** Everything an operator can set, resolved: paths absolute, durations in ms, defaults in place. */
export interface Config {
  /** the configuration file itself, absolute */
  readonly file: string;
  readonly mta: Mta;
  readonly logs: readonly string[];
  /** IANA name or `±hh:mm`, for stamps without a zone */
  readonly zone: string;
  /** host name for logs that carry none */
  readonly host?: string;
  readonly startAt: 'beginning' | 'end';
  readonly database: string;
  /** folder of rule files */
  readonly rules: string;
  readonly mode: 'enforce' | 'observe';
  /** which process writes the targets: `postern run`, or `postern enforce` */
  readonly enforcer: 'daemon' | 'separate';
  /** ms that events are kept */
  readonly retention: number;
  /** absent: inferred from the log */
  readonly trustedNetworks?: readonly string[];
  readonly allow: {
    /** lower case */
    readonly users: readonly string[];
    readonly networks: readonly string[];
    /** uids and login names */
    readonly uids: readonly string[];
  };
  readonly caps: { readonly blocksPerHour: number };
  readonly targets: { readonly postfix: PostfixTargets; readonly exim: EximTargets };
  /** absent: no policy service */
  readonly policy?: PolicyConfig;
  /** hold or freeze mail of a new block that is queued already */
  readonly queue: { readonly hold: boolean };
  /** argument vectors to which arguments are appended */
  readonly commands: {
    readonly postsuper: readonly string[];
    readonly postqueue: readonly string[];
    readonly postconf: readonly string[];
    readonly exim: readonly string[];
  };
  /** absent: no mail about blocks */
  readonly notify?: NotifyConfig;
  /** empty: `report --mail` has nobody to write to */
  readonly report: { readonly to: readonly string[] };
  readonly logLevel: (typeof LOG_LEVELS)[number];
}
