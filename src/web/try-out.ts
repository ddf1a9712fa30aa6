/** What a rule would have done with another limit, over the stored events. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Judge } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import { buildOutageLookup } from '../report/outages.ts';
import { loadOutages } from '../store/outages.ts';
import { Store } from '../store/store.ts';

/** One limit, and whom it would have blocked. */
export interface Trial {
  readonly limit: number;
  readonly verdicts: readonly Verdict[];
}

/** Events between two turns of others, a few ms. */
const PART = 5000;

/**
 * Judges the events from `since` to `until` (ms) with each of the limits in place of the rule's first one. Each key that
 * meets it gives one verdict, as if it were blocked from then on. Others run in between.
 */
export async function tryLimits(
  path: string,
  rule: Rule,
  limits: readonly number[],
  { since, until }: { readonly since: number; readonly until: number },
): Promise<Trial[]> {
  const trials = limits.map((limit) => ({
    limit,
    judge: new Judge([withLimit(rule, limit)]),
    met: new Map<string, Verdict>(),
  }));
  // A connection of its own: it reads for as long as it takes.
  const store = new Store(path, { readonly: true });
  try {
    const findOutage = buildOutageLookup(loadOutages(store));
    let read = 0;
    for (const { event } of store.events.query({ since, until })) {
      const seen = withoutOutages(event, findOutage, rule);
      for (const { judge, met } of trials) {
        for (const verdict of judge.feed(seen)) {
          const name = nameOf(verdict.key);
          if (!met.has(name)) met.set(name, verdict);
        }
      }
      if (++read % PART === 0) await nextTurn();
    }
  } finally {
    store.close();
  }
  return trials.map(({ limit, met }) => ({ limit, verdicts: [...met.values()] }));
}

/** The reason of a refusal during an outage does not count, and without the provider the judge looks for no others. */
function withoutOutages(
  event: MailEvent,
  findOutage: ReturnType<typeof buildOutageLookup>,
  { bound }: Rule,
): MailEvent {
  const counted = findOutage(event) === undefined ? event : { ...event, reason: undefined };
  return bound?.host === undefined ? { ...counted, relay: undefined } : counted;
}

/** Of a rule with several limits, the others grow with the first. */
function withLimit(rule: Rule, limit: number): Rule {
  const first = rule.limits[0]?.limit ?? limit;
  const limits = rule.limits.map((each) => ({
    ...each,
    limit: Math.max(1, Math.round((each.limit * limit) / first)),
  }));
  return { ...rule, limits, enabled: true, durations: [undefined] };
}

function nameOf({ type, id }: Key): string {
  return `${type} ${id}`;
}
