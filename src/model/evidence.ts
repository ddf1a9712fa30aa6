/** Why someone was shut out, as people are told: in the mail, by `postern explain`. */
import type { Block, Verdict } from './block.ts';
import type { Reason } from './event.ts';

/** A value of the rule of that name as people read it: `100`, `93.7 %`. */
export type Measure = (value: number, rule: string) => string;

/** A client address with its events. */
export interface ClientCount {
  readonly address: string;
  readonly name?: string;
  readonly count: number;
}

/** One refused recipient. */
export interface RefusedRecipient {
  readonly time: number;
  readonly recipient: string;
  readonly reason?: Reason;
  readonly reply?: string;
  readonly relay?: string;
}

/** A log line as it stands in the file. */
export interface QuotedLine {
  readonly source: string;
  readonly line: number;
  readonly text: string;
}

/** Refusals of a provider that was suspect: they may be no fault of whoever sent the mail. Times in ms. */
export interface DoubtedRefusals {
  readonly provider: string;
  readonly refusals: number;
  /** from when on it is not believed, and until when; undefined: it still is not */
  readonly since: number;
  readonly ended?: number;
  /** the provider was found out after the verdict: they are in its count, and in all other numbers */
  readonly counted: boolean;
}

export interface Evidence {
  readonly verdict: Verdict;
  readonly block?: Block & { readonly released?: number };
  /** the rule's own description */
  readonly description?: string;
  /** events in the window up to the verdict, as far as they counted; so are all that follow */
  readonly events: number;
  readonly first: number;
  readonly last: number;
  /** different client addresses among the events */
  readonly addresses: number;
  /** those with most events */
  readonly clients: readonly ClientCount[];
  readonly senders: readonly string[];
  /** different recipients among the events */
  readonly recipients: number;
  /** the latest refusals among the events */
  readonly sample: readonly RefusedRecipient[];
  readonly lines: readonly QuotedLine[];
  /** refusals that are not believed, by provider; absent: none */
  readonly doubted?: readonly DoubtedRefusals[];
}

/** What was done about a verdict, one sentence each. */
export type Measures = readonly string[];
