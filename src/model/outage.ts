/**
 * Provider outages. During an outage a provider refuses addresses that exist, and refuses them to many submitters at
 * once. Its refusals then do not count.
 */
import type { Key, Verdict } from './block.ts';

/** One outage. All times are event times in ms. */
export interface Outage {
  /** the domain that the provider's mail hosts have in common, or their network */
  readonly provider: string;
  /** submitters with a refusal, of those that were in touch with the provider when it was detected */
  readonly refused: number;
  readonly active: number;
  /** percent of the submitters that the provider usually refuses within half an hour */
  readonly usual: number;
  /** the verdicts that were taken back because they rested on the outage */
  readonly released: readonly { readonly rule: string; readonly key: Key }[];
  /** when it was detected */
  readonly began: number;
  /** when it started, as far as that can be told; refusals since then are taken back */
  readonly since: number;
  /** when it ended; absent while it lasts */
  readonly ended?: number;
}

/** An outage has begun, and these verdicts are taken back; or one has ended. */
export type OutageChange =
  | { readonly change: 'began'; readonly outage: Outage; readonly takenBack: readonly Verdict[] }
  | { readonly change: 'ended'; readonly outage: Required<Outage> };

/** Updates a list of outages, oldest first. */
export function applyOutageChange(outages: Outage[], change: OutageChange): void {
  if (change.change === 'began') {
    outages.push(change.outage);
    return;
  }
  const { provider, began, ended } = change.outage;
  const at = outages.findIndex((one) => one.provider === provider && one.began === began);
  const outage = outages[at];
  if (outage !== undefined) outages[at] = { ...outage, ended };
}

/** The verdicts that still hold after these changes. */
export function withoutTakenBack(verdicts: Verdict[], changes: readonly OutageChange[]): Verdict[] {
  if (changes.length === 0) return verdicts;
  const takenBack = changes.flatMap((change) =>
    change.change === 'began' ? change.takenBack : [],
  );
  return verdicts.filter((verdict) => !takenBack.includes(verdict));
}
