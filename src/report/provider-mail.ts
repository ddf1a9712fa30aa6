/** Mail to some providers: who sent it before a time, and when the provider took mail again. */
import { dropUndefined } from '../base/defined.ts';
import { DAY } from '../base/time.ts';
import { PROVIDERS } from '../judge/outage/provider.ts';
import type { SubmitterType } from '../model/event.ts';
import type { Outcome, Outcomes } from '../store/outcomes.ts';

/** When a provider first and last refused us, ms. */
export interface RefusedPeriod {
  readonly since: number;
  readonly last: number;
}

/** A submitter, and how many recipients at the provider its mail had. */
export interface ProviderSender {
  readonly type: SubmitterType;
  readonly id: string;
  readonly recipients: number;
  /** of these, how many the provider refused for good */
  readonly refused: number;
}

export interface ProviderMail {
  /** in the day before the first refusal, most first */
  readonly before: readonly ProviderSender[];
  /** the first mail that it took after the last refusal, ms; absent while there is none */
  readonly ended?: number;
}

interface Count {
  recipients: number;
  refused: number;
}

interface Draft extends RefusedPeriod {
  /** by the number of the submitter */
  readonly counts: Map<number, Count>;
  ended?: number;
}

/** Submitters that are looked up; spellings of one login are added up among these. */
const MOST_NAMED = 50;

/** By provider; `until` in ms, `most`: senders of each. Reads all outcomes once. */
export function gatherProviderMail(
  outcomes: Outcomes,
  periods: ReadonlyMap<string, RefusedPeriod>,
  until: number,
  most: number,
): Map<string, ProviderMail> {
  const drafts = new Map<string, Draft>(
    [...periods].map(([provider, period]) => [provider, { ...period, counts: new Map() }]),
  );
  if (drafts.size === 0) return new Map();
  const first = Math.min(...[...periods.values()].map(({ since }) => since));
  outcomes.visit(first - DAY, until, (outcome) => {
    const draft = drafts.get(PROVIDERS.get(outcome) ?? '');
    if (draft !== undefined) addOutcome(draft, outcome);
  });
  return new Map(
    [...drafts].map(([provider, { counts, ended }]) => [
      provider,
      dropUndefined({ before: nameSenders(counts, outcomes).slice(0, most), ended }),
    ]),
  );
}

function addOutcome(draft: Draft, { time, refused, submitter }: Outcome): void {
  const { since, last, counts } = draft;
  if (time > last && !refused) draft.ended = Math.min(draft.ended ?? time, time);
  if (time >= since || time < since - DAY || submitter === undefined) return;
  const count = counts.get(submitter) ?? { recipients: 0, refused: 0 };
  counts.set(submitter, count);
  count.recipients++;
  if (refused) count.refused++;
}

function nameSenders(counts: ReadonlyMap<number, Count>, outcomes: Outcomes): ProviderSender[] {
  const senders = new Map<string, ProviderSender>();
  const top = [...counts].sort(([, a], [, b]) => b.recipients - a.recipients).slice(0, MOST_NAMED);
  for (const [number, { recipients, refused }] of top) {
    const name = outcomes.name(number);
    if (name === undefined) continue;
    const key = `${name.type} ${name.id}`;
    const known = senders.get(key);
    senders.set(key, {
      ...name,
      recipients: recipients + (known?.recipients ?? 0),
      refused: refused + (known?.refused ?? 0),
    });
  }
  return [...senders.values()].sort((a, b) => b.recipients - a.recipients);
}
