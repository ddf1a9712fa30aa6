/** What verification finds out about a recipient. Types only. */

/** Where a question can fail: the steps of the SMTP dialogue, or looking something up (DNS, a map, a list). */
export const STEPS = ['connect', 'banner', 'HELO', 'MAIL', 'RCPT', 'lookup'] as const;
export type Step = (typeof STEPS)[number];

/** Nobody knows whether the recipient exists. */
export interface Unknown {
  readonly kind: 'unknown';
  readonly step: Step;
  /** for our own log; never for strangers, because it may have words of the back end */
  readonly reason: string;
  /** the back end itself is well: it has answered, and its answer says nothing about the recipient */
  readonly isAnswer?: true;
}

/** What a source says about an address. */
export type Answer = { readonly kind: 'valid' } | { readonly kind: 'invalid' } | Unknown;

/** Why a recipient was not looked at. */
export type SkipReason =
  | 'client'
  | 'daemon'
  | 'authenticated'
  | 'local'
  | 'domain'
  | 'address'
  | 'catch-all'
  | 'accepts-all';

/** Where a verdict comes from; `stale`: from an answer that has expired, because nobody can be asked. */
export type Origin = 'cache' | 'stale' | 'callout' | 'map' | 'list';

export type Verdict =
  | { readonly kind: 'valid' | 'invalid'; readonly from: Origin }
  /** `isBackup`: the domain's own server is down and we are its backup, which accepts */
  | (Unknown & { readonly isBackup: boolean })
  | { readonly kind: 'not-ours' }
  | { readonly kind: 'skipped'; readonly why: SkipReason };

/** What is known of the client when the recipient comes. */
export interface RecipientContext {
  /** IP address; undefined if the mail came by no network connection */
  readonly client?: string | undefined;
  /** `{daemon_name}` */
  readonly daemon?: string | undefined;
  readonly authenticated: boolean;
  /** from the command line, from a queue: no SMTP client waits for the answer */
  readonly local: boolean;
}

export function unknown(step: Step, reason: string): Unknown {
  return { kind: 'unknown', step, reason };
}

/** For an answer that says nothing about the recipient. */
export function undecided(reason: string): Unknown {
  return { kind: 'unknown', step: 'RCPT', reason, isAnswer: true };
}
