/**
 * Who came near a limit in a period, from the store: the submitters with most refusals of each kind are judged
 * again over their own events. Others cannot have come nearer; an event of somebody else changes no window of theirs.
 * What a provider said while it was suspect is no reason here either; that it said something still counts.
 */
import { Judge, type Nearest } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { Submitter } from '../model/event.ts';
import type { Store } from '../store/store.ts';
import { buildOutageLookup, loadOutages } from './outages.ts';

/** Half of the limit is where it becomes worth a look. */
const NEAR = 0.5;
/** The newest so many events of a submitter are judged: who has more a day sends on purpose. */
const MOST_EVENTS = 2000;

/** A submitter with its sums over the whole period: no window within it can hold more. */
interface Candidate extends Submitter {
  readonly invalid: number;
  readonly clients: number;
}

function couldBeNear(
  { count, distinct, ratio, limits }: Rule,
  { invalid, clients }: Candidate,
): boolean {
  const least = NEAR * Math.min(...limits.map(({ limit }) => limit));
  if (ratio) return true;
  if (distinct === 'client') return clients >= least;
  return count === 'invalid' ? invalid >= least : true;
}

/** By share of the limit, nearest first; only rules that block. Times in ms, `until` exclusive. */
export function nearMisses(
  store: Store,
  rules: readonly Rule[],
  candidates: readonly Candidate[],
  period: { readonly since: number; readonly until: number },
): Nearest[] {
  const blocking = rules.filter((rule) => rule.action === 'block');
  const possible = candidates.filter((candidate) =>
    blocking.some((rule) => couldBeNear(rule, candidate)),
  );
  const doubt = buildOutageLookup(loadOutages(store));
  const found = possible.flatMap((submitter) => {
    const judge = new Judge(blocking);
    const query = {
      ...period,
      submitter: { type: submitter.type, id: submitter.id },
      limit: MOST_EVENTS,
    };
    for (const { event } of store.events.query(query)) {
      judge.feed(doubt(event) === undefined ? event : { ...event, reason: undefined });
    }
    return judge.nearest().filter(({ highest, limit }) => highest >= NEAR * limit);
  });
  return found.sort((a, b) => b.highest / b.limit - a.highest / a.limit);
}
