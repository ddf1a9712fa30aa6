/**
 * The judge's state after a restart, and what it is told of the verdicts that it gave: nothing of it is stored, it
 * follows from the stored events, verdicts and blocks.
 */
import { DAY, HOUR } from '../base/time.ts';
import { Judge } from '../judge/judge.ts';
import { OUTAGE_REACH } from '../judge/outage/detector.ts';
import type { Rule } from '../judge/rule.ts';
import type { Verdict, VerdictOutcome } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { Position } from '../model/line.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import type { StoredVerdict } from '../store/verdicts.ts';

/** The longest PERIOD of the rules, at least a day, in ms: how far back their windows reach. */
export function findLongestPeriod(rules: readonly Rule[]): number {
  return Math.max(DAY, ...rules.flatMap((rule) => rule.limits.map(({ period }) => period)));
}

/** How far back events are fed again, ms: windows reach one period back, what they leave out another one. */
export function measureReach(rules: readonly Rule[]): number {
  return Math.max(2 * findLongestPeriod(rules), OUTAGE_REACH);
}

/**
 * A judge in the state that the stored events, verdicts, releases and running blocks lead to. Windows are not stored:
 * they are a function of the events, so they cannot disagree with them, and changed rules see the same past.
 * `now` (ms) bounds the newest event: one time stamp from the future must not hide the past.
 */
export function rebuildJudge(store: Store, rules: readonly Rule[], now: number): Judge {
  const since = Math.min(store.events.newestTime(), now) - measureReach(rules);
  const judge = new Judge(rules, { offences: store.blocks.offencesBefore(since) });
  const given = new GivenVerdicts(store, since);
  const releases = store.blocks.releasedSince(0);
  let next = 0;
  for (const { id, event } of store.events.after(0, since)) {
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) applyRelease(judge, releases[next]);
    for (const verdict of judge.feed(event, given.clockFor(event))) {
      holdUnblocked(judge, verdict, given.outcomeOf(verdict));
    }
  }
  for (const block of releases.slice(next)) applyRelease(judge, block);
  for (const { verdict, outcome } of given.all) holdUnblocked(judge, verdict, outcome);
  for (const { key, end } of store.blocks.allRunning()) judge.hold(key, end);
  judge.takeOutageChanges(); // they were reported when they were committed
  return judge;
}

/** The verdicts that were given before the restart, and their outcomes. */
class GivenVerdicts {
  readonly all: readonly StoredVerdict[];
  readonly #outcomes: ReadonlyMap<string, VerdictOutcome>;
  /** the events whose verdicts were not stale */
  readonly #fresh: ReadonlySet<string>;

  constructor(store: Store, since: number) {
    this.all = store.verdicts.between(since, Number.MAX_SAFE_INTEGER);
    this.#outcomes = new Map(
      this.all.map(({ verdict, outcome }) => [nameVerdict(verdict), outcome]),
    );
    const fresh = this.all.filter(({ outcome }) => outcome !== 'stale');
    this.#fresh = new Set(fresh.map(({ verdict }) => nameEvent(verdict)));
  }

  /**
   * The clock to judge an event by, ms: none if it led to a verdict that was not stale. By a clock in the far future all
   * other verdicts are stale, which changes nothing.
   */
  clockFor(event: MailEvent): number | undefined {
    return this.#fresh.has(nameEvent(event)) ? undefined : Number.MAX_SAFE_INTEGER;
  }

  outcomeOf(verdict: Verdict): VerdictOutcome | undefined {
    return this.#outcomes.get(nameVerdict(verdict));
  }
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
  if (block.releasedBy === 'guard') judge.unhold(block.key);
  else judge.release(block.key, block.released);
}
