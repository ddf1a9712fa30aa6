/** Why someone was shut out, as people are told: in the mail, by `postern explain`. */
import type { Block, Verdict } from './block.ts';
import type { Reason } from './event.ts';

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

export interface Evidence {
  readonly verdict: Verdict;
  readonly block?: Pick<Block, 'id' | 'start' | 'end' | 'key' | 'cause'>;
  /** the rule's own description */
  readonly description?: string;
  /** events in the window up to the verdict */
  readonly events: number;
  readonly first: number;
  readonly last: number;
  readonly clients: readonly ClientCount[];
  readonly senders: readonly string[];
  /** different recipients among the events */
  readonly recipients: number;
  readonly sample: readonly RefusedRecipient[];
  readonly lines: readonly QuotedLine[];
}

/** What was done about a verdict, one sentence each. */
export type Measures = readonly string[];
