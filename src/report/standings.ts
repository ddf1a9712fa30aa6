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
import type { StoredBlock } from '../store/blocks.ts';
import { loadOutages } from '../store/outages.ts';
import type { Page } from '../store/page.ts';
import type { Store } from '../store/store.ts';
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

/** Calls `visit` for the events of the period meanwhile: most of the time goes into opening pages, so they are read once. */
export function findStandings(
  store: Store,
  all: readonly Rule[],
  period: Period,
  visit: Visit = () => {},
): Standings {
  // What is usual for a key follows from weeks, which are not judged again here.
  const rules = all.filter(({ usual }) => usual === undefined);
  const spans = buildSpans(rules, period.since);
  const judge = judgeAgain(store, spans, new Candidates(store, rules, period, NEAR));
  const since = Math.min(period.since, ...[...spans.values()].map(({ from }) => from));
  store.events.scan({ since, until: period.until }, (page, at) => {
    judge(page, at);
    if (page.time(at) >= period.since) visit(page, at);
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

/** One limit of a rule, with the windows that it had in the period of the report. */
class Span {
  readonly judge: Judge;
  readonly beyond = new Map<string, Beyond>();
  /** what an event at this time (ms) or later counted for is still in a window when the report begins */
  readonly from: number;
  readonly #needsHost: boolean;

  constructor(rule: Rule, limit: Limit, since: number) {
    this.#needsHost = rule.bound?.host !== undefined;
    // It only observes: a block would hide how the key stands later.
    this.judge = new Judge([{ ...rule, action: 'observe', limits: [limit] }]);
    this.from = since - limit.period + 1;
  }

  feed(event: MailEvent): void {
    if (event.time < this.from) return;
    // Without the provider the judge looks for no outages. The store knows those that there were; with less of the past,
    // others would seem to be some.
    const seen = this.#needsHost ? event : { ...event, relay: undefined };
    for (const { rule, key } of this.judge.feed(seen)) {
      this.beyond.set(name({ rule, key }), { rule, key });
    }
  }

  release({ key, released = 0, releasedBy }: StoredBlock): void {
    if (releasedBy === 'guard' || releasedBy === 'expiry') return this.judge.unhold(key);
    this.judge.release(key, released);
    for (const [known, one] of this.beyond) {
      if (one.key.type === key.type && one.key.id === key.id) this.beyond.delete(known);
    }
  }
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
  let next = 0;
  return (page, at) => {
    const limits = candidates.limitsNear(page, at);
    if (limits.length === 0) return;
    const { id, event } = page.stored(at, store.events.names);
    for (; (releases[next]?.releasedEvent ?? id) < id; next++) {
      for (const span of spans.values()) span.release(releases[next] as StoredBlock);
    }
    const counted = findOutage(event) === undefined ? event : { ...event, reason: undefined };
    for (const limit of limits) spans.get(limit)?.feed(counted);
  };
}

/** One entry for each rule and key. */
function name({ rule, key }: Beyond): string {
  return `${rule} ${key.type} ${key.id}`;
}
