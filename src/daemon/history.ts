/** The judge's state after a restart: nothing of it is stored, it follows from the stored events, verdicts and blocks. */
import { DAY } from '../base/time.ts';
import type { BlockPolicy } from '../enforce/decide.ts';
import { Judge } from '../judge/judge.ts';
import type { JudgeOptions } from '../judge/options.ts';
import { OUTAGE_REACH } from '../judge/outage/detector.ts';
import type { Rule } from '../judge/rule.ts';
import type { Store } from '../store/store.ts';
import { Past } from './past.ts';
import { loadUsual } from './usual.ts';

/** The longest PERIOD of the rules, at least a day, in ms: how far back their windows reach. */
export function findLongestPeriod(rules: readonly Rule[]): number {
  return Math.max(DAY, ...rules.flatMap((rule) => rule.limits.map(({ period }) => period)));
}

/** How far back events are fed again, ms: windows reach one period back, what they leave out another one. */
export function measureReach(rules: readonly Rule[]): number {
  return Math.max(2 * findLongestPeriod(rules), OUTAGE_REACH);
}

/** How many events are fed again at a time: some milliseconds of work. */
const PART = 500;

/**
 * A judge in the state that the stored events, verdicts and blocks lead to. Windows are not stored: they are a function
 * of the events, so they cannot disagree with them, and changed rules see the same past. What was decided is not decided
 * again. `now` (ms) bounds the newest event: one time stamp from the future must not hide the past. It yields now and
 * then, so that others get their turn; nobody may write to the store in between. `policy`: how verdicts are decided on
 * from now on; who was not blocked for a reason that is gone is judged again at the next event.
 */
export function* rebuildJudge(
  store: Store,
  rules: readonly Rule[],
  now: number,
  options: Pick<JudgeOptions, 'canShutOutAt' | 'onCounted'> & { policy?: BlockPolicy } = {},
): Generator<void, Judge> {
  const since = Math.min(store.events.newestTime(), now) - measureReach(rules);
  const { policy, ...others } = options;
  const judge = new Judge(rules, { ...others, offences: store.blocks.offencesBefore(since) });
  // All from there on: a line that came late, or with a clock that was set back, has moved the windows.
  const first = store.events.firstSince(since) ?? store.events.newest() + 1;
  const past = new Past(store, first, since);
  let count = 0;
  for (const { id, event } of store.events.after(first - 1)) {
    if (++count % PART === 0) yield;
    past.goOn(judge, id, event.time);
    judge.recount(event, past.recall(event));
  }
  past.goOn(judge);
  loadUsual(store, judge.usual);
  if (policy !== undefined) past.reconsider(judge, policy);
  judge.takeOutageChanges(); // they were reported when they were committed
  return judge;
}
