/** What recipient verification is told: plain values, durations in ms. The configuration and scam.conf both give these. */
import type { Server } from './server.ts';

/** Where the recipients of a domain are known from. */
export type Source =
  | { readonly kind: 'callout'; readonly servers: readonly Server[] }
  /** a Postfix lookup table, `type:name` */
  | { readonly kind: 'map'; readonly map: string }
  /** a file with one address a line */
  | { readonly kind: 'list'; readonly file: string };

/**
 * `primary`: its back end decides; `backup`: we are a backup of it, and accept while it is down; `catch-all`: every
 * recipient exists, so nobody is asked.
 */
export const DOMAIN_ROLES = ['primary', 'backup', 'catch-all'] as const;
export type DomainRole = (typeof DOMAIN_ROLES)[number];

/** A protected domain. */
export interface DomainOptions {
  /** lower case; `*` is every domain that no other entry names */
  readonly domain: string;
  readonly role: DomainRole;
  /** whether it covers the domains below it, too */
  readonly subdomains: boolean;
  /** absent only for the role catch-all */
  readonly source?: Source;
}

/** A file of routes, whose domains are protected. */
export interface TableOptions {
  readonly file: string;
  readonly format: 'mailertable' | 'transport';
  /** port of back ends that the file names without one */
  readonly port: number;
  readonly subdomains: boolean;
}

export interface CalloutOptions {
  /** the name that we give in EHLO or HELO */
  readonly helo: string;
  /** HELO only: for old back ends */
  readonly greeting: 'EHLO' | 'HELO';
  /** reverse-path of MAIL, empty for the null one */
  readonly sender: string;
  /** STARTTLS when it is offered; certificates are not checked, because nothing secret is sent */
  readonly starttls: boolean;
  /** which addresses of a host come first; 0: as the system sorts them */
  readonly preferIpVersion: 0 | 4 | 6;
  /** ms until a connection must be open */
  readonly connectTimeout: number;
  /** ms until a reply must be complete */
  readonly replyTimeout: number;
  /** connections to one server */
  readonly perServer: number;
  /** callouts at a time, over all servers */
  readonly inAll: number;
  /** longest pause between two tests of a server in trouble, ms */
  readonly backoff: number;
}

export interface SkipOptions {
  /** client networks and addresses */
  readonly clients: readonly string[];
  /** names of SMTP daemons, `{daemon_name}`, in any case */
  readonly daemons: readonly string[];
  readonly authenticated: boolean;
  /** mail that did not come by SMTP from another host */
  readonly local: boolean;
  /** domains, lower case */
  readonly domains: readonly string[];
  /** recipients; compared without regard to case */
  readonly addresses: readonly string[];
}

export interface CacheOptions {
  /** ms that the answer "valid" holds */
  readonly valid: number;
  /** ms that the answer "invalid" holds */
  readonly invalid: number;
  /** addresses in the database */
  readonly most: number;
  /** addresses in memory */
  readonly mostInMemory: number;
}

/** A client that tries many invalid recipients. */
export interface AttackOptions {
  /** invalid recipients in a connection; 0: no limit */
  readonly perConnection: number;
  /** invalid recipients of a client within `window`; 0: no limit */
  readonly perClient: number;
  /** ms */
  readonly window: number;
  readonly reply: 421 | 550;
}

/** The words of refusals: what follows code and status. */
export interface AnswerTexts {
  readonly invalid: string;
  readonly unknown: string;
  readonly attack: string;
}

export interface RecipientOptions {
  /** `observe` asks and counts, and never refuses */
  readonly mode: 'observe' | 'enforce';
  readonly domains: readonly DomainOptions[];
  readonly tables: readonly TableOptions[];
  readonly callout: CalloutOptions;
  /** argument vector, to which `-q - TYPE:NAME` is added */
  readonly postmap: readonly string[];
  /** characters that begin an extension of a local part, for maps and lists; empty: none */
  readonly extension: string;
  readonly skip: SkipOptions;
  readonly cache: CacheOptions;
  readonly attack: AttackOptions;
  /** what a recipient gets of whom nobody knows whether it exists */
  readonly whenUnknown: 'accept' | 'tempfail';
  readonly texts: AnswerTexts;
  /** ms within which every question is decided */
  readonly budget: number;
}
