/** The evidence for a verdict, as `postern explain` and the mails show it. */
import type { Block, Verdict } from './block.ts';
import type { Reason } from './event.ts';

/** Writes a value that the named rule measured: `100`, `93.7 %`. */
export type ValueFormat = (value: number, rule: string) => string;

/**
 * Writes the values of these rules: percent where the limit is a share of all recipients, else a number. The value of an
 * unknown rule is a plain number, since nothing tells what it measured.
 */
export function buildValueFormat(
  rules: Iterable<{ readonly name: string; readonly ratio: boolean }>,
): ValueFormat {
  const ratios = new Set([...rules].filter(({ ratio }) => ratio).map(({ name }) => name));
  return (value, rule) => (ratios.has(rule) ? `${value} %` : String(value));
}

/** A client address with the number of its events. */
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

/** A log line as it is in the file. */
export interface QuotedLine {
  readonly source: string;
  readonly line: number;
  readonly text: string;
}

/** Refusals during a provider outage. They may not be the fault of the submitter. Times in ms. */
export interface OutageRefusals {
  readonly provider: string;
  readonly refusals: number;
  /** when the outage started and ended; without an end, it lasts */
  readonly since: number;
  readonly ended?: number;
  /** the outage was detected after the verdict: the refusals are in its count, and in all other numbers */
  readonly counted: boolean;
}

export interface Evidence {
  readonly verdict: Verdict;
  readonly block?: Block & { readonly released?: number };
  /** the description in the rule */
  readonly description?: string;
  /** the number of events in the window up to the verdict, those that counted; all other numbers are of these events */
  readonly events: number;
  /** of all recipients of the submitter in the window, and those of them that did not exist; absent if not known */
  readonly outcomes?: { readonly invalid: number; readonly recipients: number };
  readonly first: number;
  readonly last: number;
  /** the number of different client addresses */
  readonly addresses: number;
  /** the clients with the most events */
  readonly clients: readonly ClientCount[];
  readonly senders: readonly string[];
  /** the number of different recipients */
  readonly recipients: number;
  /** the latest refusals */
  readonly sample: readonly RefusedRecipient[];
  readonly lines: readonly QuotedLine[];
  /** refusals during provider outages; absent: none */
  readonly outages?: readonly OutageRefusals[];
}

/** What was done about a verdict, one sentence each. */
export type Measures = readonly string[];
