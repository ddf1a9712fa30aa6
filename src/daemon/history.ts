/**
 * The judge's state after a restart, and what it is told of the verdicts that it gave: nothing of it is stored, it
 * follows from the stored events, verdicts and blocks.
 */
import { DAY, HOUR } from '../base/time.ts';
import { type BlockPolicy, isStillUnblocked } from '../enforce/decide.ts';
import { Judge } from '../judge/judge.ts';
import type { JudgeOptions } from '../judge/options.ts';
import { OUTAGE_REACH } from '../judge/outage/detector.ts';
import type { Rule } from '../judge/rule.ts';
import type { Recall } from '../judge/verdict.ts';
import type { Verdict, VerdictOutcome } from '../model/block.ts';
import type { Position } from '../model/line.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
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
 * A judge in the state that the stored events, verdicts, releases and running blocks lead to. Windows are not stored:
 * they are a function of the events, so they cannot disagree with them, and changed rules see the same past.
 * `now` (ms) bounds the newest event: one time stamp from the future must not hide the past. It yields now and then, so
 * that others get their turn; nobody may write to the store in between. `policy`: how verdicts are decided on from now on;
 * who was not blocked for a reason that is gone is judged again at the next event.
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
  const past = new PastVerdicts(store, since);
  const hold = (verdict: Verdict, outcome: VerdictOutcome | undefined) => {
    const isSame =
      outcome === undefined || policy === undefined || isStillUnblocked(verdict, outcome, policy);
    if (!isSame) judge.unhold(verdict.key);
    else holdUnblocked(judge, verdict, outcome);
  };
  const releases = store.blocks.releasedSince(0);
  let next = 0;
  let count = 0;
  for (const { id, event } of store.events.after(0, since)) {
    if (++count % PART === 0) yield;
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) applyRelease(judge, releases[next]);
    for (const verdict of judge.recount(event, (verdict) => past.recall(verdict))) {
      const outcome = past.outcomeOf(verdict);
      // Until its release, which is stored as well.
      if (outcome === 'blocked') judge.hold(verdict.key, undefined, verdict.at);
      else hold(verdict, outcome);
    }
  }
  for (const block of releases.slice(next)) applyRelease(judge, block);
  loadUsual(store, judge.usual);
  for (const { verdict, outcome } of past.all) {
    if (verdict.past !== undefined && outcome === 'blocked') judge.noteOffence(verdict);
    hold(verdict, outcome);
  }
  for (const { key, end, at } of store.blocks.allRunning()) judge.hold(key, end, at);
  judge.takeOutageChanges(); // they were reported when they were committed
  return judge;
}

/** The verdicts that were given before the restart, and their outcomes. */
class PastVerdicts {
  readonly all: readonly StoredVerdict[];
  readonly #byName: ReadonlyMap<string, StoredVerdict>;
  /** by rule, limit and key, when it was observed first (ms) */
  readonly #observed: ReadonlyMap<string, number>;

  constructor(store: Store, since: number) {
    this.all = store.verdicts.between(since, Number.MAX_SAFE_INTEGER);
    this.#byName = new Map(this.all.map((stored) => [nameVerdict(stored.verdict), stored]));
    this.#observed = new Map(
      store.verdicts.firstObserved().map((first) => [nameLimit(first), first.time]),
    );
  }

  /**
   * What became of a verdict. One that was not given then does not count now: a rule that is new or has changed must not
   * be kept from its first verdict. An observation that was not given although there was an earlier one had the same
   * excess; its beginning may lie further back than the events that are counted again.
   */
  recall(verdict: Verdict): ReturnType<Recall> {
    const stored = this.#byName.get(nameVerdict(verdict));
    if (stored?.verdict.action === verdict.action) {
      return stored.outcome === 'stale' ? 'stale' : 'given';
    }
    if (verdict.action !== 'observe') return undefined;
    const { limit, fullLimit = limit } = verdict;
    const first = this.#observed.get(nameLimit({ ...verdict, limit: fullLimit }));
    return first !== undefined && first <= verdict.time ? 'continued' : undefined;
  }

  outcomeOf(verdict: Verdict): VerdictOutcome | undefined {
    return this.#byName.get(nameVerdict(verdict))?.outcome;
  }
}

function nameLimit({
  rule,
  key,
  limit,
  period,
}: Pick<Verdict, 'rule' | 'key' | 'limit' | 'period'>): string {
  return `${rule} ${limit} ${period} ${key.type} ${key.id}`;
}

function nameVerdict(verdict: Verdict): string {
  const { rule, key } = verdict;
  return `${rule} ${key.type} ${key.id} ${nameEvent(verdict)}`;
}

/** With the time: another file may have had the same name. */
function nameEvent({ source, line, offset, time }: Position & { readonly time: number }): string {
  return `${source} ${line} ${offset} ${time}`;
}

/** Outcomes that blocked nobody, and are not worth another verdict at each further event. */
const WITHOUT_BLOCK: ReadonlySet<VerdictOutcome> = new Set([
  'capped',
  'mode-observe',
  'allowed',
  'unblockable',
]);

/**
 * Tells a judge that a verdict blocked nobody: it judges the key again an hour later. After a stale verdict it does so
 * at once. Does nothing for any other outcome.
 */
export function holdUnblocked(
  judge: Judge,
  { key, time }: Verdict,
  outcome: VerdictOutcome | undefined,
): void {
  if (outcome !== undefined && WITHOUT_BLOCK.has(outcome)) judge.hold(key, time + HOUR);
}

/** Tells a judge that a block has ended. */
export function applyRelease(judge: Judge, block: StoredBlock | undefined): void {
  if (block?.released === undefined) return;
  if (block.releasedBy === 'guard' || block.releasedBy === 'expiry') judge.unhold(block.key);
  else judge.release(block.key, block.released);
}
