/**
 * How the submitters and clients stood against the limits in a period: who came near one, and who was beyond one. The
 * stored events are judged again, from one period of each limit before, because a window that reaches into the period
 * counts: at its beginning, what was counted just before still stands. Each limit has a judge of its own, who sees the
 * events of those who can have come near that limit (candidates.ts). The reason of a refusal during a provider outage does not count here either.
 */
import { Judge } from '../judge/judge.ts';
import { measureShare, type Nearest } from '../judge/nearest.ts';
import type { Limit, Rule } from '../judge/rule.ts';
import type { Key } from '../model/block.ts';
import type { MailEvent } from '../model/event.ts';
import type { HeldPages } from '../store/held-pages.ts';
import { loadOutages } from '../store/outages.ts';
import type { Page } from '../store/page.ts';
import type { Store } from '../store/store.ts';
import type { StoredBlock } from '../store/stored-block.ts';
import { Candidates } from './candidates.ts';
import { buildOutageLookup } from './outages.ts';

/** Times in ms, `until` exclusive. */
interface Period {
  readonly since: number;
  readonly until: number;
}

type Visit = (page: Page, at: number) => void;

/** A key that was beyond a limit of a rule. */
export interface Beyond {
  readonly rule: string;
  readonly key: Key;
}

interface Standings {
  /** by share of the limit, nearest first: up to ten keys a rule, of rules that only observe too */
  readonly near: readonly Nearest[];
  readonly beyond: readonly Beyond[];
}

/** The share of a limit from which on a key is shown. */
const NEAR = 0.5;

/** Events that are read in the same pass, because to load a page takes time. */
interface Reading {
  /** all from `findFirst` on, and from `since` on */
  readonly pages: HeldPages;
  /** ms, at most the begin of the period */
  readonly since: number;
  /** called for the events from then to the end of the period, in the order in which they came */
  readonly visit: Visit;
}

/** The time (ms) from which on events can count for a limit in a period that begins at `since`. */
export function findFirst(rules: readonly Rule[], since: number): number {
  const periods = rules
    .filter(({ usual }) => usual === undefined)
    .flatMap(({ limits }) => limits.map(({ period }) => period));
  return since - Math.max(1, ...periods) + 1;
}

/** Call it inside `Store.readAtOnce`. */
export function findStandings(
  store: Store,
  all: readonly Rule[],
  period: Period,
  { pages, since, visit }: Reading,
): Standings {
  // What is usual for a key follows from weeks, which are not judged again here.
  const rules = all.filter(({ usual }) => usual === undefined);
  const spans = buildSpans(rules, period.since);
  const first = findFirst(rules, period.since);
  const judge = judgeAgain(store, spans, new Candidates(store, pages, rules, period, NEAR));
  pages.scan(Math.min(first, since), period.until, (page, at) => {
    const time = page.time(at);
    if (time >= first) judge(page, at);
    if (time >= since) visit(page, at);
  });
  for (const { key, start, end } of store.blocks.allRunning()) {
    if (start < period.until) for (const { judge } of spans.values()) judge.hold(key, end);
  }
  const beyond = new Map([...spans.values()].flatMap((span) => [...span.beyond]));
  const near = [...spans.values()]
    .flatMap(({ judge }) => judge.nearest())
    .filter((one) => measureShare(one) >= NEAR && !beyond.has(name(one)))
    .sort((a, b) => measureShare(b) - measureShare(a));
  const best = new Map([...near].reverse().map((one) => [name(one), one]));
  return { near: near.filter((one) => best.get(name(one)) === one), beyond: [...beyond.values()] };
}

const NOBODY: readonly Key[] = [];

/** One limit of a rule, with the windows that it had in the period of the report. */
class Span {
  readonly judge: Judge;
  readonly beyond = new Map<string, Beyond>();
  /** what an event at this time (ms) or later counted for is still in a window when the report begins */
  readonly from: number;
  /** whether its judge needs more of an event than the columns have */
  readonly needsTexts: boolean;
  readonly #needsHost: boolean;

  constructor(rule: Rule, limit: Limit, since: number) {
    this.#needsHost = rule.bound?.host !== undefined;
    this.needsTexts = needsTexts(rule);
    // It only observes: a block would hide how the key stands later.
    this.judge = new Judge([{ ...rule, action: 'observe', limits: [limit] }]);
    this.from = since - limit.period + 1;
  }

  /** Gives the keys that meet the limit with this event. */
  feed(event: MailEvent): readonly Key[] {
    if (event.time < this.from) return NOBODY;
    // Without the provider the judge looks for no outages. The store knows those that there were; with less of the past,
    // others would seem to be some.
    const seen = this.#needsHost ? event : { ...event, relay: undefined };
    const verdicts = this.judge.feed(seen);
    if (verdicts.length === 0) return NOBODY;
    for (const { rule, key } of verdicts) this.beyond.set(name({ rule, key }), { rule, key });
    return verdicts.map(({ key }) => key);
  }

  release({ key, released = 0, releasedBy }: StoredBlock): void {
    if (releasedBy === 'guard' || releasedBy === 'expiry') return this.judge.unhold(key);
    this.judge.release(key, released);
    for (const [known, one] of this.beyond) {
      if (one.key.type === key.type && one.key.id === key.id) this.beyond.delete(known);
    }
  }
}

/** Whether the judge of a rule looks at more than kind, time, submitter, client and number of recipients. */
function needsTexts(rule: Rule): boolean {
  const { per, distinct, count, except } = rule;
  const isByColumns = per === 'submitter' || per === 'user' || per === 'uid' || per === 'client';
  const isPlain = count === 'recipients' || count === 'logins' || count === 'auth-failed';
  return (
    !isByColumns ||
    !isPlain ||
    distinct === 'recipient' ||
    rule.ratio ||
    rule.atLeastShare !== undefined ||
    rule.bound !== undefined ||
    rule.nullSender === true ||
    rule.adjustment !== undefined ||
    Object.values(except).some(({ length }) => length > 0)
  );
}

function buildSpans(rules: readonly Rule[], since: number): ReadonlyMap<Limit, Span> {
  return new Map(
    rules.flatMap((rule) => rule.limits.map((limit) => [limit, new Span(rule, limit, since)])),
  );
}

/** Feeds the stored events, which come in their order, with the ends of blocks in between. */
function judgeAgain(store: Store, spans: ReadonlyMap<Limit, Span>, candidates: Candidates): Visit {
  const findOutage = buildOutageLookup(loadOutages(store));
  const releases = store.blocks.releasedSince(0);
  const released = new Set(releases.map(({ key }) => `${key.type} ${key.id}`));
  let next = 0;
  return (page, at) => {
    const limits = candidates.limitsNear(page, at);
    if (limits.length === 0) return;
    const id = page.id(at);
    const isBrief = !limits.some((limit) => spans.get(limit)?.needsTexts === true);
    const { names } = store.events;
    const event = (isBrief ? page.brief(at, names) : undefined) ?? page.event(at, names);
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) {
      for (const span of spans.values()) span.release(releases[next] as StoredBlock);
    }
    const counted = findOutage(event) === undefined ? event : { ...event, reason: undefined };
    for (const limit of limits) {
      for (const key of spans.get(limit)?.feed(counted) ?? NOBODY) {
        if (!released.has(`${key.type} ${key.id}`)) candidates.settle(limit, key, page, at);
      }
    }
  };
}

/** One entry for each rule and key. */
function name({ rule, key }: Beyond): string {
  return `${rule} ${key.type} ${key.id}`;
}
