/** Gathers from the store what happened in a period. The same report is shown as text, as HTML and as JSON. */
import type { Nearest } from '../judge/nearest.ts';
import type { Rule } from '../judge/rule.ts';
import { buildValueFormat, type ValueFormat } from '../model/evidence.ts';
import type { Outage } from '../model/outage.ts';
import type { StoredBlock } from '../store/blocks.ts';
import { loadOutages } from '../store/outages.ts';
import type { Store } from '../store/store.ts';
import type {
  AttackerCount,
  KindCount,
  OwnMailboxCount,
  RefuserCount,
  SubmitterCount,
} from '../store/sums.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { findNearMisses } from './near-misses.ts';

export interface Report {
  /** ms */
  readonly since: number;
  readonly until: number;
  readonly kinds: readonly KindCount[];
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** blocks that began or ended in the period, or were running */
  readonly blocks: readonly StoredBlock[];
  readonly verdicts: readonly StoredVerdict[];
  /** keys that came to at least half of a limit that blocks, and did not meet it */
  readonly near: readonly Nearest[];
  readonly submitters: readonly SubmitterCount[];
  readonly refusers: readonly RefuserCount[];
  readonly ownMailboxes: readonly OwnMailboxCount[];
  readonly attackers: readonly AttackerCount[];
  readonly dsnsSent: number;
  /** provider outages that lasted for some of the period */
  readonly outages: readonly Outage[];
  readonly formatValue: ValueFormat;
}

/** Rows of a table. */
const MOST_ROWS = 10;
/** Blocks that are searched, newest first. */
const MOST_BLOCKS = 10_000;
/** Submitters that are searched for near misses. */
const CANDIDATES = 30;

/** Everything that happened from `since` to `until` (ms, exclusive). */
export function gatherReport(
  store: Store,
  rules: readonly Rule[],
  since: number,
  until: number,
): Report {
  const queries = store.sumPeriod(since, until);
  const submitters = queries.submitters(CANDIDATES);
  const { kinds, reasons } = queries.totals();
  const isWithin = (start: number, end: number | undefined) =>
    start < until && (end === undefined || end >= since);
  return {
    since,
    until,
    kinds,
    reasons,
    blocks: store.blocks
      .history(MOST_BLOCKS)
      .filter(({ start, released }) => isWithin(start, released))
      .reverse(),
    verdicts: store.verdicts.between(since, until).filter(({ outcome }) => outcome !== 'blocked'),
    near: findNearMisses(store, rules, submitters, { since, until }),
    submitters: submitters.slice(0, MOST_ROWS),
    refusers: queries.refusers(MOST_ROWS),
    ownMailboxes: queries.ownMailboxes(MOST_ROWS),
    attackers: queries.attackers(MOST_ROWS),
    dsnsSent: kinds.find(({ kind }) => kind === 'dsn-sent')?.count ?? 0,
    outages: loadOutages(store).filter(({ began, ended }) => isWithin(began, ended)),
    formatValue: buildValueFormat(rules),
  };
}
