/**
 * The state that is saved by name: which names there are, and what is kept under each. Values are JSON in the database,
 * and an older version may have written them: keep the names, and let a new property be optional.
 */

import type { BlindChange } from '../model/occurrence.ts';
import type { Outage } from '../model/outage.ts';
import type { Person } from './erasure.ts';

/** Name and value of everything in the table `state`. */
export interface SavedState {
  /** the service that uses this database; null after it has stopped */
  daemon: ServiceProcess | null;
  /** the reader of `postern enforce`; null after it has stopped */
  enforcer: ServiceProcess | null;
  /** when `postern enforce --once` last ran, ms */
  'enforced once': number;
  health: Health;
  /** number of the newest block that a run of the enforcer has tried to bring into force */
  'newest block tried': number;
  /** blocks whose queued mail is still to be held */
  'queued mail to hold': readonly MailToHold[];
  /** how many queued messages were held, by number of the block */
  [held: `held ${number}`]: number;
  /** provider outages of the last months, oldest first */
  suspects: readonly Outage[];
  /** events and verdicts from before this time may be deleted, ms; absent until any was */
  pruned: number;
  /** people whom the service has to forget before it reads anything; null when it has */
  forget: readonly Person[] | null;
  /** number of the newest event whose recipients are pseudonyms */
  pseudonyms: number;
  /** why no blocklist gave an answer in the last round; null when one did */
  'listings unanswered': string | null;
  /** what the table `usual` holds: of which rules, with their state, and up to which event */
  usual: SavedUsual;
  /** when hooks were last told that the cap was reached, ms */
  'hooks told of cap': number;
  /** lines that were read in each of the last hours, oldest first */
  'lines by hour': readonly HourOfLines[];
  /** why Postern is blind; empty while it is not */
  blind: readonly BlindChange[];
  /** number of the last row that the engine of the shared counts has taken */
  'share sent': number;
  /** parts of the correlator, which checks them when it loads them */
  [correlator: `correlator ${string}`]: unknown;
  /** state of the envelope reader, by path of the log; it checks this when it loads it */
  [envelope: `envelope ${string}`]: unknown;
}

/** Of each rule by name: the measure of its profiles, and the days on which anything was counted. */
interface SavedUsual {
  /** number of the newest event that they hold */
  readonly event: number;
  readonly rules: Readonly<
    Record<string, { readonly measure: string; readonly coveredDays: readonly number[] }>
  >;
}

/** What one hour brought. */
export interface HourOfLines {
  /** hours since the epoch */
  readonly hour: number;
  /** lines of the mail server that Postern reads, and those that say nothing to it */
  readonly read: number;
  readonly unread: number;
}

/** A process. A number alone may belong to another process by now. */
export interface Process {
  readonly pid: number;
  /** when it started, in clock ticks since boot */
  readonly ticks: string;
}

/** A process of Postern that may run only once for a database. */
export interface ServiceProcess extends Process {
  /** ms since the epoch */
  readonly started: number;
  readonly version: string;
  /** how long it keeps events, ms, and why, if that is longer than `retention` */
  readonly kept?: { readonly events: number; readonly why: string };
}

/**
 * What only the service itself knows and `postern status` shows. It is only about the present: while nothing changes it
 * stays the same text, and nothing is written.
 */
export interface Health {
  readonly logs: readonly LogHealth[];
  /** how often the system log said that it lost lines */
  readonly losses: number;
  /** how many messages counted for nobody since the start, because their line does not say which login it was */
  readonly ambiguousLogins?: number;
  /** some of these logins, with what follows the colon */
  readonly ambiguousNames?: readonly string[];
  /** lines whose time was more than a day in the future, the latest of their times, and when the last one was read; ms */
  readonly future?: { readonly lines: number; readonly newest: number; readonly seen: number };
  /** why there is no policy service, while that is so */
  readonly policy?: string;
  /** why no metrics are served, while that is so */
  readonly metrics?: string;
  /** why the mail server's networks are not known, while that is so */
  readonly networks?: string;
  /** the engine of the shared counts, while `share` is configured */
  readonly share?: ShareHealth;
  /** since when the rules count without some keys, because a bound on memory was reached; ms of event time */
  readonly forgottenSince?: number;
  /** users whose recipients the policy service puts off now; times in ms */
  readonly deferred?: readonly {
    readonly user: string;
    readonly rule: string;
    readonly since: number;
    readonly putOff: number;
  }[];
}

/** Times in ms; to the second, so that they do not change all the time. */
export interface ShareHealth {
  /** why the engine cannot be used, and since when; both absent while it can */
  readonly failure?: string;
  readonly since?: number;
  /** what waits to be sent, and what was dropped since the start because too much waited */
  readonly waiting: number;
  readonly lost: number;
  /** how far this host's clock is ahead of the engine's */
  readonly ahead?: number;
  /** events whose time was too far in the future, since the start */
  readonly clamped: number;
  /** how often the engine had lost what it had, since the start */
  readonly resent: number;
  /** events that did not count with the others since the start, because this host counted too much in an hour */
  readonly refused: number;
  readonly hosts: readonly ShareHost[];
}

/** Another server that counts with this one. */
export interface ShareHost {
  readonly host: string;
  /** it was there within the last minute */
  readonly present: boolean;
  /** its clock, as `ahead` above */
  readonly ahead?: number;
  readonly waiting?: number;
  readonly version?: string;
  /** it has the rules of this host */
  readonly sameRules: boolean;
  /** it wrote blocks or releases with a time in the future, which do not count */
  readonly future?: true;
}

export interface LogHealth {
  /** as the operator named it */
  readonly path: string;
  /** why it cannot be read, while that is so */
  readonly failure?: string;
  /** there is no such log now */
  readonly missing?: true;
}

/** A block whose queued mail is to be held. Times in ms. */
export interface MailToHold {
  readonly block: number;
  /** queue IDs of messages that were found already: they are held, or an operator has released them since */
  readonly held: readonly string[];
  /** whether the queue was looked through before */
  readonly again?: boolean;
  /** when to look for more */
  readonly due: number;
  /** until when more may turn up; undefined while the mail server does not know the block */
  readonly until?: number;
  /** why the last attempt failed, and since when attempts have failed */
  readonly failure?: string;
  readonly failingSince?: number;
}

/** What is remembered of a block target between two runs, in the table `target`. */
export interface TargetState {
  readonly file: string;
  /** the file is right, but the MTA does not use it yet */
  readonly pending: boolean;
  readonly failure?: string;
  /** since when it has been failing, ms */
  readonly failingSince?: number;
  /** identities that the file cannot hold, with the reason */
  readonly inexpressible: readonly string[];
  /** blocks that a line of the operator lets pass, and which line that is; absent if there is none */
  readonly passed?: readonly { readonly block: number; readonly why: string }[];
}
