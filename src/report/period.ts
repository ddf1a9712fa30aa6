/** Gathers from the store what happened in a period. The same report is shown as text, as HTML and as JSON. */
import { dropUndefined } from '../base/defined.ts';
import { MINUTE } from '../base/time.ts';
import type { Nearest } from '../judge/nearest.ts';
import type { Rule } from '../judge/rule.ts';
import type { Key } from '../model/block.ts';
import type { EventQuery } from '../model/event-query.ts';
import { buildValueFormat, type ValueFormat } from '../model/evidence.ts';
import type { StoredListing } from '../model/listing.ts';
import type { Outage } from '../model/outage.ts';
import type { AttackerCount } from '../store/attackers.ts';
import type { Backscatter } from '../store/backscatter.ts';
import type { DeferralCount } from '../store/deferrals.ts';
import { FigureSums, type Figures } from '../store/figures.ts';
import { loadOutages } from '../store/outages.ts';
import type { Page } from '../store/page.ts';
import type { RefuserCount } from '../store/refusers.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import type { KindCount, OwnMailboxCount, SubmitterCount } from '../store/sums.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import type { SenderCount } from '../store/volume.ts';
import type { Course, ProviderCount } from './course.ts';
import { PeriodSums } from './period-sums.ts';
import { describeRefusals, type ReputationRefusal } from './reputation.ts';
import type { Servers } from './servers.ts';
import type { ServiceHealth } from './service.ts';
import { type Beyond, findFirst, findStandings } from './standings.ts';

export interface Report {
  /** ms */
  readonly since: number;
  readonly until: number;
  /** events from before this time (ms) are deleted; absent if all of the period is kept */
  readonly keptSince?: number;
  readonly figures: Figures;
  /** the period of the same length before; absent if it is not kept whole */
  readonly before?: { readonly since: number; readonly until: number; readonly figures: Figures };
  readonly course: Course;
  readonly kinds: readonly KindCount[];
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** blocks that began or ended in the period, or were running */
  readonly blocks: readonly StoredBlock[];
  /** of the period, without those that blocked */
  readonly verdicts: readonly StoredVerdict[];
  /** from before the period; what they are about goes on in it */
  readonly lasting: readonly StoredVerdict[];
  /** keys that came to at least half of a limit and did not meet it */
  readonly near: readonly Nearest[];
  readonly submitters: readonly SubmitterCount[];
  readonly senders: readonly SenderCount[];
  readonly providers: readonly ProviderCount[];
  readonly deferrals: readonly DeferralCount[];
  readonly refusers: readonly RefuserCount[];
  readonly ownMailboxes: readonly OwnMailboxCount[];
  readonly attackers: readonly AttackerCount[];
  readonly dsnsSent: number;
  /** notifications to strangers, and those that came from elsewhere or were refused */
  readonly backscatter: Backscatter;
  /** provider outages that lasted for some of the period */
  readonly outages: readonly Outage[];
  /** our addresses and names on blocklists, for some of the period */
  readonly listings: readonly StoredListing[];
  /** who refused us because of our address or name */
  readonly reputation: readonly ReputationRefusal[];
  /** Only the events that meet conditions count: tables about anything else are empty. */
  readonly isNarrow?: boolean;
  /** when the report was made; absent: not asked for */
  readonly service?: ServiceHealth;
  /** absent: not asked for */
  readonly servers?: Servers;
  readonly formatValue: ValueFormat;
}

/** Rows of a table. */
const MOST_ROWS = 10;
/** Blocks that are searched, newest first. */
const MOST_BLOCKS = 10_000;
/** Share of the period before that may be without events at its begin, before nothing is compared with it. */
const MISSING = 0.1;
/** Who is blocked so soon after a limit was met, ms, is blocked: by another rule, or as soon as the line was read. */
const SOON = MINUTE;

/** Events after which `onRead` is called. */
const READ_TOGETHER = 4096;

/** What a report is narrowed to. */
export interface Narrowing {
  readonly query: EventQuery;
  /** whether a block or verdict of this key is meant */
  readonly hasKey: (key: Key) => boolean;
}

/**
 * Everything that happened from `since` to `until` (ms, exclusive), or what is left of it by `narrowing`. `onRead` gets how many events were read since its
 * last call, and the time of the last one, ms.
 */
export function gatherReport(
  store: Store,
  rules: readonly Rule[],
  since: number,
  until: number,
  onRead?: (count: number, time: number) => void,
  narrowing?: Narrowing,
): Report {
  return store.readAtOnce(() => gather(store, rules, { since, until }, onRead, narrowing));
}

function gather(
  store: Store,
  rules: readonly Rule[],
  { since, until }: { readonly since: number; readonly until: number },
  onRead: ((count: number, time: number) => void) | undefined,
  narrowing: Narrowing | undefined,
): Report {
  let read = 0;
  const isMeant = narrowing && store.events.matcher(narrowing.query);
  const pruned = store.state.read('pruned') ?? 0;
  const before = findBefore(store, since, until, pruned);
  const from = before?.since ?? since;
  const pages = store.events.hold({ since: Math.min(from, findFirst(rules, since)), until });
  const sums = new PeriodSums(store.events.names, pages, { since, until }, isMeant);
  const figuresBefore = new FigureSums();
  const visit = (page: Page, at: number) => {
    const time = page.time(at);
    if (time < since) {
      if (before !== undefined && isMeant?.(page, at) !== false) figuresBefore.add(page, at);
      return;
    }
    sums.add(page, at);
    if (onRead !== undefined && ++read % READ_TOGETHER === 0) onRead(READ_TOGETHER, time);
  };
  const reading = { pages, since: from, visit };
  const { near, beyond } = findStandings(store, rules, { since, until }, reading);
  sums.readTexts(MOST_ROWS);
  const { kinds, reasons } = sums.totals.totals();
  const verdicts = store.verdicts.between(since, until);
  const isWithin = (start: number, end: number | undefined) =>
    start < until && (end === undefined || end >= since);
  const blocks = store.blocks
    .history(MOST_BLOCKS)
    .filter(({ start, released }) => isWithin(start - SOON, released))
    .reverse();
  const blocked = buildBlockTimes(blocks);
  const isBlocked = ({ verdict: { key, time } }: StoredVerdict) => blocked(key, time, until);
  const report = dropUndefined({
    since,
    until,
    keptSince: pruned > since ? pruned : undefined,
    figures: sums.figures.figures,
    before: before && { ...before, figures: figuresBefore.figures },
    course: sums.course.course(),
    kinds,
    reasons,
    blocks: blocks.filter(({ start }) => start < until),
    verdicts: verdicts.filter((one) => one.outcome !== 'blocked' && !isBlocked(one)),
    lasting: findLasting(store, beyond, verdicts, since).filter((one) => !isBlocked(one)),
    near: near.filter(({ key, time }) => !blocked(key, time, until)),
    submitters: sums.events.submitters(MOST_ROWS),
    senders: sums.volume.senders(MOST_ROWS),
    providers: sums.course.providers(MOST_ROWS),
    deferrals: sums.deferrals.rows(),
    refusers: sums.refusers.rows(),
    ownMailboxes: sums.events.ownMailboxes(MOST_ROWS),
    attackers: sums.attackers.rows(),
    dsnsSent: kinds.find(({ kind }) => kind === 'dsn-sent')?.count ?? 0,
    backscatter: sums.events.backscatter(MOST_ROWS),
    outages: loadOutages(store).filter(({ began, ended }) => isWithin(began, ended)),
    listings: store.listings.between(since, until),
    reputation: describeRefusals(store, sums.refusals, until),
    formatValue: buildValueFormat(rules),
  });
  return narrowing === undefined ? report : narrow(report, narrowing);
}

/** What is about other keys, or about nobody's mail, is left out. */
function narrow(report: Report, { hasKey }: Narrowing): Report {
  const isMeant = ({ verdict }: StoredVerdict) => hasKey(verdict.key);
  return {
    ...report,
    isNarrow: true,
    blocks: report.blocks.filter(({ key }) => hasKey(key)),
    verdicts: report.verdicts.filter(isMeant),
    lasting: report.lasting.filter(isMeant),
    near: report.near.filter(({ key }) => hasKey(key)),
    outages: [],
    listings: [],
  };
}

/** The period before, unless some of it is deleted or was before the first event. */
function findBefore(
  store: Store,
  since: number,
  until: number,
  pruned: number,
): { readonly since: number; readonly until: number } | undefined {
  const period = { since: since - (until - since), until: since };
  const oldest = store.events.oldestTime() ?? Number.POSITIVE_INFINITY;
  const isMissing = pruned > period.since || oldest > period.since + MISSING * (until - since);
  return isMissing ? undefined : period;
}

/** Whether a key was blocked at a time or soon after, or is at the end of the period (both ms): then it is no case of no block. */
function buildBlockTimes(
  blocks: readonly StoredBlock[],
): (key: Key, time: number, until: number) => boolean {
  const byKey = new Map<string, StoredBlock[]>();
  for (const block of blocks) {
    const name = `${block.key.type} ${block.key.id}`;
    byKey.set(name, [...(byKey.get(name) ?? []), block]);
  }
  return ({ type, id }, time, until) =>
    (byKey.get(`${type} ${id}`) ?? []).some(
      ({ start, released = Number.POSITIVE_INFINITY }) =>
        (start <= time + SOON && time < released) || (start < until && released >= until),
    );
}

/** All keys that the tables name, for their style. */
export function listKeys({ blocks, verdicts, lasting, near, ...rest }: Report): Key[] {
  return [
    ...blocks.map(({ key }) => key),
    ...[...verdicts, ...lasting].map(({ verdict }) => verdict.key),
    ...near.map(({ key }) => key),
    ...rest.submitters,
    ...rest.senders,
  ];
}

/**
 * Verdicts from before the period whose excess goes on in it. An excess without a break gives one verdict, so there is
 * none in the period.
 */
function findLasting(
  store: Store,
  beyond: readonly Beyond[],
  verdicts: readonly StoredVerdict[],
  since: number,
): StoredVerdict[] {
  const isNew =
    ({ rule, key }: Beyond) =>
    (one: StoredVerdict) =>
      one.verdict.rule === rule &&
      one.verdict.key.type === key.type &&
      one.verdict.key.id === key.id;
  return beyond
    .filter((one) => !verdicts.some(isNew(one)))
    .flatMap((one) => {
      const before = store.verdicts.findByKey(one.key).filter(isNew(one));
      return before.find(({ verdict }) => verdict.time < since) ?? [];
    })
    .filter(({ outcome }) => outcome !== 'blocked');
}
