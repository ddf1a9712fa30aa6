/**
 * Submitters that came near a limit in a period. The submitters with the most refusals are judged again, each over its
 * own stored events. That is enough: no other submitter can have come nearer, and the windows of one submitter do not
 * depend on the events of others. The reason of a refusal during a provider outage does not count here either.
 */
import { Judge } from '../judge/judge.ts';
import { measureShare, type Nearest } from '../judge/nearest.ts';
import type { Rule } from '../judge/rule.ts';
import type { Submitter } from '../model/event.ts';
import { loadOutages } from '../store/outages.ts';
import type { Store } from '../store/store.ts';
import { buildOutageLookup } from './outages.ts';

/** The share of a limit from which on a submitter is shown. */
const NEAR = 0.5;
/** Only the newest events of a submitter are judged. One with more a day sends on purpose. */
const MOST_EVENTS = 2000;

/** A submitter with its sums over the whole period: no window in it can hold more. */
interface Candidate extends Submitter {
  readonly invalid: number;
  readonly clients: number;
}

/** By share of the limit, nearest first; only for rules that block. Times in ms, `until` exclusive. */
export function findNearMisses(
  store: Store,
  rules: readonly Rule[],
  candidates: readonly Candidate[],
  period: { readonly since: number; readonly until: number },
): Nearest[] {
  const blocking = rules.filter((rule) => rule.action === 'block');
  const possible = candidates.filter((candidate) =>
    blocking.some((rule) => couldBeNear(rule, candidate)),
  );
  const findOutage = buildOutageLookup(loadOutages(store));
  const found = possible.flatMap(({ type, id }) => {
    const judge = new Judge(blocking);
    const query = { ...period, submitter: { type, id }, limit: MOST_EVENTS };
    for (const { event } of store.events.query(query)) {
      judge.feed(findOutage(event) === undefined ? event : { ...event, reason: undefined });
    }
    return judge.nearest().filter((near) => measureShare(near) >= NEAR);
  });
  return found.sort((a, b) => measureShare(b) - measureShare(a));
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
